using CoScientist.Core;
using CoScientist.Core.Runs;
using CoScientist.Training.Objectives;

namespace CoScientist.Tests.Training.Objectives;

/// <summary>The gradient of every option against the slope of the loss, written down again in double precision.</summary>
public sealed class GrpoObjectiveTests
{
    private const int Longest = 12;
    private const double Low = 0.2;
    private const double High = 0.28;

    public static TheoryData<RatioLevel, LossNormalisation, KlEstimator, double, double> Options()
    {
        var data = new TheoryData<RatioLevel, LossNormalisation, KlEstimator, double, double>();
        foreach (var ratio in Enum.GetValues<RatioLevel>())
        {
            foreach (var normalisation in Enum.GetValues<LossNormalisation>())
            {
                data.Add(ratio, normalisation, KlEstimator.K3, 0, 0);
                data.Add(ratio, normalisation, KlEstimator.K3, 0.05, 0.01);
                data.Add(ratio, normalisation, KlEstimator.K1, 0.05, 0);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Options))]
    public void Gradient_EveryOption_IsTheSlopeOfTheLoss(RatioLevel ratio, LossNormalisation normalisation, KlEstimator kl, double coefficient, double entropyBonus)
    {
        var spec = new GrpoSpec { Ratio = ratio, Normalisation = normalisation, Kl = kl, KlCoefficient = coefficient, EntropyBonus = entropyBonus };
        var (plans, current, entropies) = Batch(coefficient > 0);
        var objective = new GrpoObjective(plans, spec, Low, High, Longest);
        for (var i = 0; i < plans.Length; i++)
        {
            var (gradient, entropyGradient) = (new float[current[i].Length], new float[current[i].Length]);
            objective.Gradient(i, current[i], gradient, entropyGradient);
            for (var t = 0; t < gradient.Length; t++)
            {
                var (row, column) = (i, t);
                Assert.Equal(Slope(h => Loss(plans, Moved(current, row, column, h), entropies, spec)), gradient[t], 5e-6);
                Assert.Equal(Slope(h => Loss(plans, current, Moved(entropies, row, column, h), spec)), entropyGradient[t], 1e-6);
            }
        }

        Assert.True(objective.Clipped > 0, "No token was clipped: the case shows nothing.");
        Assert.Equal(coefficient > 0, objective.Divergence > 0);
    }

    [Fact]
    public void Gradient_OneEpoch_HasRatiosOfExactlyOneAndNothingClipped()
    {
        var (plans, _, _) = Batch(withReference: false);
        var objective = new GrpoObjective(plans, new GrpoSpec(), Low, High, Longest);
        var tokens = plans.Sum(plan => plan.Old.Length);
        for (var i = 0; i < plans.Length; i++)
        {
            var gradient = new float[plans[i].Old.Length];
            objective.Gradient(i, plans[i].Old, gradient, new float[gradient.Length]);
            Assert.All(gradient, g => Assert.Equal((float)(-plans[i].Advantage / tokens), g));
        }

        Assert.Equal(0, objective.Clipped);
    }

    [Fact]
    public void Gradient_EqualRewards_IsExactlyZero()
    {
        var advantages = GroupAdvantages.Of([[0.7, 0.7, 0.7]])[0];
        Assert.All(advantages, advantage => Assert.Equal(0, advantage!.Value));
        var objective = new GrpoObjective([.. advantages.Select(advantage => new GrpoPlan(advantage!.Value, [-1f, -2f]))], new GrpoSpec { Epochs = 2 }, Low, High, Longest);
        var gradient = new float[2];
        objective.Gradient(1, [-0.2f, -3f], gradient, new float[2]);
        Assert.All(gradient, g => Assert.Equal(0f, g));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(-40)]
    [InlineData(800)]
    [InlineData(-800)]
    public void Preference_AnyMargin_HasAFiniteLossWithItsSlope(double margin)
    {
        Assert.True(double.IsFinite(PreferenceObjective.Loss(margin, 0.1)));
        Assert.Equal(Slope(h => PreferenceObjective.Loss(margin + h, 0.1)), PreferenceObjective.Gradient(margin, 0.1), 1e-7);
        Assert.Equal(Math.Log(2), PreferenceObjective.Loss(0, 0.1), 12);
    }

    private static double Slope(Func<double, double> of) => (of(1e-5) - of(-1e-5)) / 2e-5;

    private static double[][] Moved(double[][] values, int row, int column, double by) =>
        [.. values.Select((list, i) => i == row ? [.. list.Select((value, t) => t == column ? value + by : value)] : list)];

    private static double[][] Moved(float[][] values, int row, int column, double by) =>
        Moved(values.Select(list => list.Select(value => (double)value).ToArray()).ToArray(), row, column, by);

    private static double Loss(GrpoPlan[] plans, float[][] current, double[][] entropies, GrpoSpec spec) =>
        Loss(plans, Moved(current, 0, 0, 0), entropies, spec);

    /// <summary>The published objectives, written out.</summary>
    private static double Loss(GrpoPlan[] plans, double[][] current, double[][] entropies, GrpoSpec spec)
    {
        var total = 0.0;
        for (var i = 0; i < plans.Length; i++)
        {
            var length = plans[i].Old.Length;
            var sum = 0.0;
            for (var t = 0; t < length; t++)
            {
                var ratio = spec.Ratio == RatioLevel.Token
                    ? Math.Exp(current[i][t] - plans[i].Old[t])
                    : Math.Exp(current[i].Zip(plans[i].Old, (now, old) => now - old).Average());
                sum -= Math.Min(ratio * plans[i].Advantage, Math.Clamp(ratio, 1 - Low, 1 + High) * plans[i].Advantage);
                if (plans[i].Reference is { } reference && spec.Kl == KlEstimator.K3)
                {
                    var r = Math.Exp(reference[t] - current[i][t]);
                    sum += spec.KlCoefficient * (r - Math.Log(r) - 1);
                }

                sum -= spec.EntropyBonus * entropies[i][t];
            }

            total += spec.Normalisation switch
            {
                LossNormalisation.TokenMean => sum / plans.Sum(plan => plan.Old.Length),
                LossNormalisation.SequenceMean => sum / length / plans.Length,
                _ => sum / plans.Length / Longest,
            };
        }

        return total;
    }

    /// <summary>Plans of several lengths whose ratios lie below, inside and above the clips, far from their edges.</summary>
    private static (GrpoPlan[] Plans, float[][] Current, double[][] Entropies) Batch(bool withReference)
    {
        var random = new SeededRandom(5);
        int[] lengths = [1, 4, 9, 2, 6, 3];
        double[] shifts = [0.6, -0.5, 0.02, 0.5, -0.6, -0.03];
        var current = lengths.Select(length => Enumerable.Range(0, length).Select(_ => (float)(-0.2 - (3 * random.NextDouble()))).ToArray()).ToArray();
        var plans = lengths.Select((length, i) => new GrpoPlan(
            (i % 2 == 0 ? 1 : -1) * (0.3 + (0.1 * i)),
            [.. current[i].Select(value => value - (float)shifts[i])],
            withReference ? [.. current[i].Select(value => value + (float)(0.4 * random.NextNormal()))] : null)).ToArray();
        return (plans, current, [.. lengths.Select(length => Enumerable.Range(0, length).Select(_ => random.NextDouble()).ToArray())]);
    }
}
