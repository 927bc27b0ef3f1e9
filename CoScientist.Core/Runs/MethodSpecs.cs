namespace CoScientist.Core.Runs;

/// <summary>One part of a run: a method and how many steps it gets.</summary>
/// <param name="Method">The method.</param>
/// <param name="FirstStep">Steps of the run done before it.</param>
/// <param name="Steps">Its own steps.</param>
public sealed record RunStage(string Method, int FirstStep, int Steps);

/// <summary>What advantages are divided by.</summary>
public enum AdvantageScaling
{
    /// <summary>Nothing: Aᵢ = rᵢ − mean (Dr. GRPO, Liu et al. 2025; dividing weights easy and hopeless goals up).</summary>
    None,

    /// <summary>The standard deviation of the group (Shao et al. 2024).</summary>
    Group,

    /// <summary>The standard deviation over the whole batch (as in REINFORCE++, Hu 2025).</summary>
    Batch,
}

/// <summary>How token losses become one loss.</summary>
public enum LossNormalisation
{
    /// <summary>Sum over all tokens / number of tokens (DAPO, Yu et al. 2025): long plans weigh more.</summary>
    TokenMean,

    /// <summary>Mean over plans of each plan's mean (Shao et al. 2024): long plans are pulled less per token.</summary>
    SequenceMean,

    /// <summary>Sum over all tokens / (plans × longest length allowed) (Dr. GRPO): no plan's length matters.</summary>
    Constant,
}

/// <summary>What the clipped ratio of probabilities is taken over.</summary>
public enum RatioLevel
{
    /// <summary>Each token has its own.</summary>
    Token,

    /// <summary>One for the plan, the geometric mean of its tokens' (GSPO, Zheng et al. 2025).</summary>
    Sequence,
}

/// <summary>How the divergence from the reference policy is held down.</summary>
public enum KlEstimator
{
    /// <summary>log π − log π_ref, summed over the plan and taken off its reward (Ouyang et al. 2022).</summary>
    K1,

    /// <summary>π_ref/π − log(π_ref/π) − 1 per token, added to the loss (Schulman 2020; Shao et al. 2024).</summary>
    K3,
}

/// <summary>What becomes of plans that the token limit cut off.</summary>
public enum TruncatedPlans
{
    /// <summary>They learn, with the reward's penalty for unfinished plans.</summary>
    Penalty,

    /// <summary>They count for the group's mean and are left out of the loss (overlong filtering in DAPO, Yu et al. 2025).</summary>
    Mask,
}

/// <summary>Settings of GRPO besides those every method has.</summary>
public sealed record GrpoSpec
{
    /// <summary>Division of the advantages. Default none.</summary>
    public AdvantageScaling Scaling { get; init; } = AdvantageScaling.None;

    /// <summary>Sum of token losses. Default token mean.</summary>
    public LossNormalisation Normalisation { get; init; } = LossNormalisation.TokenMean;

    /// <summary>Ratio per token or per plan. Default token. A sequence's ratio moves less, so that its clips want to be near 3e-4 and 4e-4.</summary>
    public RatioLevel Ratio { get; init; } = RatioLevel.Token;

    /// <summary>Optimizer steps on each batch of plans. Default 1, with which the ratio is exactly 1 and nothing is clipped.</summary>
    public int Epochs { get; init; } = 1;

    /// <summary>Weight β of the divergence from the initial policy. Default 0, as in the paper as far as it says.</summary>
    public double KlCoefficient { get; init; }

    /// <summary>How that divergence is held down. Default k3.</summary>
    public KlEstimator Kl { get; init; } = KlEstimator.K3;

    /// <summary>Weight of the mean entropy, which is maximised. Default 0.</summary>
    public double EntropyBonus { get; init; }

    /// <summary>Goals whose plans all have one reward are replaced by the next goals so many times. Default 0: they are dropped.</summary>
    public int ResampleRounds { get; init; }

    /// <summary>What becomes of plans that were cut off. Default: the reward's penalty.</summary>
    public TruncatedPlans Truncated { get; init; } = TruncatedPlans.Penalty;
}

/// <summary>Settings of supervised fine-tuning on reference solutions.</summary>
public sealed record SftSpec
{
    /// <summary>Peak learning rate. Default 4e-4, measured on the sandbox; 1e-5 is usual for full-size models.</summary>
    public double LearningRate { get; init; } = 4e-4;

    /// <summary>References per step. Default 16.</summary>
    public int GoalsPerStep { get; init; } = 16;
}

/// <summary>Settings of on-policy self-distillation (PaperGym, arXiv 2608.31119): the policy, shown the rubric, teaches itself without it.</summary>
public sealed record OpsdSpec
{
    /// <summary>
    /// Peak learning rate. Default 3e-5 for the sandbox, where 40 steps lift the score from 0.52 to 0.81 and leave the form whole; at
    /// 5e-5 form decays after 30 steps, and at 2e-4 teacher and pupil, which share their weights, collapse together after 10.
    /// 5e-6 with LoRA in the paper.
    /// </summary>
    public double LearningRate { get; init; } = 3e-5;

    /// <summary>Plans per goal that the student writes. Default 4.</summary>
    public int PlansPerGoal { get; init; } = 4;

    /// <summary>Weight of the teacher in the mixture of the Jensen–Shannon divergence, 0 to 1 exclusive. Default 0.5.</summary>
    public double Mixture { get; init; } = 0.5;
}

/// <summary>Settings of direct preference optimisation (Rafailov et al. 2023) on experts' preferences.</summary>
public sealed record DpoSpec
{
    /// <summary>Peak learning rate. Default 5e-5 for the sandbox; 5e-7 is usual for full-size models.</summary>
    public double LearningRate { get; init; } = 5e-5;

    /// <summary>Strength β of the pull to the initial policy. Default 0.1.</summary>
    public double Beta { get; init; } = 0.1;

    /// <summary>Pairs per step. Default 16.</summary>
    public int PairsPerStep { get; init; } = 16;
}

/// <summary>Low-rank adapters (Hu et al. 2021) instead of full weights.</summary>
public sealed record LoraSpec
{
    /// <summary>Rank r; 0 trains the full weights. Default 0.</summary>
    public int Rank { get; init; }

    /// <summary>Scale: the update is alpha / r · B·A. Default 128.</summary>
    public double Alpha { get; init; } = 128;

    /// <summary>Share of inputs dropped while training. Default 0.</summary>
    public double Dropout { get; init; }

    /// <summary>Divides by √r instead of r (Kalajdzievski 2023). Default false.</summary>
    public bool RankStabilised { get; init; }

    /// <summary>Layers that get an adapter. Default: every projection.</summary>
    public List<string> Modules { get; init; } = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];
}

/// <summary>When self-grade and judge count as parted.</summary>
public sealed record WatchSpec
{
    /// <summary>Growth of the gap self-grade − judge since the start that is too much, 0–1. Default 0.1.</summary>
    public double Gap { get; init; } = 0.1;

    /// <summary>Whether a run stops by itself when the watch sees them part. Default false: it says so and goes on.</summary>
    public bool Stop { get; init; }
}
