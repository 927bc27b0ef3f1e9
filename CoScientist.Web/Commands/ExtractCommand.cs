using System.CommandLine;
using System.Text.Json.Serialization;
using CoScientist.Core;
using CoScientist.Core.Extraction;
using CoScientist.Core.Extraction.Pipelines;
using CoScientist.Core.Papers;
using CoScientist.Core.Storage;
using CoScientist.Web.Extraction;

namespace CoScientist.Web.Commands;

/// <summary>Papers to goals, rubric items and reference solutions.</summary>
internal static class ExtractCommand
{
    public static Command Create()
    {
        var model = new Option<string?>("--model") { Description = $"Model server to extract with (default: the creator of Admin, Model servers, else the first server, else {ExtractiveDrafter.Name}, which needs no model)" };
        var pipeline = new Option<string>("--pipeline") { Description = "How a model extracts: leak-resistant writes the goal without having seen method or experiments; paper is the published way", DefaultValueFactory = _ => ExtractionPipelines.LeakResistant };
        pipeline.AcceptOnlyFromAmong([.. ExtractionPipelines.Names]);
        var paper = new Option<string?>("--paper") { Description = "Id of a paper, all, or failed (default: papers without goals, save those that failed before)" };
        var seed = new Option<long>("--seed") { Description = "Seed of the model's sampling", DefaultValueFactory = _ => 1 };
        var command = new Command("extract", "Draw goals, rubric items and reference solutions from papers; stopped and called again, it goes on") { model, pipeline, paper, seed, CommandContext.Fresh };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var services = await CommandContext.OpenAsync(parsed, DataUse.Writes, cancellationToken);
            var store = services.GetRequiredService<ExtractionStore>();
            var extraction = services.GetRequiredService<PaperExtraction>();
            var named = Model(extraction, parsed.GetValue(model));
            var extractor = PaperExtraction.ExtractorOf(named, parsed.GetValue(pipeline)!);
            var results = new List<Result>();
            await foreach (var outcome in extraction.RunAsync(await PapersAsync(store, extractor, parsed.GetValue(paper), cancellationToken), named, parsed.GetValue(pipeline)!, parsed.GetValue(seed), cancellationToken))
            {
                results.Add(Result.Of(outcome));
                if (outcome.Error is not null)
                {
                    await Console.Error.WriteLineAsync(outcome.Error);
                }
            }

            if (parsed.GetValue(paper) is null && await store.FailedPapersAsync(extractor, cancellationToken) is { Count: > 0 } failed)
            {
                await Console.Error.WriteLineAsync($"{failed.Count} {(failed.Count == 1 ? "paper has" : "papers have")} failed so far: extract --paper failed tries them again.");
            }

            CommandContext.Answer(parsed, new { extractor.Pipeline, Model = extractor.Name, extractor.PromptVersion, papers = results }, results.Count == 0 ? ["No paper to extract from."] : results.Select(result => result.Line).OfType<string>());
            return results.TrueForAll(result => result.Error is null) ? 0 : 1;
        });
        return command;
    }

    private sealed record Result(string? Paper, string Title, int Goals, int Items, int Kept, [property: JsonIgnore] string? Line, string? Error)
    {
        public static Result Of(PaperOutcome outcome) => outcome.Saved is { } saved
            ? new Result(outcome.Paper.ToString(), outcome.Title, saved.Added.Count, saved.Added.Sum(goal => goal.Items.Count), saved.Kept, PaperExtraction.Describe(outcome), null)
            : new Result(outcome.Paper?.ToString(), outcome.Title, 0, 0, 0, null, outcome.Error);
    }

    private static ExtractionModels? Model(PaperExtraction extraction, string? name)
    {
        try
        {
            return extraction.Find(name);
        }
        catch (ArgumentException fault)
        {
            throw new CommandException(fault.WithoutParameter(), fault);
        }
    }

    private static async Task<IReadOnlyList<PaperId>> PapersAsync(ExtractionStore store, Extractor extractor, string? paper, CancellationToken cancellationToken) => paper?.ToLowerInvariant() switch
    {
        null => await store.PapersToExtractAsync(extractor, cancellationToken),
        "all" => await store.AllPapersAsync(cancellationToken),
        "failed" => await store.FailedPapersAsync(extractor, cancellationToken),
        _ when TypedId.TryParse<PaperId>(paper, out var id) => await store.FindPaperAsync(id, cancellationToken) is not null ? [id] : throw new CommandException($"There is no paper {id}. List the papers on the Library page."),
        _ => throw new CommandException($"'{paper}' is no paper id. Give 32 hexadecimal digits, all, or failed."),
    };
}
