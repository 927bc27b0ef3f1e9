using CoScientist.Core.Papers;

namespace CoScientist.Core.Jobs;

/// <summary>Key of a <see cref="LibraryJob"/>.</summary>
public readonly record struct LibraryJobId(Guid Value) : ITypedId<LibraryJobId>
{
    /// <inheritdoc/>
    public static LibraryJobId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("N");
}

/// <summary>What a job does.</summary>
public enum LibraryJobKind
{
    /// <summary>Files of papers into the library; one step a file.</summary>
    ImportPapers,

    /// <summary>Files of goals with rubrics into the library; one step a file.</summary>
    ImportDataset,

    /// <summary>Goals out of papers; one step a paper.</summary>
    Extract,
}

/// <summary>Where a job stands.</summary>
public enum LibraryJobState
{
    /// <summary>In the queue.</summary>
    Waiting,

    /// <summary>At work. A job that is found so at the start of the server goes on.</summary>
    Running,

    /// <summary>Every step was tried; some may have failed.</summary>
    Finished,

    /// <summary>Stopped by a person; the steps left can still be done.</summary>
    Stopped,

    /// <summary>Ended by a fault that every further step would have met too; the steps left can still be done.</summary>
    Failed,
}

/// <summary>Work on the library that pages start and that outlives them: an import or an extraction, step by step, each step recorded when it is done.</summary>
public sealed class LibraryJob
{
    /// <summary>Key.</summary>
    public required LibraryJobId Id { get; init; }

    /// <summary>What it does.</summary>
    public required LibraryJobKind Kind { get; init; }

    /// <summary>Account that started it.</summary>
    public required string StartedBy { get; init; }

    /// <summary>What it was started with, as JSON: see the worker.</summary>
    public required string Options { get; init; }

    /// <summary>Where it stands.</summary>
    public LibraryJobState State { get; set; }

    /// <summary>Why it ended before its last step and what to do; null when it did not.</summary>
    public string? Fault { get; set; }

    /// <summary>When it was asked for (UTC).</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it ended (UTC); null while it is open.</summary>
    public DateTimeOffset? EndedAt { get; set; }

    /// <summary>Its steps in order.</summary>
    public List<LibraryJobStep> Steps { get; set; } = [];
}

/// <summary>Where a step stands.</summary>
public enum LibraryStepState
{
    /// <summary>Still to do.</summary>
    Waiting,

    /// <summary>Done.</summary>
    Done,

    /// <summary>Failed for the reason in its message; it can be tried again.</summary>
    Failed,
}

/// <summary>One file or paper of a job.</summary>
public sealed class LibraryJobStep
{
    /// <summary>Row key, given by storage.</summary>
    public long Id { get; set; }

    /// <summary>The job.</summary>
    public required LibraryJobId JobId { get; init; }

    /// <summary>Position in the job, from 0.</summary>
    public required int Order { get; init; }

    /// <summary>Name of the file or title of the paper, for people.</summary>
    public required string Name { get; init; }

    /// <summary>Where it stands.</summary>
    public LibraryStepState State { get; set; }

    /// <summary>What became of it, in one sentence; null while it waits.</summary>
    public string? Message { get; set; }

    /// <summary>The paper it works on or has brought in. Not followed: the paper may be gone.</summary>
    public PaperId? PaperId { get; set; }

    /// <summary>How often it was tried.</summary>
    public int Attempts { get; set; }
}
