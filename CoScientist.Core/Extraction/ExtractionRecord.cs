using CoScientist.Core.Papers;

namespace CoScientist.Core.Extraction;

/// <summary>How an extraction ended.</summary>
public enum ExtractionState
{
    /// <summary>Its goals are in the library.</summary>
    Done,

    /// <summary>It gave no goal, for the reason in <see cref="ExtractionRecord.Error"/>; it can be tried again.</summary>
    Failed,
}

/// <summary>The last extraction of one paper by one pipeline and extractor: what tells a restarted extraction what is left to do, and people what failed.</summary>
public sealed class ExtractionRecord
{
    /// <summary>Row key, given by storage.</summary>
    public long Id { get; set; }

    /// <summary>The paper.</summary>
    public required PaperId PaperId { get; init; }

    /// <summary>"paper", "leak-resistant" or "drafter".</summary>
    public required string Pipeline { get; init; }

    /// <summary>Model, or the drafter's name.</summary>
    public required string Extractor { get; init; }

    /// <summary>Content hash of the pipeline's prompts; null for the drafter.</summary>
    public string? PromptVersion { get; set; }

    /// <summary>How it ended.</summary>
    public ExtractionState State { get; set; }

    /// <summary>Why it failed and what to do; null when it did not.</summary>
    public string? Error { get; set; }

    /// <summary>Goals that it gave.</summary>
    public int Goals { get; set; }

    /// <summary>Rubric items that it gave.</summary>
    public int Items { get; set; }

    /// <summary>How often it was tried to the end, 1 or more.</summary>
    public int Attempts { get; set; }

    /// <summary>When it ended (UTC).</summary>
    public DateTimeOffset At { get; set; }
}
