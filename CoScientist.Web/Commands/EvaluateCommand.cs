using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json;
using CoScientist.Core.Evaluations;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Web.Configuration;
using CoScientist.Web.Jobs;
using CoScientist.Web.Runs;
using CoScientist.Web.ViewModels;

namespace CoScientist.Web.Commands;

/// <summary><c>evaluate</c>: plans of any set of models for held-out goals, scored by grader, judge and jury, and the tables of it.</summary>
internal static class EvaluateCommand
{
    private const string NoGrader = "none";
    private static readonly EvaluationSpec Defaults = new() { Judge = ModelRoles.Oracle };

    private static readonly Option<string[]> s_models = new("--model") { Description = "Checkpoint or model server whose plans are compared; the first is what others are compared with. Default: who plays the policy on Admin, Model servers", HelpName = "NAME", DefaultValueFactory = _ => [], AllowMultipleArgumentsPerToken = true };
    private static readonly Option<string?> s_grader = new("--grader") { Description = $"Who picks the best of N: a checkpoint or a model server, or {NoGrader}. Default: {ModelCatalog.SandboxBase} for the sandbox, else who plays the grader", HelpName = "NAME" };
    private static readonly Option<string?> s_judge = new("--judge") { Description = $"Whose scores count: {ModelRoles.Oracle} (sandbox), a checkpoint or a model server. Default: {ModelRoles.Oracle} for the sandbox, else who plays the judge", HelpName = "NAME" };
    private static readonly Option<string[]?> s_jury = new("--jury") { Description = "Further judges who vote item by item. Default: the jurors, where the judge is who plays the judge", HelpName = "NAME", AllowMultipleArgumentsPerToken = true };
    private static readonly Option<int> s_plans = new("--plans") { Description = "Plans per goal and model: the largest N of best-of-N", DefaultValueFactory = _ => Defaults.Plans };
    private static readonly Option<int> s_goals = new("--goals") { Description = "At most so many test goals, the domains in turn", DefaultValueFactory = _ => Defaults.Goals };
    private static readonly Option<string[]> s_domains = new("--domains") { Description = "Domains of the goals (default: all)", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [] };
    private static readonly Option<bool> s_greedy = new("--greedy") { Description = "Also one greedy plan per goal" };
    private static readonly Option<bool> s_pairwise = new("--pairwise") { Description = "Judge and jurors, model servers or checkpoints with a chat template, also compare plans in pairs, in both orders and without the rubric" };
    private static readonly Option<bool> s_pairwiseRubric = new("--pairwise-rubric") { Description = "The same pairs with the rubric besides: a model that wins more with it than without has learnt to please it" };
    private static readonly Option<double> s_temperature = new("--temperature") { Description = "Sampling temperature", DefaultValueFactory = _ => Defaults.Temperature };
    private static readonly Option<long> s_seed = new("--seed") { Description = "Seed of the sampling", DefaultValueFactory = _ => Defaults.Seed };
    private static readonly Option<string> s_dtype = Dtype.Create();
    private static readonly Option<string> s_verdicts = Verdicts();
    private static readonly Option<double?> s_threshold = new("--threshold") { Description = "Likelihood above which an item is met; with --verdicts likelihood (default: 0.5)", HelpName = "P" };
    private static readonly Option<int?> s_tokens = new("--max-tokens") { Description = "Most tokens of a plan for a real goal (default: 2048 of a checkpoint, 8192 of a server)", HelpName = "N" };
    private static readonly Option<string?> s_name = new("--name") { Description = "Name of the evaluation and its folder (default: follows from the settings). The same name and settings go on with a stopped one", HelpName = "NAME" };

    /// <summary>Makes the verb.</summary>
    public static Command Create()
    {
        var command = new Command("evaluate", "Compare models on held-out goals; goes on where it was stopped")
        {
            s_models, s_grader, s_judge, s_jury, s_plans, s_goals, s_domains, s_greedy, s_pairwise, s_pairwiseRubric, s_temperature, s_seed, s_dtype, s_verdicts, s_threshold, s_tokens, s_name, CommandContext.Fresh,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        await using var services = await CommandContext.OpenAsync(parsed, DataUse.Writes, cancellationToken);
        var spec = await services.GetRequiredService<ModelRoles>().CastAsync(Spec(parsed), cancellationToken);
        var name = parsed.GetValue(s_name) ?? NameOf(spec);
        foreach (var warning in spec.Warnings())
        {
            await Console.Error.WriteLineAsync($"Warning: {warning}");
        }

        var job = services.GetRequiredService<EvaluationJob>();
        var failures = await job.RunAsync(name, spec, (what, done, all) => Console.Error.WriteLine($"{done} of {all} {what}"), cancellationToken);
        var calls = await services.GetRequiredService<ModelCallStore>().TotalsOfAsync(EvaluationJob.Purpose(name), cancellationToken);
        var report = EvaluationReport.Of(name, EvaluationResult.Read(job.Folder(name)), calls);
        CommandContext.Answer(parsed, report.Document, report.Markdown);
        return GoalChoice.Report(parsed, failures);
    }

    private static EvaluationSpec Spec(ParseResult parsed) => new()
    {
        Models = parsed.GetValue(s_models)!,
        Grader = parsed.GetValue(s_grader) switch { NoGrader => null, { } grader => grader, null => "" },
        Judge = parsed.GetValue(s_judge) ?? "",
        Jury = Jury(parsed)!,
        Plans = parsed.GetValue(s_plans),
        Goals = parsed.GetValue(s_goals),
        Domains = [.. parsed.GetValue(s_domains)!.SelectMany(domains => domains.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))],
        Greedy = parsed.GetValue(s_greedy),
        Pairwise = parsed.GetValue(s_pairwise),
        PairwiseRubric = parsed.GetValue(s_pairwiseRubric),
        Temperature = parsed.GetValue(s_temperature),
        Seed = parsed.GetValue(s_seed),
        Dtype = parsed.GetValue(s_dtype) is { } dtype && dtype != Dtypes.Full ? dtype : null,
        Verdicts = parsed.GetValue(s_verdicts) == "likelihood" ? VerdictReading.Likelihood : null,
        Threshold = parsed.GetValue(s_threshold),
        MaxTokens = parsed.GetValue(s_tokens),
    };

    // Named nobody means whoever plays the role; an empty list would mean nobody.
    private static string[]? Jury(ParseResult parsed) => parsed.GetValue(s_jury) is { Length: > 0 } named ? named : parsed.GetValue(s_judge) is null ? null : [];

    private static Option<string> Verdicts()
    {
        var option = new Option<string>("--verdicts") { Description = "Where the verdicts of checkpoints on real plans are read: in their written answer, or in the likelihood of one digit, which costs one pass", DefaultValueFactory = _ => "answer" };
        option.AcceptOnlyFromAmong("answer", "likelihood");
        return option;
    }

    // The same settings give the same name, so that the same command goes on.
    private static string NameOf(EvaluationSpec spec) =>
        $"evaluation-{Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(spec, RunFolder.LineOptions)))[..8]}";
}
