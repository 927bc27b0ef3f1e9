namespace CoScientist.Core.Runs;

/// <summary>How the items of a rubric are put to a grader that reads text.</summary>
public enum ItemQuestions
{
    /// <summary>All in one prompt and one answer, as in the paper.</summary>
    Together,

    /// <summary>Each in a prompt of its own: costs more, and an answer that cannot be read loses one item instead of the plan.</summary>
    Separately,
}

/// <summary>Where a verdict is read.</summary>
public enum VerdictReading
{
    /// <summary>In the answer that the grader writes: weaknesses, reasons, violated guidelines.</summary>
    Answer,

    /// <summary>In the likelihoods of the verdicts as the next token, without writing anything: one pass over the plan, the items branching from it. Local checkpoints only.</summary>
    Likelihood,
}

/// <summary>How grader and judge are asked. The compact protocol of the sandbox always reads likelihoods, item by item from one shared prefix; of these settings it knows the reference only.</summary>
public sealed record GradingSpec
{
    /// <summary>Whether the reference solution is shown as one possible approach. Default false, as the sandbox's presets were measured; the paper shows it.</summary>
    public bool Reference { get; init; }

    /// <summary>How items are asked. Default together, as in the paper.</summary>
    public ItemQuestions Items { get; init; } = ItemQuestions.Together;

    /// <summary>Where verdicts are read. Default in the answer. A judge that is a model server is always read so.</summary>
    public VerdictReading Verdicts { get; init; } = VerdictReading.Answer;

    /// <summary>
    /// An item is met when the likelihood of 'no guideline violated', among the nine verdicts, exceeds this; 0 to 1, likelihood
    /// verdicts only. Default 0.5, more likely than all faults together; 'evaluate' names the threshold that agrees best with a judge.
    /// The compact protocol of the sandbox takes the one its base model was calibrated to.
    /// </summary>
    public double Threshold { get; init; } = 0.5;

    /// <summary>Most tokens of a written grading. Default 4,096.</summary>
    public int MaxNewTokens { get; init; } = 4096;
}
