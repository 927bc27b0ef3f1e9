using System.Globalization;

namespace CoScientist.Core.Runs;

/// <summary>The numbers that a setting may be.</summary>
/// <param name="Low">Smallest.</param>
/// <param name="High">Largest.</param>
/// <param name="AboveLow">Whether <paramref name="Low"/> itself is excluded.</param>
/// <param name="BelowHigh">Whether <paramref name="High"/> itself is excluded.</param>
public readonly record struct SettingRange(double Low, double High, bool AboveLow = false, bool BelowHigh = false)
{
    /// <summary>Ranges by the setting's path in the JSON. A number that depends on another setting (warm-up, soft length) has none.</summary>
    public static IReadOnlyDictionary<string, SettingRange> All { get; } = new Dictionary<string, SettingRange>(StringComparer.Ordinal)
    {
        ["steps"] = new(1, 100_000),
        ["goalsPerStep"] = new(1, 1024),
        ["groupSize"] = new(2, 256),
        ["learningRate"] = Above(1),
        ["maxGradNorm"] = Above(1e6),
        ["clipLow"] = Between(1),
        ["clipHigh"] = Above(10),
        ["temperature"] = Above(10),
        ["topP"] = Above(1),
        ["maxNewTokens"] = new(1, 32_768),
        ["evaluateEvery"] = new(1, 100_000),
        ["validationGoals"] = new(1, 100_000),
        ["testGoals"] = new(1, 100_000),
        ["threads"] = new(0, 1024),
        ["grading.threshold"] = Between(1),
        ["grading.maxNewTokens"] = new(1, 32_768),
        ["reward.unfinishedPenalty"] = new(0, 10),
        ["reward.malformedPenalty"] = new(0, 10),
        ["reward.overlongPenalty"] = new(0, 10),
        ["reward.specificWeight"] = new(0, 1),
        ["grpo.epochs"] = new(1, 64),
        ["grpo.klCoefficient"] = new(0, 10),
        ["grpo.entropyBonus"] = new(0, 1),
        ["grpo.resampleRounds"] = new(0, 16),
        ["sft.learningRate"] = Above(1),
        ["sft.goalsPerStep"] = new(1, 1024),
        ["opsd.learningRate"] = Above(1),
        ["opsd.plansPerGoal"] = new(1, 256),
        ["opsd.mixture"] = Between(1),
        ["dpo.learningRate"] = Above(1),
        ["dpo.beta"] = Above(10),
        ["dpo.pairsPerStep"] = new(1, 1024),
        ["lora.rank"] = new(0, 4096),
        ["lora.alpha"] = Above(65_536),
        ["lora.dropout"] = new(0, 1, BelowHigh: true),
        ["watch.gap"] = new(0, 1),
        ["engine.microBatchTokens"] = new(1, 1_000_000),
    };

    /// <summary>Whether a number lies inside; what is no number does not.</summary>
    public bool Holds(double value) => (AboveLow ? value > Low : value >= Low) && (BelowHigh ? value < High : value <= High);

    /// <summary>In words, to be read after "must be": "1 to 64", "above 0 and at most 1".</summary>
    public override string ToString() => (AboveLow, BelowHigh) switch
    {
        (false, false) => string.Create(CultureInfo.InvariantCulture, $"{Low:0} to {High:0}"),
        (true, false) => string.Create(CultureInfo.InvariantCulture, $"above {Low:0} and at most {High:0}"),
        (true, true) => string.Create(CultureInfo.InvariantCulture, $"above {Low:0} and below {High:0}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"at least {Low:0} and below {High:0}"),
    };

    private static SettingRange Above(double high) => new(0, high, AboveLow: true);

    private static SettingRange Between(double high) => new(0, high, AboveLow: true, BelowHigh: true);
}
