using CoScientist.Core.Runs;
using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Kernels;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels.Reference;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sandbox;
using CoScientist.Training.Trainers;

namespace CoScientist.Tests.Training.Trainers;

/// <summary>
/// A whole step of the trainer, from rewards to the gradient of every weight, against the published objective written down
/// again in double precision over the plain model, on the same plans: for every option, and in a second epoch, when ratios are
/// no longer 1.
/// </summary>
public sealed class GrpoStepGradientTests(KernelPools pools) : IClassFixture<KernelPools>
{
    private const int Items = 4;

    private static readonly RunSpec s_spec = new()
    {
        GoalsPerStep = 3,
        GroupSize = 3,
        WarmupSteps = 0,
        MaxNewTokens = 6,
        Temperature = 0.9,
        LearningRate = 0.02,
        MaxGradNorm = 1e6,
        // Not in force by default; narrow, so that a second epoch is clipped.
        ClipLow = 0.01,
        ClipHigh = 0.02,
        Reward = new RewardSpec { UnfinishedPenalty = 0, MalformedPenalty = 0, OverlongPenalty = 0 },
    };

    private static readonly Dictionary<string, GrpoSpec> s_options = new(StringComparer.Ordinal)
    {
        ["default"] = new(),
        ["group deviation"] = new() { Scaling = AdvantageScaling.Group },
        ["batch deviation"] = new() { Scaling = AdvantageScaling.Batch },
        ["sequence mean"] = new() { Normalisation = LossNormalisation.SequenceMean },
        ["constant length"] = new() { Normalisation = LossNormalisation.Constant },
        ["sequence ratio"] = new() { Ratio = RatioLevel.Sequence, Epochs = 2 },
        ["sequence ratio, sequence mean"] = new() { Ratio = RatioLevel.Sequence, Normalisation = LossNormalisation.SequenceMean, Epochs = 2 },
        ["two epochs"] = new() { Epochs = 2 },
        ["k3"] = new() { KlCoefficient = 0.2, Epochs = 2 },
        ["k1"] = new() { KlCoefficient = 0.2, Kl = KlEstimator.K1 },
        ["entropy"] = new() { EntropyBonus = 0.3, Epochs = 2 },
        ["resampled"] = new() { ResampleRounds = 1 },
        ["masked"] = new() { Truncated = TruncatedPlans.Mask, Normalisation = LossNormalisation.SequenceMean },
        ["all"] = new() { Scaling = AdvantageScaling.Group, Normalisation = LossNormalisation.Constant, Ratio = RatioLevel.Sequence, Epochs = 2, KlCoefficient = 0.1, EntropyBonus = 0.1, Truncated = TruncatedPlans.Mask },
    };

    public static TheoryData<string> Options => [.. s_options.Keys];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Options))]
    public void Step_EveryOption_HasTheGradientOfThePublishedObjective(string option)
    {
        var spec = s_spec with { Grpo = s_options[option] };
        var (model, start) = (new ReferenceModel(TinyPolicy.Config, 5), new ReferenceModel(TinyPolicy.Config, 6));
        using var engine = Engine(model);
        using var frozen = Engine(start);
        using var policy = new RecordingPolicy(engine) { EndsEveryOther = true };
        var protocol = new CompactProtocol(TinyPolicy.Tokenizer);
        var grader = new ScriptedGrader();
        var trainer = new GrpoTrainer(policy, protocol, grader, spec.Grpo.KlCoefficient > 0 ? frozen.LogProbabilities : null, spec, spec.Parts()[0], TinyPolicy.Data(6, 2, 2).Train);

        trainer.Step(0, 0, Cancellation);

        var plans = Plans(policy, grader, spec);
        Assert.Equal(spec.Grpo.Epochs, policy.Steps.Count);
        Assert.True(grader.Rewards.Contains(null) && grader.Rewards.Chunk(spec.GroupSize).Any(group => group.Distinct().Count() == 1), "The script has no ungraded plan or no group without variance.");
        var twin = new PublishedGrpo(spec, plans, start, protocol.Sampling.BannedTokens);
        for (var epoch = 0; epoch < policy.Steps.Count; epoch++)
        {
            var (weights, gradients) = policy.Steps[epoch];
            foreach (var (name, values) in weights)
            {
                Array.ConvertAll(values, value => (double)value).CopyTo(model.Parameters[name], 0);
            }

            twin.Differentiate(model);
            foreach (var (name, gradient) in gradients)
            {
                Close.ToScale($"{name}, epoch {epoch}", model.Gradients[name], gradient, 2e-4);
            }

            Assert.Equal(epoch > 0, twin.Clipped > 0);
            Assert.Contains(gradients.Values, gradient => gradient.Any(value => value != 0));
        }
    }

    /// <summary>The plans that were learnt from, group by group: with resampling the last writing of each place.</summary>
    private static List<PublishedPlan> Plans(RecordingPolicy policy, ScriptedGrader grader, RunSpec spec)
    {
        var plans = policy.Sampled.Select((sample, i) => new PublishedPlan(i / spec.GroupSize, sample.Prompt, sample.Sequence.Tokens, sample.Sequence.LogProbabilities, sample.Sequence.Ended, grader.Rewards[i])).ToList();
        return spec.Grpo.ResampleRounds == 0 ? plans : Resampled(plans, spec);
    }

    private static List<PublishedPlan> Resampled(List<PublishedPlan> plans, RunSpec spec)
    {
        var first = plans.Where(plan => plan.Group < spec.GoalsPerStep).GroupBy(plan => plan.Group).ToDictionary(group => group.Key, group => group.ToList());
        var silent = first.Where(group => group.Value.Select(plan => plan.Reward).OfType<double>().Distinct().Count() < 2).Select(group => group.Key).Order().ToArray();
        Assert.Equal((spec.GoalsPerStep + silent.Length) * spec.GroupSize, plans.Count);
        for (var i = 0; i < silent.Length; i++)
        {
            first[silent[i]] = [.. plans.Where(plan => plan.Group == spec.GoalsPerStep + i).Select(plan => plan with { Group = silent[i] })];
        }

        return [.. first.OrderBy(group => group.Key).SelectMany(group => group.Value)];
    }

    private CpuEngine Engine(ReferenceModel model)
    {
        var engine = new CpuEngine(TinyPolicy.Config, TinyPolicy.Tokenizer, pools.Single);
        model.CopyTo(engine.Weights);
        engine.WeightsChanged();
        return engine;
    }

    /// <summary>Rewards by a script: one group without variance, one plan ungraded, the others as they come.</summary>
    private sealed class ScriptedGrader : IPlanGrader
    {
        public List<double?> Rewards { get; } = [];

        public IReadOnlyList<PlanGrading> Grade(IReadOnlyList<PlanToGrade> plans, CancellationToken cancellationToken) => [.. plans.Select(Next)];

        private PlanGrading Next(PlanToGrade plan)
        {
            // The second group earns nothing at all; the third misses a plan.
            var at = Rewards.Count;
            int? met = at switch { 3 or 4 or 5 => 0, 6 => null, _ => 1 + (at * 7 % Items) };
            var count = plan.Goal.Items.Count;
            Rewards.Add(met is null ? null : (double)Math.Min(met.Value, count) / count);
            return met is null
                ? PlanGrading.Ungraded(plan, "scripted")
                : PlanGrading.Of(plan, [.. plan.Goal.Items.Select((_, k) => new ItemVerdict(k < met, k < met ? [] : [3], k < met ? 0 : 1))]);
        }
    }
}

/// <summary>A plan as the objective sees it.</summary>
internal sealed record PublishedPlan(int Group, int[] Prompt, int[] Tokens, float[] Old, bool Ended, double? Reward);

/// <summary>The published objectives of GRPO and its variants, in double precision over the plain model: slow and obvious.</summary>
internal sealed class PublishedGrpo
{
    private const double Step = 1e-6;

    private readonly RunSpec spec;
    private readonly int[] banned;
    private readonly List<(PublishedPlan Plan, double Advantage, double[] Reference)> learning = [];

    public PublishedGrpo(RunSpec spec, IReadOnlyList<PublishedPlan> plans, ReferenceModel start, int[] banned)
    {
        (this.spec, this.banned) = (spec, banned);
        var references = plans.Select(plan => Read(start, plan).LogProbabilities).ToArray();
        var rewards = plans.Select((plan, i) => plan.Reward - (spec.Grpo is { Kl: KlEstimator.K1, KlCoefficient: > 0 } ? spec.Grpo.KlCoefficient * (plan.Old.Sum(value => (double)value) - references[i].Sum()) : 0)).ToArray();
        var all = rewards.OfType<double>().ToArray();
        foreach (var group in plans.Select((plan, i) => (Plan: plan, Index: i)).GroupBy(plan => plan.Plan.Group))
        {
            var graded = group.Where(plan => rewards[plan.Index] is not null).ToArray();
            var own = graded.Select(plan => rewards[plan.Index]!.Value).ToArray();
            if (own.Length < 2 || own.Max() - own.Min() < 1e-9)
            {
                continue;
            }

            var scale = spec.Grpo.Scaling switch { AdvantageScaling.Group => Deviation(own) + 1e-4, AdvantageScaling.Batch => Deviation(all) + 1e-4, _ => 1 };
            learning.AddRange(graded.Where(plan => spec.Grpo.Truncated != TruncatedPlans.Mask || plan.Plan.Ended).Select(plan => (plan.Plan, (rewards[plan.Index]!.Value - own.Average()) / scale, references[plan.Index])));
        }
    }

    /// <summary>Tokens whose clip was in force at the last weights.</summary>
    public int Clipped { get; private set; }

    /// <summary>Fills the model's gradients with those of the loss at its weights.</summary>
    public void Differentiate(ReferenceModel model)
    {
        model.ClearGradients();
        Clipped = 0;
        var read = learning.Select(plan => Read(model, plan.Plan)).ToArray();
        for (var i = 0; i < learning.Count; i++)
        {
            var (values, entropies) = (read[i].LogProbabilities, read[i].Entropies);
            var row = i;
            var slopes = values.Select((_, t) => (Loss(row, Moved(values, t, Step), entropies) - Loss(row, Moved(values, t, -Step), entropies)) / (2 * Step)).ToArray();
            var entropySlopes = entropies.Select((_, t) => (Loss(row, values, Moved(entropies, t, Step)) - Loss(row, values, Moved(entropies, t, -Step))) / (2 * Step)).ToArray();
            Clipped += values.Where((_, t) => IsClipped(Ratio(row, values, t), learning[row].Advantage)).Count();
            Backward(model, learning[i].Plan, slopes, entropySlopes);
        }
    }

    private static double[] Moved(double[] values, int at, double by) => [.. values.Select((value, t) => t == at ? value + by : value)];

    private static double Deviation(double[] values) => Math.Sqrt(values.Average(value => Math.Pow(value - values.Average(), 2)));

    /// <summary>A plan's share of the loss.</summary>
    private double Loss(int row, double[] values, double[] entropies)
    {
        var (plan, advantage, reference) = learning[row];
        var sum = 0.0;
        for (var t = 0; t < values.Length; t++)
        {
            var ratio = Ratio(row, values, t);
            sum -= Math.Min(ratio * advantage, Math.Clamp(ratio, 1 - spec.ClipLow, 1 + spec.ClipHigh) * advantage);
            if (spec.Grpo.Kl == KlEstimator.K3)
            {
                var log = reference[t] - values[t];
                sum += spec.Grpo.KlCoefficient * (Math.Exp(log) - log - 1);
            }

            sum -= spec.Grpo.EntropyBonus * entropies[t];
        }

        return spec.Grpo.Normalisation switch
        {
            LossNormalisation.TokenMean => sum / learning.Sum(other => other.Plan.Tokens.Length),
            LossNormalisation.SequenceMean => sum / plan.Tokens.Length / learning.Count,
            _ => sum / spec.MaxNewTokens / learning.Count,
        };
    }

    private double Ratio(int row, double[] values, int t)
    {
        var old = learning[row].Plan.Old;
        return spec.Grpo.Ratio == RatioLevel.Token ? Math.Exp(values[t] - old[t]) : Math.Exp(values.Zip(old, (now, before) => now - before).Average());
    }

    private bool IsClipped(double ratio, double advantage) => advantage > 0 ? ratio > 1 + spec.ClipHigh : ratio < 1 - spec.ClipLow;

    /// <summary>log p of each token of a plan, and the entropy of what it was drawn from.</summary>
    private (double[] LogProbabilities, double[] Entropies) Read(ReferenceModel model, PublishedPlan plan)
    {
        var (logits, first, vocabulary) = Logits(model, plan);
        var rows = plan.Tokens.Select((token, t) => Softmax(logits.AsSpan((first + t) * vocabulary, vocabulary))).ToArray();
        return ([.. rows.Select((row, t) => Math.Log(row[plan.Tokens[t]]))], [.. rows.Select(Entropy)]);
    }

    /// <summary>d log p/dz = (one − p)/τ, dH/dz = −p (log p + H)/τ.</summary>
    private void Backward(ReferenceModel model, PublishedPlan plan, double[] slopes, double[] entropySlopes)
    {
        var (logits, first, vocabulary) = Logits(model, plan);
        var gradient = new double[logits.Length];
        for (var t = 0; t < plan.Tokens.Length; t++)
        {
            var at = (first + t) * vocabulary;
            var row = Softmax(logits.AsSpan(at, vocabulary));
            var entropy = Entropy(row);
            for (var v = 0; v < vocabulary; v++)
            {
                var ofEntropy = row[v] == 0 ? 0 : -row[v] * (Math.Log(row[v]) + entropy);
                gradient[at + v] = ((slopes[t] * ((v == plan.Tokens[t] ? 1 : 0) - row[v])) + (entropySlopes[t] * ofEntropy)) / spec.Temperature;
            }
        }

        model.Backward(gradient);
    }

    private (double[] Logits, int First, int Vocabulary) Logits(ReferenceModel model, PublishedPlan plan)
    {
        int[] sequence = [.. plan.Prompt, .. plan.Tokens];
        var logits = model.Distribution(sequence, new SegmentVisibility([(sequence.Length, -1)]), spec.Temperature, banned);
        return (logits, plan.Prompt.Length - 1, logits.Length / sequence.Length);
    }

    private static double[] Softmax(ReadOnlySpan<double> logits)
    {
        var values = logits.ToArray();
        var largest = values.Max();
        var sum = values.Sum(value => Math.Exp(value - largest));
        return [.. values.Select(value => Math.Exp(value - largest) / sum)];
    }

    private static double Entropy(double[] row) => -row.Sum(p => p == 0 ? 0 : p * Math.Log(p));
}
