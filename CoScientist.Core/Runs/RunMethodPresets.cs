namespace CoScientist.Core.Runs;

/// <summary>Presets of methods that need more than the base model: experts' answers.</summary>
internal static class RunMethodPresets
{
    /// <summary>These presets, for <see cref="RunPresets.All"/>.</summary>
    public static IReadOnlyList<RunPreset> All { get; } =
    [
        new(
            "sandbox-dpo",
            "Learns from the answers of experts in closed studies of the sandbox (DPO); the goals they saw leave the evaluation.",
            new RunSpec { Name = "sandbox-dpo", Method = "dpo", TopP = 0.98, Reward = new RewardSpec { MalformedPenalty = 1.5 }, Steps = 20, EvaluateEvery = 5 }),
    ];
}
