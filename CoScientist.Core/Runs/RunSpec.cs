using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using CoScientist.Core.Goals;

namespace CoScientist.Core.Runs;

/// <summary>What a run is to do: validated as a whole before anything starts, stored unchanged, and enough to repeat the run.</summary>
public sealed record RunSpec
{
    /// <summary>Version of this schema.</summary>
    public const int CurrentVersion = 1;

    /// <summary><see cref="Grader"/> that stands for the frozen initial policy.</summary>
    public const string InitialGrader = "initial";

    /// <summary>Schema version of this specification.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>Name of the run's family; the run's own name adds a number. Lower-case letters, digits and hyphens.</summary>
    public string Name { get; init; } = "run";

    /// <summary>Training method. Default "grpo", the paper's.</summary>
    public string Method { get; init; } = "grpo";

    /// <summary>Name of the checkpoint to start from. Default: the sandbox's base model.</summary>
    public string Model { get; init; } = "sandbox-base";

    /// <summary>"initial" (the frozen initial policy, the paper's choice) or the name of another checkpoint.</summary>
    public string Grader { get; init; } = InitialGrader;

    /// <summary>Who watches and picks the checkpoint: "oracle" (sandbox only). Never the grader.</summary>
    public string Judge { get; init; } = "oracle";

    /// <summary>What to train on.</summary>
    public RunDataSpec Data { get; init; } = new();

    /// <summary>How gradings become a reward.</summary>
    public RewardSpec Reward { get; init; } = new();

    /// <summary>Optimizer steps. Default 40.</summary>
    public int Steps { get; init; } = 40;

    /// <summary>Goals per step. Default 8.</summary>
    public int GoalsPerStep { get; init; } = 8;

    /// <summary>Plans per goal, the group whose mean is the baseline. Default 8 (the paper's).</summary>
    public int GroupSize { get; init; } = 8;

    /// <summary>Peak learning rate of AdamW. Default 2e-4, measured on the sandbox; the paper's full-size models want 1e-6.</summary>
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

    /// <summary>Seed of every random stream of the run. Default 1.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Threads of the engine; 0 takes all processors. The result does not depend on it.</summary>
    public int Threads { get; init; }

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
}

/// <summary>reward = satisfied / graded items − penalties.</summary>
public sealed record RewardSpec
{
    /// <summary>Taken off when the plan was not finished (no end, or over the token limit). Default 1.</summary>
    public double UnfinishedPenalty { get; init; } = 1;

    /// <summary>Taken off times the share of malformed sentences (sandbox grammar). Default 0.5.</summary>
    public double MalformedPenalty { get; init; } = 0.5;

    /// <summary>Taken off when the plan is longer than allowed (sandbox: 9 sentences). Default 0.25.</summary>
    public double OverlongPenalty { get; init; } = 0.25;
}
