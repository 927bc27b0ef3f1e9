using System.ComponentModel.DataAnnotations.Schema;
using System.Text.Json;

namespace CoScientist.Core.Runs;

/// <summary>Key of a <see cref="Run"/>.</summary>
public readonly record struct RunId(Guid Value) : ITypedId<RunId>
{
    /// <inheritdoc/>
    public static RunId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("N");
}

/// <summary>Where a run stands.</summary>
public enum RunState
{
    /// <summary>Waits for the worker.</summary>
    Pending,

    /// <summary>The worker is on it.</summary>
    Running,

    /// <summary>Stopped by a person with everything kept; resumes where it stopped.</summary>
    Paused,

    /// <summary>Did all its steps and its evaluation; one that was trained elsewhere may still lack the evaluation.</summary>
    Finished,

    /// <summary>Ended by a fault, named in <see cref="Run.Error"/>; resumes from its last checkpoint.</summary>
    Failed,

    /// <summary>Ended by a person; checkpoints and metrics are kept.</summary>
    Cancelled,

    /// <summary>Found running when no process was on it; resumes from its last checkpoint.</summary>
    Interrupted,
}

/// <summary>What a person asked of a run that another process works on.</summary>
public enum RunRequest
{
    /// <summary>To pause after the step that it is doing.</summary>
    Pause,

    /// <summary>To be given up.</summary>
    Cancel,

    /// <summary>To go on with another number of steps in all, <see cref="Run.RequestedSteps"/>.</summary>
    Change,
}

/// <summary>One execution of a <see cref="RunSpec"/>. Its files live in <c>runs/NAME/</c> of the data directory.</summary>
public sealed class Run
{
    /// <summary>Key.</summary>
    public required RunId Id { get; init; }

    /// <summary>Unique short name, also the folder ("sandbox-grpo-3").</summary>
    public required string Name { get; init; }

    /// <summary>Where it stands.</summary>
    public RunState State { get; set; }

    /// <summary>Its place among the waiting ones: the smallest is next.</summary>
    public long QueuePlace { get; set; }

    /// <summary>The specification as JSON, exactly as validated; only its steps may change while it is not at work.</summary>
    public required string SpecJson { get; init; }

    /// <summary>The specification.</summary>
    [NotMapped]
    public RunSpec Spec => field ??= JsonSerializer.Deserialize<RunSpec>(SpecJson, RunSpec.JsonOptions)
        ?? throw new InvalidDataException($"Run {Name} has no specification: restore the database from a backup.");

    /// <summary>The closing evaluation; null until finished.</summary>
    [NotMapped]
    public RunResult? Result => ResultJson is null ? null : field ??= JsonSerializer.Deserialize<RunResult>(ResultJson, RunSpec.JsonOptions);

    /// <summary>Whether it has done its steps, elsewhere, and its closing evaluation is still missing.</summary>
    [NotMapped]
    public bool LacksEvaluation => State == RunState.Finished && ResultJson is null;

    /// <summary>Steps done.</summary>
    public int Step { get; set; }

    /// <summary>Steps planned.</summary>
    public int TotalSteps { get; set; }

    /// <summary>Step of the checkpoint that the judge scores best; null before the first evaluation.</summary>
    public int? BestStep { get; set; }

    /// <summary>Closing evaluation as JSON (<see cref="RunResult"/>); null until finished.</summary>
    public string? ResultJson { get; set; }

    /// <summary>What ended it, in one sentence with the remedy; null unless failed.</summary>
    public string? Error { get; set; }

    /// <summary>Account that started it; null from the command line.</summary>
    public string? StartedBy { get; init; }

    /// <summary>Process that has it, as "machine:pid"; null when none.</summary>
    public string? Worker { get; set; }

    /// <summary>What somebody asked of it while it is at work in another process, which obeys within seconds; null when nobody did.</summary>
    public RunRequest? Request { get; set; }

    /// <summary>Steps in all that <see cref="RunRequest.Change"/> asks for.</summary>
    public int? RequestedSteps { get; set; }

    /// <summary>True when it trains in the sandbox.</summary>
    public bool IsSandbox { get; init; }

    /// <summary>When it was asked for (UTC).</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When the worker first took it (UTC).</summary>
    public DateTimeOffset? StartedAt { get; set; }

    /// <summary>When it ended (UTC).</summary>
    public DateTimeOffset? EndedAt { get; set; }
}

/// <summary>Key of a <see cref="Checkpoint"/>.</summary>
public readonly record struct CheckpointId(Guid Value) : ITypedId<CheckpointId>
{
    /// <inheritdoc/>
    public static CheckpointId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("N");
}

/// <summary>Immutable weights in a folder of Hugging Face layout, registered in the library.</summary>
public sealed class Checkpoint
{
    /// <summary>Key.</summary>
    public required CheckpointId Id { get; init; }

    /// <summary>Unique name: "sandbox-base", "sandbox-grpo-3@40", or what the user called an imported model.</summary>
    public required string Name { get; set; }

    /// <summary>The run that made it; null for base models.</summary>
    public RunId? RunId { get; init; }

    /// <summary>Step of that run; 0 for base models.</summary>
    public int Step { get; init; }

    /// <summary>Folder, relative to the data directory; absolute or "builtin:sandbox-base" for others.</summary>
    public required string Path { get; set; }

    /// <summary>The checkpoint that training started from.</summary>
    public CheckpointId? ParentId { get; init; }

    /// <summary>Judge's mean score on the run's validation goals; null when not judged.</summary>
    public double? JudgeScore { get; set; }

    /// <summary>When somebody promoted it, to be told from the many others (UTC); null when nobody did.</summary>
    public DateTimeOffset? PromotedAt { get; set; }

    /// <summary>Words that people put on it, lower case, in order, separated by spaces.</summary>
    public string Tags { get; set; } = "";

    /// <summary>When its files were deleted (UTC); null while they are there. The row stays: what it wrote keeps its origin.</summary>
    public DateTimeOffset? DeletedAt { get; set; }

    /// <summary>True when it only speaks the sandbox's language.</summary>
    public bool IsSandbox { get; init; }

    /// <summary>When (UTC).</summary>
    public required DateTimeOffset CreatedAt { get; init; }
}
