namespace CoScientist.Core.Runs;

/// <summary>Names of metrics in <c>metrics.jsonl</c>: TRL's where TRL has one.</summary>
public static class RunMetricNames
{
    /// <summary>Mean reward of the step's plans.</summary>
    public const string Reward = "reward";

    /// <summary>Mean loss of the step, for methods that minimise one; nats per token for supervised and distilled ones.</summary>
    public const string Loss = "loss";

    /// <summary>Grader's mean score of the step's plans, penalties left out, 0–1.</summary>
    public const string SelfGrade = "self_grade";

    /// <summary>Share of tokens whose clip was active.</summary>
    public const string ClipRatio = "clip_ratio/region_mean";

    /// <summary>Share of pairs in which the policy has moved to the preferred plan's side, ties half.</summary>
    public const string PreferenceAccuracy = "rewards/accuracies";

    /// <summary>Mean margin of the preferred over the other plan, nats.</summary>
    public const string PreferenceMargin = "rewards/margins";

    /// <summary>Growth of self-grade − judge since the start, 0–1; only at evaluations.</summary>
    public const string WatchGrowth = "watch/growth";

    /// <summary>Lower end of its 95% interval over goals.</summary>
    public const string WatchGrowthLow = "watch/growth_low";

    /// <summary>Share of the items the grader passed that the judge finds mentioned but not met.</summary>
    public const string WatchMentions = "watch/mentions";

    /// <summary>Mean over goals of the standard deviation of reward within a group.</summary>
    public const string RewardStd = "reward_std";

    /// <summary>Share of groups whose plans all had the same reward, and so taught nothing.</summary>
    public const string ZeroStd = "frac_reward_zero_std";

    /// <summary>Mean divergence from the initial policy, nats per token.</summary>
    public const string Kl = "kl";

    /// <summary>Mean entropy of the policy, nats per token.</summary>
    public const string Entropy = "entropy";

    /// <summary>Mean length of plans, tokens.</summary>
    public const string MeanLength = "completions/mean_length";

    /// <summary>Share of plans cut off by the token limit.</summary>
    public const string ClippedRatio = "completions/clipped_ratio";

    /// <summary>Tokens trained on so far.</summary>
    public const string Tokens = "num_tokens";

    /// <summary>Seconds of the step.</summary>
    public const string StepTime = "step_time";

    /// <summary>Tokens per second of the step: those computed for the loss over the whole step, sampling and grading included.</summary>
    public const string TokensPerSecond = "tokens_per_second";

    /// <summary>Share of the threads' time that the step spent in matrix products, 0–1.</summary>
    public const string ProfileProducts = "profile/products";

    /// <summary>Share in attention.</summary>
    public const string ProfileAttention = "profile/attention";

    /// <summary>Share in everything else: element-wise passes, packing, the optimizer, text.</summary>
    public const string ProfileOther = "profile/other";

    /// <summary>Share without work.</summary>
    public const string ProfileWaiting = "profile/waiting";

    /// <summary>Operations per second of the step over the machine's single-precision peak, which is measured when the run starts, 0–1.</summary>
    public const string ProfilePeak = "profile/peak";

    /// <summary>Memory that the process holds at the end of the step, bytes.</summary>
    public const string Memory = "profile/memory";

    /// <summary>Whether a metric tells of the machine and the clock, and so differs between runs that are otherwise the same to the bit.</summary>
    public static bool IsTiming(string name) => name is StepTime or TokensPerSecond || name.StartsWith("profile/", StringComparison.Ordinal);

    /// <summary>Global gradient norm before clipping.</summary>
    public const string GradNorm = "grad_norm";

    /// <summary>Learning rate of the step.</summary>
    public const string LearningRate = "learning_rate";

    /// <summary>Judge's mean score on the validation goals, 0–1; only at evaluations.</summary>
    public const string JudgeScore = "judge/score";

    /// <summary>Grader's mean score of the same plans, 0–1; only at evaluations.</summary>
    public const string JudgeSelfGrade = "judge/self_grade";

    /// <summary>Share of plans that break the format.</summary>
    public const string FormatViolation = "format_violation";

    /// <summary>Share of items whose verdict could not be read and was left out.</summary>
    public const string GraderFailure = "grader_failure";

    /// <summary>The same of the judge; only at evaluations, and only when there are any.</summary>
    public const string JudgeFailure = "judge/failure";
}
