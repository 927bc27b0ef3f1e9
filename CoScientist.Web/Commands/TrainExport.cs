using System.CommandLine;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Training.Clusters;
using CoScientist.Web.Runs;

namespace CoScientist.Web.Commands;

/// <summary><c>train --export</c>: the run as a folder that verl or TRL runs elsewhere.</summary>
internal static class TrainExport
{
    public const string Trl = "trl";

    public static Option<string?> Engine { get; } = new("--engine") { Description = "What trains: managed (this machine), torch (this machine, by TorchSharp), verl, or trl (with --export)", HelpName = "NAME" };

    public static Option<string?> Folder { get; } = new("--export") { Description = "Writes the run for verl or TRL into a folder that runs with one command, instead of training", HelpName = "FOLDER" };

    private static Option<string?> At { get; } = new("--at") { Description = "The exported folder as the training machines will name it (default: as here)", HelpName = "FOLDER" };

    private static Option<string?> ModelPath { get; } = new("--model-path") { Description = "Folder of the model to train as the training machines name it (default: as here)", HelpName = "FOLDER" };

    public static void AddTo(Command train)
    {
        train.Add(Engine);
        train.Add(Folder);
        train.Add(At);
        train.Add(ModelPath);
    }

    /// <summary>The specification with the engine that the command line asks for.</summary>
    public static RunSpec WithEngine(RunSpec spec, ParseResult parsed) => (parsed.GetValue(Engine), parsed.GetValue(Folder)) switch
    {
        (null, null) => spec,
        (null, _) => throw new CommandException("--export needs --engine verl or --engine trl: this machine's own engine is not handed over."),
        ("managed", null) => spec with { Engine = spec.Engine with { Kind = RunEngine.Managed } },
        ("torch", null) => spec with { Engine = spec.Engine with { Kind = RunEngine.Torch } },
        ("verl", _) => spec with { Engine = spec.Engine with { Kind = RunEngine.Verl } },
        (Trl, not null) => spec,
        (Trl, null) => throw new CommandException("TRL has no queue to send a run to: write it into a folder with --export FOLDER and run that on the machine."),
        ("managed" or "torch", _) => throw new CommandException("--export needs --engine verl or --engine trl: this machine's own engine is not handed over."),
        var (other, _) => throw new CommandException($"There is no engine \"{other}\": choose managed, torch, verl or trl."),
    };

    /// <summary>Writes the folder.</summary>
    public static async Task<int> RunAsync(ParseResult parsed, RunSpec spec, string source, CancellationToken cancellationToken)
    {
        // A server that owns the directory has registered them.
        var use = CommandContext.WritesIfFree(parsed);
        await using var services = await CommandContext.OpenAsync(parsed, use, cancellationToken);
        if (use == DataUse.Writes)
        {
            await services.GetRequiredService<ModelCatalog>().RegisterBuiltInsAsync(cancellationToken);
        }

        var runs = services.GetRequiredService<ClusterRuns>();
        var trl = parsed.GetValue(Engine) == Trl;

        // The cluster's address is of no use to somebody who takes the folder there.
        var faults = (await services.GetRequiredService<RunLauncher>().CheckAsync(spec with { Engine = spec.Engine with { Kind = RunEngine.Managed } }, cancellationToken))
            .Concat(trl ? TrlSettings.Faults(spec, runs.Cluster) : VerlSettings.Faults(spec)).DistinctBy(fault => fault.Path).ToList();
        if (faults.Count > 0)
        {
            throw new RunSpecException(source, faults);
        }

        var folder = Path.GetFullPath(parsed.GetValue(Folder)!);
        var data = await services.GetRequiredService<RunDataStore>().LoadAsync(spec, cancellationToken);
        var there = parsed.GetValue(At)?.TrimEnd('/') ?? folder;
        var job = await runs.JobAsync(spec.Name, spec, data, there, (name, here) => name == spec.Model ? parsed.GetValue(ModelPath) ?? here : here, cancellationToken);
        if (trl)
        {
            ClusterExport.WriteTrl(folder, job, runs.Cluster);
        }
        else
        {
            ClusterExport.WriteVerl(folder, job, runs.Cluster);
        }

        var warnings = trl ? TrlSettings.Warnings(spec) : VerlSettings.Warnings(spec);
        foreach (var warning in warnings)
        {
            await Console.Error.WriteLineAsync($"Mind: {warning}.");
        }

        CommandContext.Answer(
            parsed,
            new { Folder = folder, Engine = parsed.GetValue(Engine), Train = data.Train.Count, Validation = data.Validation.Count, Warnings = warnings.Select(warning => warning.ToString()) },
            [$"{folder}: {data.Train.Count} training and {data.Validation.Count} validation goals. Start it there with: sh {there}/{ClusterExport.ScriptFile}"]);
        return 0;
    }
}
