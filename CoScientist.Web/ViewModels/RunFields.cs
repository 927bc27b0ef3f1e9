using System.Text.Json;
using CoScientist.Core.Runs;

namespace CoScientist.Web.ViewModels;

/// <summary>How a field of a specification is entered.</summary>
public enum RunFieldKind
{
    /// <summary>A number or a text.</summary>
    Text,

    /// <summary>One of a few words.</summary>
    Choice,

    /// <summary>A checkpoint of the library.</summary>
    Model,

    /// <summary>The frozen initial policy, the sandbox's oracle, a checkpoint or a model server.</summary>
    Grader,

    /// <summary>Domains of the library.</summary>
    Domains,

    /// <summary>States of rubric items.</summary>
    States,

    /// <summary>Closed studies; shown when a part of the run learns from experts' answers.</summary>
    Studies,
}

/// <summary>A field of a specification, for the form.</summary>
/// <param name="Path">Its path in the JSON, as <c>--set</c> takes it.</param>
/// <param name="Label">Its name for people.</param>
/// <param name="Unit">Unit; empty when it has none.</param>
/// <param name="Meaning">What it does, and where its default comes from.</param>
/// <param name="Kind">How it is entered.</param>
public sealed record RunField(string Path, string Label, string Unit, string Meaning, RunFieldKind Kind = RunFieldKind.Text)
{
    /// <summary>The words to choose from.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];
}

/// <summary>The fields of a specification in the order of the form. What is missing here can still be set in the JSON.</summary>
internal static class RunFields
{
    /// <summary>Fields that most runs differ in.</summary>
    public static IReadOnlyList<RunField> Main { get; } =
    [
        new("name", "Family", "", "Runs of a family are numbered: sandbox-grpo-1, sandbox-grpo-2, …"),
        Choice("method", "Method", "GRPO is the paper's; a sequence does the stages below one after the other.", [.. RunSpecValidator.Methods, RunSpecValidator.Sequence]),
        new("model", "Start from", "", "Checkpoint that is trained; its frozen copy gives the reward.", RunFieldKind.Model),
        new("data.domains", "Train on", "", "Domains to train on; none means all. Evaluation always covers all.", RunFieldKind.Domains),
        new("data.studies", "Learn from the answers of", "", "Closed studies whose answers DPO learns from; none means all. Ties and pairs without a majority are left out.", RunFieldKind.Studies),
        new("steps", "Optimizer steps", "", "40 lift the sandbox's base from 0.50 to 0.91 by the oracle."),
        new("goalsPerStep", "Goals per step", "", "More make a step steadier and slower."),
        new("groupSize", "Plans per goal", "", "The group whose mean is the baseline; 8 in the paper."),
        new("learningRate", "Learning rate", "peak, AdamW", "2e-4 measured in the sandbox; 1e-6 for the paper's full-size models."),
        new("seed", "Seed", "", "The same seed gives the same run, whatever the thread count."),
    ];

    /// <summary>Fields that the presets set well.</summary>
    public static IReadOnlyList<RunField> Advanced { get; } =
    [
        new("grader", "Grader", "", "Who gives the reward; the paper takes the frozen initial policy.", RunFieldKind.Grader),
        new("judge", "Judge", "", "Who watches, picks the checkpoint and reports; not the grader.", RunFieldKind.Grader),
        Choice("grading.reference", "Reference shown", "Whether graders see the reference solution as one possible approach, as in the paper.", ["false", "true"]),
        Choice("grading.items", "Items asked", "All in one answer, as in the paper, or one by one; for graders that read text.", Names<ItemQuestions>()),
        Choice("grading.verdicts", "Verdicts read", "In the answer, or in the likelihood of its first token, which local checkpoints give in one pass.", Names<VerdictReading>()),
        new("grading.maxNewTokens", "Longest grading", "tokens", "Of graders that write their verdicts."),
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
        new("reward.softLengthTokens", "Soft length", "tokens", "The penalty for unfinished plans rises over so many tokens before the limit; 0 is off."),
        new("reward.specificWeight", "Weight of the rubric", "0–1", "The rest goes to the seven general guidelines: 1 in the paper, 0.7 in PaperGym."),
        Choice("reward.scoring", "Scoring of items", "Met or not, as in the paper; or levels 0 to 3 by the number of guidelines violated.", Names<ItemScoring>()),
        new("reward.levelValues", "Worth of the levels", "", "Of levels 0 to 3, rising from 0 to 1."),
        new("stages", "Stages", "method:steps", "Parts of a sequence, as opsd:20,grpo:40; their steps add up to the optimizer steps."),
        Choice("grpo.scaling", "Advantages divided by", "Nothing, the deviation of the group, or that of the batch.", Names<AdvantageScaling>()),
        Choice("grpo.normalisation", "Loss summed over", "Tokens, plans, or plans by the longest length.", Names<LossNormalisation>()),
        Choice("grpo.ratio", "Ratio of", "Each token, or the whole plan (GSPO; clips near 3e-4 and 4e-4).", Names<RatioLevel>()),
        new("grpo.epochs", "Epochs per batch", "", "Optimizer steps on the same plans; clipping acts from the second on."),
        new("grpo.klCoefficient", "Divergence coefficient", "", "Pull to the initial policy; 0 in the paper as far as it says."),
        Choice("grpo.kl", "Divergence held by", "k1 in the reward, or k3 in the loss.", Names<KlEstimator>()),
        new("grpo.entropyBonus", "Entropy bonus", "", "Weight of the entropy, which is raised; 0 is off."),
        new("grpo.resampleRounds", "Resampling rounds", "", "Goals whose plans all earn the same are replaced so many times; 0 drops them."),
        Choice("grpo.truncated", "Plans cut off", "Penalised, or left out of the loss.", Names<TruncatedPlans>()),
        new("sft.learningRate", "Learning rate, SFT", "peak", "4e-4 measured in the sandbox."),
        new("sft.goalsPerStep", "References per step, SFT", "", "Default 16."),
        Choice("data.references", "References, SFT", "The sandbox's perfect ones, or such as authors would write.", Names<ReferenceKind>()),
        new("opsd.learningRate", "Learning rate, OPSD", "peak", "5e-6 with adapters in PaperGym."),
        new("opsd.plansPerGoal", "Plans per goal, OPSD", "", "Written by the student each step."),
        new("opsd.mixture", "Teacher's weight, OPSD", "0–1", "In the mixture of the Jensen–Shannon divergence."),
        new("dpo.learningRate", "Learning rate, DPO", "peak", "5e-7 is usual for full-size models."),
        new("dpo.beta", "Strength β, DPO", "", "Of the pull to the initial policy; 0.1 in the original."),
        new("dpo.pairsPerStep", "Pairs per step, DPO", "", "Experts' preferences learned from in one step."),
        new("lora.rank", "Adapter rank", "", "0 trains all weights; above it, low-rank adapters (64 in PaperGym)."),
        new("lora.alpha", "Adapter strength α", "", "The update is α / rank · B·A."),
        new("lora.dropout", "Adapter dropout", "0–1", "Share of an adapter's inputs dropped while training."),
        Choice("lora.rankStabilised", "Adapter scale by √rank", "So that high ranks learn as fast (rsLoRA).", ["false", "true"]),
        new("lora.modules", "Layers with adapters", "", "By the ends of their names, as in PEFT."),
        new("watch.gap", "Watch: gap", "0–1", "Growth of self-grade over judge that counts as reward hacking, on the lower end of its interval."),
        Choice("watch.stop", "Watch: stop", "Whether the run stops by itself then.", ["false", "true"]),
        Choice("engine.precision", "Numbers multiplied", "bf16 halves the time of full-size models; its last digits depend on the processor.", Names<RunPrecision>()),
        Choice("engine.gradientCheckpointing", "Gradient checkpointing", "A third more work for a fraction of the memory, and the same numbers.", ["false", "true"]),
        new("engine.microBatchTokens", "Micro-batch", "tokens", "Held in memory at once while training; a group of plans stays together."),
        new("threads", "Threads", "", "0 takes all processors. The numbers do not depend on it."),
    ];

    /// <summary>All fields of the form.</summary>
    public static IEnumerable<RunField> All => Main.Concat(Advanced);

    private static RunField Choice(string path, string label, string meaning, IReadOnlyList<string> choices) => new(path, label, "", meaning, RunFieldKind.Choice) { Choices = choices };

    private static string[] Names<T>()
        where T : struct, Enum => [.. Enum.GetNames<T>().Select(JsonNamingPolicy.CamelCase.ConvertName)];
}
