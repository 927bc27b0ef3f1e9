using System.CommandLine;
using System.Text.Json.Serialization;
using CoScientist.Core;
using CoScientist.Core.Extraction;
using CoScientist.Core.Papers;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Web.Extraction;

namespace CoScientist.Web.Commands;

/// <summary>Papers to goals, rubric items and reference solutions.</summary>
internal static class ExtractCommand
{
    public static Command Create()
    {
        var model = new Option<string?>("--model") { Description = $"Model server to extract with (default: the first configured one, else {ExtractiveDrafter.Name}, which needs no model)" };
        var paper = new Option<string?>("--paper") { Description = "Id of a paper, or all (default: papers without goals)" };
        var seed = new Option<long>("--seed") { Description = "Seed of the model's sampling", DefaultValueFactory = _ => 1 };
        var command = new Command("extract", "Draw goals, rubric items and reference solutions from papers") { model, paper, seed };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var services = await CommandContext.OpenAsync(parsed, cancellationToken);
            var store = services.GetRequiredService<ExtractionStore>();
            var extraction = services.GetRequiredService<PaperExtraction>();
            var named = Model(extraction, parsed.GetValue(model));
            var results = new List<Result>();
            foreach (var id in await PapersAsync(store, parsed.GetValue(paper), cancellationToken))
            {
                var source = await store.FindPaperAsync(id, cancellationToken) ?? throw new CommandException($"There is no paper {id}. List the papers on the Library page.");
                results.Add(await ExtractAsync(extraction, source, named, parsed.GetValue(seed), cancellationToken));
            }

            CommandContext.Answer(parsed, new { papers = results }, results.Select(result => result.Line).OfType<string>().DefaultIfEmpty("No paper to extract from."));
            foreach (var fault in results.Where(result => result.Error is not null))
            {
                await Console.Error.WriteLineAsync(fault.Error);
            }

            return results.TrueForAll(result => result.Error is null) ? 0 : 1;
        });
        return command;
    }

    private sealed record Result(string Paper, string Title, int Goals, int Items, int Kept, [property: JsonIgnore] string? Line, string? Error);

    private static async Task<Result> ExtractAsync(PaperExtraction extraction, Paper paper, ITextModel? model, long seed, CancellationToken cancellationToken)
    {
        try
        {
            var saved = await extraction.ExtractAsync(paper, model, seed, cancellationToken);
            return new Result(paper.Id.ToString(), paper.Title, saved.Added.Count, saved.Added.Sum(goal => goal.Items.Count), saved.Kept, PaperExtraction.Describe(paper.Title, saved), null);
        }
        catch (ExtractionException fault)
        {
            return new Result(paper.Id.ToString(), paper.Title, 0, 0, 0, null, fault.Message);
        }
        catch (TextModelException fault)
        {
            // The next paper would fail in the same way.
            throw new CommandException(fault.Message, fault);
        }
    }

    private static ITextModel? Model(PaperExtraction extraction, string? name)
    {
        try
        {
            return extraction.Find(name);
        }
        catch (ArgumentException fault)
        {
            throw new CommandException(fault.Message.Split(" (Parameter", 2)[0], fault);
        }
    }

    private static async Task<IReadOnlyList<PaperId>> PapersAsync(ExtractionStore store, string? paper, CancellationToken cancellationToken)
    {
        if (paper is null)
        {
            return await store.PapersWithoutGoalsAsync(cancellationToken);
        }

        if (paper.Equals("all", StringComparison.OrdinalIgnoreCase))
        {
            return await store.AllPapersAsync(cancellationToken);
        }

        return TypedId.TryParse<PaperId>(paper, out var id) ? [id] : throw new CommandException($"'{paper}' is no paper id. Give 32 hexadecimal digits, or all.");
    }
}
