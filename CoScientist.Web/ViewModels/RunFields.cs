using CoScientist.Core.Runs;

namespace CoScientist.Web.ViewModels;

/// <summary>How a field of a specification is entered.</summary>
public enum RunFieldKind
{
    /// <summary>A number or a text.</summary>
    Text,

    /// <summary>A checkpoint of the library.</summary>
    Model,

    /// <summary>The frozen initial policy, or a checkpoint.</summary>
    Grader,

    /// <summary>Domains of the library.</summary>
    Domains,

    /// <summary>States of rubric items.</summary>
    States,
}

/// <summary>A field of a specification, for the form.</summary>
/// <param name="Path">Its path in the JSON, as <c>--set</c> takes it.</param>
/// <param name="Label">Its name for people.</param>
/// <param name="Unit">Unit; empty when it has none.</param>
/// <param name="Meaning">What it does, and where its default comes from.</param>
/// <param name="Kind">How it is entered.</param>
public sealed record RunField(string Path, string Label, string Unit, string Meaning, RunFieldKind Kind = RunFieldKind.Text);

/// <summary>The fields of a specification in the order of the form. What is missing here can still be set in the JSON.</summary>
internal static class RunFields
{
    /// <summary>Fields that most runs differ in.</summary>
    public static IReadOnlyList<RunField> Main { get; } =
    [
        new("name", "Family", "", "Runs of a family are numbered: sandbox-grpo-1, sandbox-grpo-2, …"),
        new("model", "Start from", "", "Checkpoint that is trained; its frozen copy gives the reward.", RunFieldKind.Model),
        new("data.domains", "Train on", "", "Domains to train on; none means all. Evaluation always covers all.", RunFieldKind.Domains),
        new("steps", "Optimizer steps", "", "60 lift the sandbox's base from 0.45 to 0.75 by the oracle."),
        new("goalsPerStep", "Goals per step", "", "More make a step steadier and slower."),
        new("groupSize", "Plans per goal", "", "The group whose mean is the baseline; 8 in the paper."),
        new("learningRate", "Learning rate", "peak, AdamW", "2e-4 measured in the sandbox; 1e-6 for the paper's full-size models."),
        new("seed", "Seed", "", "The same seed gives the same run, whatever the thread count."),
    ];

    /// <summary>Fields that the presets set well.</summary>
    public static IReadOnlyList<RunField> Advanced { get; } =
    [
        new("grader", "Grader", "", "Who gives the reward; the paper takes the frozen initial policy.", RunFieldKind.Grader),
        new("data.rubricStates", "Rubric items that count", "", "Items in these states of review make the reward; rejected ones never do.", RunFieldKind.States),
        new("evaluateEvery", "Judge every", "steps", "Each judged evaluation also writes a checkpoint."),
        new("validationGoals", "Validation goals", "", "The judge picks the checkpoint on them; never reported."),
        new("testGoals", "Test goals", "", "Reported at the end; disjoint from all others."),
        new("temperature", "Temperature", "", "Of sampling; 1 keeps the policy's own distribution."),
        new("topP", "Nucleus mass", "0–1", "1 samples from all tokens."),
        new("maxNewTokens", "Longest plan", "tokens", "A plan cut off by it is not finished, and penalised."),
        new("warmupSteps", "Warm-up", "steps", "Linear, from 0 to the peak learning rate."),
        new("maxGradNorm", "Largest gradient norm", "", "Larger gradients are scaled down to it."),
        new("clipLow", "Lower clip", "", "Of the probability ratio; inactive while there is one optimizer step a batch."),
        new("clipHigh", "Upper clip", "", "Above the lower one, so that rare tokens can gain (0.28 in the field's recipes)."),
        new("reward.unfinishedPenalty", "Penalty: unfinished", "reward", "Taken off a plan that did not end by itself."),
        new("reward.malformedPenalty", "Penalty: malformed", "reward × share", "Grammar decays without it."),
        new("reward.overlongPenalty", "Penalty: too long", "reward", "Taken off a plan over the sandbox's nine sentences."),
        new("threads", "Threads", "", "0 takes all processors. The numbers do not depend on it."),
    ];

    /// <summary>All fields of the form.</summary>
    public static IEnumerable<RunField> All => Main.Concat(Advanced);
}
