using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using CoScientist.Core.Goals;
using CoScientist.Core.Grading.PaperProtocol;

namespace CoScientist.Core.Runs;

/// <summary>What a run is to do: validated as a whole before anything starts, stored unchanged, and enough to repeat the run.</summary>
public sealed record RunSpec
{
    /// <summary>Version of this schema.</summary>
    public const int CurrentVersion = 1;

    /// <summary><see cref="Grader"/> that stands for the frozen initial policy.</summary>
    public const string InitialGrader = "initial";

    /// <summary><see cref="Judge"/> that stands for the sandbox's exact judge.</summary>
    public const string Oracle = "oracle";

    /// <summary>What the name of a model server stands behind in <see cref="Grader"/> and <see cref="Judge"/>.</summary>
    public const string ServerPrefix = "server:";

    /// <summary>Schema version of this specification.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>Name of the run's family; the run's own name adds a number. Lower-case letters, digits and hyphens.</summary>
    public string Name { get; init; } = "run";

    /// <summary>Training method: "sft", "opsd", "grpo" or "dpo", or "sequence" for <see cref="Stages"/>. Default "grpo", the paper's.</summary>
    public string Method { get; init; } = "grpo";

    /// <summary>Parts of a sequence in order, each "method:steps" ("opsd:20"); their steps add up to <see cref="Steps"/>. Default: none.</summary>
    public List<string> Stages { get; init; } = [];

    /// <summary>Name of the checkpoint to start from. Default: the sandbox's base model.</summary>
    public string Model { get; init; } = "sandbox-base";

    /// <summary>Who gives the reward: "initial" (the frozen initial policy, the paper's choice), another checkpoint by name, a model server as "server:NAME", or in the sandbox "oracle", which shows what a perfect grader would give.</summary>
    public string Grader { get; init; } = InitialGrader;

    /// <summary>Who watches, picks the checkpoint and reports: "oracle" (sandbox only), a checkpoint by name, or a model server as "server:NAME". It should not be the grader.</summary>
    public string Judge { get; init; } = Oracle;

    /// <summary>What to train on.</summary>
    public RunDataSpec Data { get; init; } = new();

    /// <summary>How gradings become a reward.</summary>
    public RewardSpec Reward { get; init; } = new();

    /// <summary>How grader and judge are asked.</summary>
    public GradingSpec Grading { get; init; } = new();

    /// <summary>Optimizer steps. Default 40.</summary>
    public int Steps { get; init; } = 40;

    /// <summary>Goals per step. Default 8.</summary>
    public int GoalsPerStep { get; init; } = 8;

    /// <summary>Plans per goal, the group whose mean is the baseline. Default 8 (the paper's).</summary>
    public int GroupSize { get; init; } = 8;

    /// <summary>Peak learning rate of AdamW in GRPO; other methods have their own. Default 2e-4, measured on the sandbox; the paper's full-size models want 1e-6.</summary>
    public double LearningRate { get; init; } = 2e-4;

    /// <summary>Steps of linear warm-up. Default 5.</summary>
    public int WarmupSteps { get; init; } = 5;

    /// <summary>Largest global gradient norm. Default 1.</summary>
    public double MaxGradNorm { get; init; } = 1;

    /// <summary>Lower clip of the probability ratio. Default 0.2.</summary>
    public double ClipLow { get; init; } = 0.2;

    /// <summary>Upper clip of the probability ratio. Default 0.28.</summary>
    public double ClipHigh { get; init; } = 0.28;

    /// <summary>Sampling temperature. Default 1.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Nucleus mass. Default 1.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Most tokens of a plan; a plan cut off by it is not finished. Default 160.</summary>
    public int MaxNewTokens { get; init; } = 160;

    /// <summary>Steps between judged evaluations on the validation goals; each also writes a checkpoint. Default 10.</summary>
    public int EvaluateEvery { get; init; } = 10;

    /// <summary>Validation goals the judge picks the checkpoint by. Default 128.</summary>
    public int ValidationGoals { get; init; } = 128;

    /// <summary>Test goals reported at the end, disjoint from all others. Default 300.</summary>
    public int TestGoals { get; init; } = 300;

    /// <summary>Settings of GRPO.</summary>
    public GrpoSpec Grpo { get; init; } = new();

    /// <summary>Settings of supervised fine-tuning.</summary>
    public SftSpec Sft { get; init; } = new();

    /// <summary>Settings of self-distillation.</summary>
    public OpsdSpec Opsd { get; init; } = new();

    /// <summary>Settings of preference optimisation.</summary>
    public DpoSpec Dpo { get; init; } = new();

    /// <summary>Adapters instead of full weights.</summary>
    public LoraSpec Lora { get; init; } = new();

    /// <summary>The watch on reward hacking.</summary>
    public WatchSpec Watch { get; init; } = new();

    /// <summary>Precision and memory of the engine.</summary>
    public EngineSpec Engine { get; init; } = new();

    /// <summary>Seed of every random stream of the run. Default 1.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Threads of the engine; 0 takes all processors. The result does not depend on it.</summary>
    public int Threads { get; init; }

    /// <summary>Name of the model server that a grader's or judge's name stands for; null when it is a checkpoint's.</summary>
    public static string? ServerOf(string name) => name.StartsWith(ServerPrefix, StringComparison.Ordinal) ? name[ServerPrefix.Length..] : null;

    /// <summary>Protocol by which a grader or judge grades: "oracle", "compact" or "paper".</summary>
    public string ProtocolOf(string name) => name == Oracle ? Oracle : Data.Sandbox && ServerOf(name) is null ? "compact" : PaperPrompts.Protocol;

    /// <summary>The model that a grader's or judge's name stands for: the initial policy is the checkpoint trained from.</summary>
    public string ModelOf(string name) => name == InitialGrader ? Model : name;

    /// <summary>The parts of the run in order: those of a sequence, or the one method.</summary>
    /// <exception cref="FormatException">A stage is not "method:steps"; a validated specification has none such.</exception>
    public IReadOnlyList<RunStage> Parts()
    {
        if (Stages.Count == 0)
        {
            return [new RunStage(Method, 0, Steps)];
        }

        var parts = new List<RunStage>();
        foreach (var stage in Stages)
        {
            var split = stage.Split(':');
            if (split.Length != 2 || !int.TryParse(split[1], NumberStyles.None, CultureInfo.InvariantCulture, out var steps))
            {
                throw new FormatException($"\"{stage}\" is not a method with its steps, as \"opsd:20\".");
            }

            parts.Add(new RunStage(split[0], parts.Count == 0 ? 0 : parts[^1].FirstStep + parts[^1].Steps, steps));
        }

        return parts;
    }

    /// <summary>Peak learning rate of a method.</summary>
    public double LearningRateOf(string method) => method switch
    {
        "sft" => Sft.LearningRate,
        "opsd" => Opsd.LearningRate,
        "dpo" => Dpo.LearningRate,
        _ => LearningRate,
    };

    /// <summary>How specifications are written and read: camel case, enums by name, unknown fields refused.</summary>
    public static JsonSerializerOptions JsonOptions { get; } = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };
}

/// <summary>Which goals and items a run uses.</summary>
public sealed record RunDataSpec
{
    /// <summary>True: the sandbox's goals; false: real ones. Never both.</summary>
    public bool Sandbox { get; init; } = true;

    /// <summary>Domains to train on; empty means all. Evaluation always covers all.</summary>
    public List<string> Domains { get; init; } = [];

    /// <summary>States of rubric items that count. Rejected items never do. Default: all the others.</summary>
    public List<RubricItemState> RubricStates { get; init; } = [RubricItemState.Proposed, RubricItemState.Approved, RubricItemState.Edited];

    /// <summary>
    /// Closed studies, by name or id, whose answers preference optimisation learns from; other methods ignore it. Default: all
    /// closed studies of the sandbox, or all real ones.
    /// </summary>
    public List<string> Studies { get; init; } = [];

    /// <summary>What supervised fine-tuning imitates in the sandbox. Default: the library's perfect references.</summary>
    public ReferenceKind References { get; init; } = ReferenceKind.Perfect;
}

/// <summary>Reference solutions of the sandbox.</summary>
public enum ReferenceKind
{
    /// <summary>Every requirement satisfied.</summary>
    Perfect,

    /// <summary>As a paper's authors would write them: one approach, in another order, with some requirements left out or met in another way than the rubric asks.</summary>
    Realistic,
}

/// <summary>How verdicts become a score.</summary>
public enum ItemScoring
{
    /// <summary>1 when met, 0 when not (the paper).</summary>
    Binary,

    /// <summary>By the number of guidelines violated: none 3, one 2, two 1, three or more (an item that no part of the plan addresses violates all seven) 0; then <see cref="RewardSpec.LevelValues"/>.</summary>
    Levels,
}

/// <summary>reward = specific · share of items satisfied + (1 − specific) · share of guidelines kept − penalties.</summary>
public sealed record RewardSpec
{
    /// <summary>How verdicts become a score. Default binary.</summary>
    public ItemScoring Scoring { get; init; } = ItemScoring.Binary;

    /// <summary>Worth of levels 0 to 3, rising from 0 to 1. Default thirds.</summary>
    public List<double> LevelValues { get; init; } = [0, 1.0 / 3, 2.0 / 3, 1];

    /// <summary>Weight of the goal's own items; the rest goes to the general guidelines. Default 1 (the paper); PaperGym takes 0.7.</summary>
    public double SpecificWeight { get; init; } = 1;

    /// <summary>Taken off when the plan was not finished (no end, or over the token limit). Default 1.</summary>
    public double UnfinishedPenalty { get; init; } = 1;

    /// <summary>
    /// Tokens before the limit over which the length penalty rises linearly from 0 to <see cref="UnfinishedPenalty"/>
    /// (soft overlong punishment in DAPO, Yu et al. 2025). Default 0: no warning before the limit.
    /// </summary>
    public int SoftLengthTokens { get; init; }

    /// <summary>Taken off times the share of malformed sentences (sandbox grammar). Default 0.5.</summary>
    public double MalformedPenalty { get; init; } = 0.5;

    /// <summary>Taken off when the plan is longer than allowed (sandbox: 9 sentences). Default 0.25.</summary>
    public double OverlongPenalty { get; init; } = 0.25;
}
