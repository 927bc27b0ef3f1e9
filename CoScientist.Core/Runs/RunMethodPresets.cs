namespace CoScientist.Core.Runs;

/// <summary>
/// Presets of methods that need more than the base model: experts' answers, or a real model. Those for real goals name no model
/// and no judge, because none comes with the software: the specification is refused until both are given.
/// </summary>
internal static class RunMethodPresets
{
    // Rank and scale of PaperGym (arXiv 2608.31119) on every projection.
    private static LoraSpec Adapters { get; } = new() { Rank = 64, Alpha = 128 };

    /// <summary>
    /// What the presets for real goals share. The grammar and the nine sentences are the sandbox's, so their penalties are off.
    /// 2,048 tokens hold the 750 words of a plan with some thought before them. 100 steps: the paper's own grader was exploited
    /// after about 120. Graders see the reference solution, as the paper's do. Published weights are bfloat16 themselves, and
    /// eight plans of a real model only fit into memory with checkpointing.
    /// </summary>
    private static RunSpec Real { get; } = new()
    {
        Model = "",
        Judge = "",
        Data = new RunDataSpec { Sandbox = false },
        Reward = new RewardSpec { MalformedPenalty = 0, OverlongPenalty = 0 },
        Grading = new GradingSpec { Reference = true },
        Steps = 100,
        MaxNewTokens = 2048,
        EvaluateEvery = 20,
        ValidationGoals = 64,
        TestGoals = 128,
        LearningRate = 1e-6,
        Sft = new SftSpec { LearningRate = 1e-5 },
        Opsd = new OpsdSpec { LearningRate = 5e-6 },
        Dpo = new DpoSpec { LearningRate = 5e-7 },
        Engine = new EngineSpec { Precision = RunPrecision.Bf16, GradientCheckpointing = true },
    };

    /// <summary>These presets, for <see cref="RunPresets.All"/>.</summary>
    public static IReadOnlyList<RunPreset> All { get; } =
    [
        new(
            "sandbox-dpo",
            "Learns from the answers of experts in closed studies of the sandbox (DPO); the goals they saw leave the evaluation.",
            new RunSpec { Name = "sandbox-dpo", Method = "dpo", TopP = 0.98, Steps = 20, EvaluateEvery = 5 }),
        new(
            "grpo",
            "The paper's method on real goals, all weights at learning rate 1e-6. Name your model and a judge.",
            Real with { Name = "grpo" }),
        new(
            "grpo-lora",
            "The paper's method on real goals with adapters of rank 64 at learning rate 1e-5. Name your model and a judge.",
            Real with { Name = "grpo-lora", LearningRate = 1e-5, Lora = Adapters }),
        new(
            "opsd-grpo",
            "PaperGym on real goals: the model, shown the rubric, teaches itself for 200 steps, then GRPO with 0.7 rubric and 0.3 guidelines, both with adapters. Name your model and a judge.",
            Real with
            {
                Name = "opsd-grpo",
                Method = "sequence",
                Stages = ["opsd:200", "grpo:100"],
                Steps = 300,
                LearningRate = 1e-5,
                Reward = Real.Reward with { SpecificWeight = 0.7 },
                Grpo = new GrpoSpec { KlCoefficient = 0.01 },
                Lora = Adapters,
            }),
        new(
            "sft",
            "The paper's baseline on real goals: imitates the reference solutions, without any reward. Name your model and a judge.",
            Real with { Name = "sft", Method = "sft" }),
        new(
            "dpo",
            "Learns from the answers of experts in closed studies of real goals (DPO); the goals they saw leave the evaluation. Name your model and a judge.",
            Real with { Name = "dpo", Method = "dpo" }),
    ];
}
