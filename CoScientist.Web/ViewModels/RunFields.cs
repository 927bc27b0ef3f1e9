using System.Text.Json;
using CoScientist.Core.Runs;
using CoScientist.Training.Engines;

namespace CoScientist.Web.ViewModels;

/// <summary>The fields of a specification in the order of the form: all there are, but for the schema's version.</summary>
internal static class RunFields
{
    private const string Paper = "the paper (Goel et al. 2025)";
    private const string Measured = "measured on the sandbox";
    private const string Gym = "PaperGym (2026)";
    private const string Dapo = "DAPO (Yu et al. 2025)";
    private const string DpoPaper = "DPO (Rafailov et al. 2023)";
    private const string LoraPaper = "LoRA (Hu et al. 2021)";
    private const string Ours = "this program's choice";
    private const string Count = "a whole number";

    /// <summary>Fields that most runs differ in.</summary>
    public static IReadOnlyList<RunField> Main { get; } =
    [
        new("name", "Family", "", "Runs of a family are numbered: sandbox-grpo-1, sandbox-grpo-2, …", Ours) { Range = "1 to 40 lower-case letters, digits and hyphens" },
        Choice("method", "Method", "GRPO is the paper's; a sequence does the stages below one after the other.", Paper, [.. RunSpecValidator.Methods, RunSpecValidator.Sequence]),
        new("model", "Start from", "", "Checkpoint that is trained; its frozen copy gives the reward.", Ours, RunFieldKind.Model),
        new("grader", "Grader", "", "Who gives the reward; the paper takes the frozen initial policy.", Paper, RunFieldKind.Grader),
        new("judge", "Judge", "", "Who watches, picks the checkpoint and reports; not the grader.", Paper + ": a held-out judge", RunFieldKind.Grader),
        new("steps", "Optimizer steps", "steps", "40 lift the sandbox's base from 0.50 to 0.91 by the oracle.", Measured),
        new("goalsPerStep", "Goals per step", "goals", "More make a step steadier and slower.", Measured),
        new("groupSize", "Plans per goal", "plans", "The group whose mean is the baseline.", Paper),
        new("learningRate", "Learning rate", "peak, AdamW", "Of GRPO; full-size models want 1e-6 (the paper).", Measured),
        new("seed", "Seed", "", "The same seed gives the same run, whatever the thread count.", Ours) { Range = Count },
    ];

    /// <summary>Which goals and items are used.</summary>
    public static IReadOnlyList<RunField> Data { get; } =
    [
        Choice("data.sandbox", "Sandbox", "The sandbox's goals, or real ones; never both.", Ours, ["true", "false"]),
        new("data.domains", "Train on", "", "Domains whose training goals are used; none means all. Evaluation always covers all.", Paper, RunFieldKind.Domains),
        new("data.rubricStates", "Rubric items that count", "", "Items in these states of review make the reward; rejected ones never do.", Ours, RunFieldKind.States),
        new("validationGoals", "Validation goals", "goals", "From the validation split: the judge picks the checkpoint on them; never reported.", Measured),
        new("testGoals", "Test goals", "goals", "From the test split: reported at the end; disjoint from all others.", Measured),
        new("data.studies", "Learn from the answers of", "", "Closed studies whose answers DPO learns from; none means all. Ties and pairs without a majority are left out.", Ours, RunFieldKind.Studies),
    ];

    /// <summary>Fields that the presets set well.</summary>
    public static IReadOnlyList<RunFieldGroup> Advanced { get; } =
    [
        new("Evaluation", [
            new("evaluateEvery", "Judge every", "steps", "Each judged evaluation also writes a checkpoint.", Measured),
            new("watch.gap", "Watch: gap", "0–1", "Growth of self-grade over judge that counts as reward hacking, on the lower end of its interval.", Measured),
            Choice("watch.stop", "Watch: stop", "Whether the run stops by itself then.", Ours, ["false", "true"]),
        ]),
        new("Grading", [
            Choice("grading.reference", "Reference shown", "Whether graders see the reference solution as one possible approach, as in the paper.", "the sandbox's measurements", ["false", "true"]),
            Choice("grading.items", "Items asked", "All in one answer, as in the paper, or one by one; for graders that read text.", Paper, Names<ItemQuestions>()),
            Choice("grading.verdicts", "Verdicts read", "In the answer, or in the likelihood of its first token, which local checkpoints give in one pass.", Paper, Names<VerdictReading>()),
            new("grading.threshold", "Likelihood of a pass", "0–1", "Of verdicts read in likelihoods: an item is met above it. 'evaluate' finds the one that agrees best with a judge.", Ours),
            new("grading.maxNewTokens", "Longest grading", "tokens", "Of graders that write their verdicts.", Ours),
        ]),
        new("Sampling", [
            new("temperature", "Temperature", "", "Of sampling; 1 keeps the policy's own distribution.", Paper),
            new("topP", "Nucleus mass", "0–1", "1 samples from all tokens; the sandbox's presets take 0.98.", Ours),
            new("maxNewTokens", "Longest plan", "tokens", "A plan cut off by it is not finished, and penalised.", Measured),
        ]),
        new("Reward", [
            Choice("reward.scoring", "Scoring of items", "Met or not, as in the paper; or levels 0 to 3 by the number of guidelines violated.", Paper, Names<ItemScoring>()),
            new("reward.levelValues", "Worth of the levels", "", "Of levels 0 to 3.", Ours) { Range = "four numbers that rise from 0 to 1" },
            new("reward.specificWeight", "Weight of the rubric", "0–1", "The rest goes to the seven general guidelines; 0.7 in PaperGym.", Paper),
            new("reward.unfinishedPenalty", "Penalty: unfinished", "reward", "Taken off a plan that did not end by itself.", Measured),
            new("reward.malformedPenalty", "Penalty: malformed", "reward × share", "Grammar decays without it; the sandbox's presets take 3.", Measured),
            new("reward.overlongPenalty", "Penalty: too long", "reward", "Taken off a plan over the sandbox's nine sentences.", Measured),
            new("reward.softLengthTokens", "Soft length", "tokens", "The penalty for unfinished plans rises over so many tokens before the limit; 0 is off.", Dapo + ", off here") { Range = "0 to the longest plan" },
        ]),
        new("Optimizer", [
            new("warmupSteps", "Warm-up", "steps", "Linear, from 0 to the peak learning rate.", Measured) { Range = "0 to the optimizer steps" },
            new("maxGradNorm", "Largest gradient norm", "", "Larger gradients are scaled down to it.", "usual in the field"),
            new("clipLow", "Lower clip", "", "Of the probability ratio; inactive while there is one optimizer step a batch.", Dapo),
            new("clipHigh", "Upper clip", "", "Above the lower one, so that rare tokens can gain.", Dapo),
        ]),
        new("Sequence", [
            new("stages", "Stages", "method:steps", "Parts of a sequence, as opsd:20,grpo:40; their steps add up to the optimizer steps.", Ours) { Range = "empty unless the method is a sequence" },
        ]),
        new("GRPO", [
            Choice("grpo.scaling", "Advantages divided by", "Nothing, the deviation of the group, or that of the batch.", "Dr. GRPO (Liu et al. 2025)", Names<AdvantageScaling>()),
            Choice("grpo.normalisation", "Loss summed over", "Tokens, plans, or plans by the longest length.", Dapo, Names<LossNormalisation>()),
            Choice("grpo.ratio", "Ratio of", "Each token, or the whole plan (GSPO; clips near 3e-4 and 4e-4).", "GRPO (Shao et al. 2024)", Names<RatioLevel>()),
            new("grpo.epochs", "Epochs per batch", "", "Optimizer steps on the same plans; clipping acts from the second on.", Measured),
            new("grpo.klCoefficient", "Divergence coefficient", "", "Pull to the initial policy; PaperGym takes 0.01.", Paper + ", as far as it says"),
            Choice("grpo.kl", "Divergence held by", "k1 in the reward, or k3 in the loss.", "GRPO (Shao et al. 2024)", Names<KlEstimator>()),
            new("grpo.entropyBonus", "Entropy bonus", "", "Weight of the entropy, which is raised; 0 is off.", Ours),
            new("grpo.resampleRounds", "Resampling rounds", "rounds", "Goals whose plans all earn the same are replaced so many times; 0 drops them.", Dapo + ", off here"),
            Choice("grpo.truncated", "Plans cut off", "Penalised, or left out of the loss.", Ours, Names<TruncatedPlans>()),
        ]),
        new("SFT", [
            new("sft.learningRate", "Learning rate, SFT", "peak, AdamW", "1e-5 is usual for full-size models.", Measured),
            new("sft.goalsPerStep", "References per step, SFT", "references", "Reference solutions imitated in one step.", Measured),
            Choice("data.references", "References, SFT", "The sandbox's perfect ones, or such as authors would write.", Ours, Names<ReferenceKind>()),
        ]),
        new("OPSD", [
            new("opsd.learningRate", "Learning rate, OPSD", "peak, AdamW", "5e-6 with adapters in PaperGym.", Measured),
            new("opsd.plansPerGoal", "Plans per goal, OPSD", "plans", "Written by the student each step.", Measured),
            new("opsd.mixture", "Teacher's weight, OPSD", "0–1", "In the mixture of the Jensen–Shannon divergence.", Gym),
        ]),
        new("DPO", [
            new("dpo.learningRate", "Learning rate, DPO", "peak, AdamW", "5e-7 is usual for full-size models.", Measured),
            new("dpo.beta", "Strength β, DPO", "", "Of the pull to the initial policy.", DpoPaper),
            new("dpo.pairsPerStep", "Pairs per step, DPO", "pairs", "Experts' preferences learned from in one step.", Ours),
        ]),
        new("Adapters", [
            new("lora.rank", "Adapter rank", "", "0 trains all weights; above it, low-rank adapters (64 in PaperGym).", Paper + ": all weights"),
            new("lora.alpha", "Adapter strength α", "", "The update is α / rank · B·A.", Gym),
            new("lora.dropout", "Adapter dropout", "0–1", "Share of an adapter's inputs dropped while training.", LoraPaper + ", off here"),
            Choice("lora.rankStabilised", "Adapter scale by √rank", "So that high ranks learn as fast (rsLoRA, Kalajdzievski 2023).", LoraPaper, ["false", "true"]),
            new("lora.modules", "Layers with adapters", "", "By the ends of their names, as in PEFT.", Gym) { Range = string.Join(", ", RunSpecValidator.AdapterModules) },
        ]),
        new("Machine", [
            Choice("engine.kind", "Trained by", "This machine, or verl on the Ray cluster that CoScientist:Cluster names.", Ours, [.. Names<RunEngine>().Where(name => name != "torch" || OptionalEngines.HasTorchSharp)]),
            Choice("engine.precision", "Numbers multiplied", "bf16 halves the time of full-size models; its last digits depend on the processor.", Ours, Names<RunPrecision>()),
            Choice("engine.gradientCheckpointing", "Gradient checkpointing", "A third more work for a fraction of the memory, and the same numbers.", Ours, ["false", "true"]),
            new("engine.microBatchTokens", "Micro-batch", "tokens", "Held in memory at once while training; a group of plans stays together.", Ours),
            new("threads", "Threads", "threads", "0 takes all processors. The numbers do not depend on it.", Ours),
        ]),
    ];

    /// <summary>All fields of the form.</summary>
    public static IEnumerable<RunField> All => [.. Main, .. Data, .. Advanced.SelectMany(group => group.Fields)];

    private static RunField Choice(string path, string label, string meaning, string source, IReadOnlyList<string> choices) =>
        new(path, label, "", meaning, source, RunFieldKind.Choice) { Choices = choices, Range = string.Join(", ", choices) };

    private static string[] Names<T>()
        where T : struct, Enum => [.. Enum.GetNames<T>().Select(JsonNamingPolicy.CamelCase.ConvertName)];
}
