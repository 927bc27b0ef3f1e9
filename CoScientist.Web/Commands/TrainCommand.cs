using System.CommandLine;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;

namespace CoScientist.Web.Commands;

/// <summary><c>train</c>: a run in the foreground, through the same executor as the server's worker.</summary>
internal static class TrainCommand
{
    private static readonly Argument<string?> s_file = new("SPEC.json") { Description = "File with the run specification", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<string?> s_preset = new("--preset") { Description = $"Specification that comes with the software: {PresetNames}", HelpName = "NAME" };
    private static readonly Option<string[]> s_set = new("--set") { Description = "Changes a field: steps=20, data.domains=ml,medicine; can be given several times", HelpName = "key=value", DefaultValueFactory = _ => [] };
    private static readonly Option<string?> s_resume = new("--resume") { Description = "Goes on with a paused, interrupted or failed run; evaluates one that finished elsewhere without its evaluation", HelpName = "RUN" };

    private static string PresetNames => string.Join(", ", RunPresets.All.Select(preset => preset.Name));

    /// <summary>Makes the verb.</summary>
    public static Command Create()
    {
        var command = new Command("train", "Train a policy in the foreground; Ctrl+C pauses it") { s_file, s_preset, s_set, s_resume };
        TrainExport.AddTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var resume = parsed.GetValue(s_resume);
        var (spec, source) = resume is null ? ReadSpec(parsed) : (null, "");
        RefuseMixture(parsed, resume);
        if (spec is not null && parsed.GetValue(TrainExport.Folder) is not null)
        {
            return await TrainExport.RunAsync(parsed, spec, source, cancellationToken);
        }

        var options = DatabaseSetting.Options(parsed);
        using var directory = DataDirectoryLock.Enter(options, "train", TimeProvider.System);
        await using var services = await CommandContext.OpenAsync(parsed, DataUse.Owns, cancellationToken);
        await services.GetRequiredService<ModelCatalog>().RegisterBuiltInsAsync(cancellationToken);
        var executor = services.GetRequiredService<RunExecutor>();

        // Runs that other processes on a server's database have lost are taken over there, but for the one that is asked for.
        await executor.InterruptOrphansAsync(cancellationToken, options.UsesPostgres ? resume ?? "" : null);
        var store = services.GetRequiredService<RunStore>();
        var run = spec is null
            ? await RequeueAsync(store, resume!, cancellationToken)
            : await services.GetRequiredService<RunLauncher>().StartAsync(spec, source, startedBy: null, cancellationToken);

        await services.GetRequiredService<AuditTrail>().RecordAsync(null, AuditKind.Run, run.Name, spec is null ? "resumed the run" : "started the run", $"runs/{run.Name}", cancellationToken);
        using var control = new RunControl { IsShared = options.UsesPostgres };
        using var progress = new TrainProgress(run, services.GetRequiredService<TimeProvider>(), Console.Error, bar: !Console.IsErrorRedirected);
        await using var stop = cancellationToken.Register(() =>
        {
            progress.Say("Pausing after this step. Press Ctrl+C again to stop at once; the run then resumes from its last saved state.");
            control.Pause();
        });
        progress.Say($"Run {run.Name}, in {services.GetRequiredService<CoScientistOptions>().RunDirectory(run.Name)}");
        await executor.ExecuteAsync(run, control, progress.Show);
        progress.End();

        var ended = (await store.FindAsync(run.Name, CancellationToken.None))!;
        Answer(parsed, ended);
        if (Remark(ended) is { } remark)
        {
            await Console.Error.WriteLineAsync(remark);
        }

        return ended.State == RunState.Finished ? 0 : 1;
    }

    private static (RunSpec Spec, string Source) ReadSpec(ParseResult parsed)
    {
        var (file, name) = (parsed.GetValue(s_file), parsed.GetValue(s_preset));
        RunSpec spec;
        string source;
        if (name is not null)
        {
            var preset = RunPresets.Find(name) ?? throw new CommandException($"There is no preset \"{name}\": choose among {PresetNames}.");
            (spec, source) = (preset.Spec, $"The preset {name} with --set");
        }
        else if (file is not null)
        {
            if (!File.Exists(file))
            {
                throw new CommandException($"{file}: there is no such file. Check the path, or take a preset: --preset {RunPresets.All[0].Name}.");
            }

            (spec, source) = (RunSpecFile.Read(file), file);
        }
        else
        {
            throw new CommandException($"Nothing to train: name a specification file, --preset ({PresetNames}) or --resume RUN.");
        }

        return (TrainExport.WithEngine(RunPresets.Apply(spec, parsed.GetValue(s_set)!, source), parsed), source);
    }

    private static void RefuseMixture(ParseResult parsed, string? resume)
    {
        var named = new[] { parsed.GetValue(s_file), parsed.GetValue(s_preset), resume }.Count(value => value is not null);
        if (named > 1)
        {
            throw new CommandException("A specification file, --preset and --resume exclude each other: give one of them.");
        }

        if (resume is not null && (parsed.GetValue(s_set)!.Length > 0 || parsed.GetValue(TrainExport.Engine) is not null || parsed.GetValue(TrainExport.Folder) is not null))
        {
            throw new CommandException("A resumed run keeps its specification: leave --set out (and --engine, --export), or start a new run with the changes.");
        }
    }

    private static async Task<Run> RequeueAsync(RunStore store, string name, CancellationToken cancellationToken)
    {
        var run = await store.FindAsync(name, cancellationToken);
        if (run is null)
        {
            var resumable = (await store.ListAsync(cancellationToken)).Where(other => RunTransitions.Allows(other.State, RunState.Pending) || other.LacksEvaluation).Select(other => other.Name).ToList();
            throw new CommandException($"There is no run \"{name}\" in this data directory: {(resumable.Count == 0 ? "it has none that can be resumed" : $"those that can be resumed are {string.Join(", ", resumable)}")}.");
        }

        if (run.LacksEvaluation)
        {
            await store.EvaluateAsync(run.Id, cancellationToken);
        }
        else if (run.State != RunState.Pending)
        {
            await store.ResumeAsync(run.Id, cancellationToken);
        }

        return run;
    }

    private static string? Remark(Run run) => run.State switch
    {
        RunState.Paused or RunState.Interrupted => $"{run.Name} is {run.State.ToString().ToLowerInvariant()} at step {run.Step}. Go on with: train --resume {run.Name}",
        RunState.Failed => $"{run.Name} failed at step {run.Step}. {run.Error}",
        RunState.Cancelled => $"{run.Name} was cancelled at step {run.Step}; its checkpoints are kept.",
        _ => null,
    };

    private static void Answer(ParseResult parsed, Run run)
    {
        object document = run.Result is { } result
            ? result
            : new { Run = run.Name, run.State, Steps = run.Step, run.BestStep, run.Error };
        CommandContext.Answer(parsed, document, run.Result is { } finished ? Lines(finished) : []);
    }

    private static IEnumerable<string> Lines(RunResult result) =>
    [
        FormattableString.Invariant($"{result.Run} finished after {result.Steps} steps; the judge ({result.Judge}) picked step {result.BestStep}. On {result.Goals} test goals:"),
        FormattableString.Invariant($"  judge, sampled    {result.BaseOracleScore:0.000} -> {result.OracleScore:0.000}  (change {result.OracleGainLow:+0.000;-0.000} to {result.OracleGainHigh:+0.000;-0.000})"),
        FormattableString.Invariant($"  judge, greedy     {result.BaseOracleScoreGreedy:0.000} -> {result.OracleScoreGreedy:0.000}"),
        FormattableString.Invariant($"  self-grade        {Score(result.BaseSelfGrade)} -> {Score(result.SelfGrade)}"),
        FormattableString.Invariant($"  goals won         {result.WinRate:0.000}  ({result.WinRateLow:0.000} to {result.WinRateHigh:0.000}), ties half"),
        FormattableString.Invariant($"  well formed       {result.WellFormed:0.000}"),
        FormattableString.Invariant($"  seconds per step  {result.SecondsPerStep:0.0}"),
    ];

    private static string Score(double? score) => score is { } known ? FormattableString.Invariant($"{known:0.000}") : "unreadable";
}
