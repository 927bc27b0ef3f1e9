using CoScientist.Core.Runs;

namespace CoScientist.Training.Objectives;

/// <summary>A plan that learns.</summary>
/// <param name="Advantage">Its advantage A.</param>
/// <param name="Old">log p of its tokens when it was sampled, in nats, [T].</param>
/// <param name="Reference">log p of its tokens under the reference policy, in nats, [T]; null when the loss needs none.</param>
public sealed record GrpoPlan(double Advantage, float[] Old, float[]? Reference = null);

/// <summary>
/// The loss of GRPO over a batch of plans, by its gradient with respect to each token's log-probability. With ratio
/// ρ = π/π_old of a token, or of a plan (the geometric mean of its tokens', GSPO), the loss of plan i's token t is
/// wᵢ · [−min(ρ·Aᵢ, clip(ρ, 1 − low, 1 + high)·Aᵢ) + β·(r − ln r − 1) − c·H], r = π_ref/π, H the entropy. Weights by
/// normalisation, T = Σ Tᵢ: token mean wᵢ = 1/T, sequence mean wᵢ = 1/(N·Tᵢ), constant wᵢ = 1/(N·longest).
/// </summary>
/// <param name="plans">The plans of the batch, those that are masked left out.</param>
/// <param name="spec">Settings of the method.</param>
/// <param name="clipLow">Lower clip of the ratio.</param>
/// <param name="clipHigh">Upper clip of the ratio.</param>
/// <param name="longest">Longest plan allowed, in tokens.</param>
public sealed class GrpoObjective(IReadOnlyList<GrpoPlan> plans, GrpoSpec spec, double clipLow, double clipHigh, int longest)
{
    private readonly long tokens = plans.Sum(plan => (long)plan.Old.Length);

    /// <summary>Tokens whose clip was active since the objective was made.</summary>
    public long Clipped { get; private set; }

    /// <summary>Σ of the k3 estimate over tokens seen; 0 without a reference.</summary>
    public double Divergence { get; private set; }

    /// <summary>∂loss/∂log p and ∂loss/∂H of every token of a plan.</summary>
    /// <param name="plan">Index of the plan.</param>
    /// <param name="logProbabilities">log p under the current weights, [T].</param>
    /// <param name="gradient">Receives ∂loss/∂log p, [T].</param>
    /// <param name="entropyGradient">Receives ∂loss/∂H, [T].</param>
    public void Gradient(int plan, ReadOnlySpan<float> logProbabilities, Span<float> gradient, Span<float> entropyGradient)
    {
        var (advantage, old, reference) = plans[plan];
        var divisor = Divisor(plan);
        var sequence = spec.Ratio == RatioLevel.Sequence ? SequenceRatio(logProbabilities, old) : 0;
        for (var t = 0; t < old.Length; t++)
        {
            var ratio = spec.Ratio == RatioLevel.Sequence ? sequence : Math.Exp((double)logProbabilities[t] - old[t]);
            var clipped = ClippedObjective.IsClipped(ratio, advantage, clipLow, clipHigh);
            Clipped += clipped ? 1 : 0;

            // A plan's ratio has ∂ρ/∂log p_t = ρ/T, and each of its T tokens carries it: the same as for a token's own.
            var g = clipped ? 0 : -ratio * advantage;
            if (reference is not null)
            {
                var log = (double)reference[t] - logProbabilities[t];
                Divergence += Math.Exp(log) - log - 1;
                g += spec.Kl == KlEstimator.K3 ? spec.KlCoefficient * (1 - Math.Exp(log)) : 0;
            }

            gradient[t] = (float)(g / divisor);
            entropyGradient[t] = (float)(-spec.EntropyBonus / divisor);
        }
    }

    private double Divisor(int plan) => spec.Normalisation switch
    {
        LossNormalisation.SequenceMean => (double)plans.Count * plans[plan].Old.Length,
        LossNormalisation.Constant => (double)plans.Count * longest,
        _ => tokens,
    };

    private static double SequenceRatio(ReadOnlySpan<float> logProbabilities, float[] old)
    {
        var sum = 0.0;
        for (var t = 0; t < old.Length; t++)
        {
            sum += (double)logProbabilities[t] - old[t];
        }

        return Math.Exp(sum / old.Length);
    }
}
