using CoScientist.Core.Runs;
using CoScientist.Core.TextModels;

namespace CoScientist.Training.Trainers;

/// <summary>What a run needs besides its specification.</summary>
public sealed record TrainingRunRequest
{
    /// <summary>Name of the run.</summary>
    public required string Name { get; init; }

    /// <summary>The run's folder (<c>runs/NAME</c>): specification, metrics, samples and checkpoints go here. A folder with checkpoints is resumed.</summary>
    public required string Directory { get; init; }

    /// <summary>The validated specification.</summary>
    public required RunSpec Spec { get; init; }

    /// <summary>Goals and items, as they stand when the run starts; a resumed run uses those it wrote down then.</summary>
    public required RunData Data { get; init; }

    /// <summary>Folder of the checkpoint to start from.</summary>
    public required string ModelDirectory { get; init; }

    /// <summary>What stands behind <see cref="RunSpec.Grader"/>. Default: the frozen initial policy.</summary>
    public GradingModel Grader { get; init; } = GradingModel.BuiltIn;

    /// <summary>What stands behind <see cref="RunSpec.Judge"/>. Default: the oracle, or the frozen initial policy where the specification says so.</summary>
    public GradingModel Judge { get; init; } = GradingModel.BuiltIn;

    /// <summary>The model server that has the weights of a checkpoint, by the checkpoint's name; null where none does. Asked for the closing evaluation of a run that was trained elsewhere. Default: none.</summary>
    public Func<string, ITextModel?> Served { get; init; } = _ => null;

    /// <summary>Whether the engine gives the processor up after every piece of work to whoever waits for it, as it must beside web pages. Default: no.</summary>
    public bool GivesWay { get; init; }

    /// <summary>Whether the process goes away, asked when a pause or an end is asked for: what works elsewhere is then left at work. Default: no.</summary>
    public Func<bool> Leaving { get; init; } = () => false;
}

/// <summary>Where a grader or judge comes from: the files of a checkpoint, a model server, or neither, when its name says enough ("initial", "oracle").</summary>
/// <param name="Directory">Folder of the checkpoint; null for none.</param>
/// <param name="Server">The server's model; null for none.</param>
public sealed record GradingModel(string? Directory, ITextModel? Server)
{
    /// <summary>The frozen initial policy, or the oracle.</summary>
    public static GradingModel BuiltIn { get; } = new(null, null);

    /// <summary>A checkpoint.</summary>
    public static GradingModel Checkpoint(string directory) => new(directory, null);

    /// <summary>A model server.</summary>
    public static GradingModel Of(ITextModel server) => new(null, server);
}
