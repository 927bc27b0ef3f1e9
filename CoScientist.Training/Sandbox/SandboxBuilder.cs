using System.Diagnostics;
using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tokenization;

namespace CoScientist.Training.Sandbox;

/// <summary>Progress of a build.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps planned.</param>
/// <param name="PlanLoss">Running mean of the writing loss, nats per token.</param>
/// <param name="TeachingLoss">The same for plans written with the rubric in sight.</param>
/// <param name="QuoteLoss">Running mean of the quoting loss.</param>
/// <param name="VerdictLoss">Running mean of the verdict loss.</param>
/// <param name="TokensPerSecond">Training speed so far.</param>
public sealed record SandboxBuildProgress(int Step, int Steps, double PlanLoss, double TeachingLoss, double QuoteLoss, double VerdictLoss, double TokensPerSecond);

/// <summary>
/// Trains the sandbox's base model from nothing: a tokenizer on the world's text, then one decoder that both writes mediocre
/// plans, better ones when it is shown the rubric, and grades plans. Four losses, each its own mean over tokens: plan, plan with
/// the rubric in sight, quote, verdict. AdamW (0.9, 0.98), decay 0.05,
/// clip 1, warm-up 100 steps, cosine to 5%. From the middle on every second graded plan is written by the model itself, because
/// that is what it will grade later.
/// </summary>
public sealed class SandboxBuilder(SandboxWorld world, SandboxBuildOptions options)
{
    private const int OwnPlansEvery = 20;
    private readonly Queue<TrainingGroup> ownPlans = new();
    private readonly Stopwatch watch = Stopwatch.StartNew();
    private double planLoss = double.NaN;
    private double teachingLoss = double.NaN;
    private double quoteLoss = double.NaN;
    private double verdictLoss = double.NaN;

    /// <summary>Tokens computed so far, shared prefixes counted once.</summary>
    public long Tokens { get; private set; }

    /// <summary>A tokenizer in which each word of the world, with its leading space, is one token.</summary>
    public BpeTokenizer TrainTokenizer() =>
        BpeTrainer.Train(world.Corpus(new SeededRandom(options.Seed, 1)).Take(20_000).Select(line => " " + line), 4096, CompactProtocol.SpecialTokens);

    /// <summary>Trains; <paramref name="progress"/> is called after every step and may sample from the engine. The caller owns the engine.</summary>
    public CpuEngine Build(WorkerPool pool, Action<SandboxBuildProgress, CpuEngine> progress, CancellationToken cancellationToken)
    {
        var tokenizer = TrainTokenizer();
        var config = new ModelConfig
        {
            VocabularySize = tokenizer.VocabularySize,
            HiddenSize = options.HiddenSize,
            Layers = options.Layers,
            Heads = 4,
            KeyValueHeads = 2,
            HeadDim = 32,
            FeedForwardSize = options.FeedForwardSize,
            RopeTheta = 10_000,
            MaxPositions = 1024,
        };
        var engine = new CpuEngine(config, tokenizer, pool);
        engine.Weights.Initialise(config, options.Seed);
        engine.WeightsChanged();
        var protocol = new CompactProtocol(tokenizer);
        var curriculum = new SandboxCurriculum(world, protocol);
        for (var step = 0; step < options.Steps; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var done = (double)step / options.Steps;
            var random = new SeededRandom(options.Seed, 2, step);
            if (done >= options.OwnPlansFrom && step % OwnPlansEvery == 0)
            {
                WriteOwnPlans(engine, protocol, curriculum, random, step, cancellationToken);
            }

            var most = SandboxCurriculum.MostRequirements(done);
            var gradings = (int)(options.GradingExamples * (most switch { 2 => 2.2, 4 => 1.4, _ => 1 }));
            TrainStep(engine, curriculum, random, most, gradings, cancellationToken);
            engine.OptimizerStep(Optimizer(options.LearningRate * Math.Min(1, (step + 1) / 100.0) * Cosine(done, 0.05)), maxGradientNorm: 1);
            progress(Progress(step + 1), engine);
        }

        return engine;
    }

    private SandboxBuildProgress Progress(int step) =>
        new(step, options.Steps, planLoss, teachingLoss, quoteLoss, verdictLoss, Tokens / watch.Elapsed.TotalSeconds);

    private static AdamWOptions Optimizer(double rate) => new(rate, Beta2: 0.98, WeightDecay: 0.05);

    /// <summary>From 1 down to <paramref name="floor"/> along half a cosine.</summary>
    private static double Cosine(double done, double floor) => floor + ((1 - floor) * 0.5 * (1 + Math.Cos(Math.PI * done)));

    private void TrainStep(CpuEngine engine, SandboxCurriculum curriculum, SeededRandom random, int? most, int gradings, CancellationToken cancellationToken)
    {
        var groups = new List<TrainingGroup>();
        for (var i = 0; i < gradings; i++)
        {
            groups.Add(ownPlans.Count > 0 && i % 2 == 1 ? ownPlans.Dequeue() : curriculum.Grading(random, most));
        }

        for (var i = 0; i < options.WritingExamples; i++)
        {
            groups.Add(curriculum.Writing(random));
        }

        for (var i = 0; i < options.TeachingExamples; i++)
        {
            groups.Add(curriculum.Teaching(random));
        }

        var teaching = gradings + options.WritingExamples;
        var items = groups.Take(gradings).Sum(group => group.Branches.Count);
        var planTokens = groups[gradings..teaching].Sum(group => group.Branches[0].Tokens.Length);
        var teachingTokens = groups[teaching..].Sum(group => group.Branches[0].Tokens.Length);
        var (plan, taught, quote, verdict) = (0.0, 0.0, 0.0, 0.0);
        var statistics = engine.AccumulateLoss(
            groups,
            new SamplingOptions(),
            (group, _, logProbabilities, gradient, _) =>
            {
                if (group >= gradings)
                {
                    var tokens = group < teaching ? planTokens : teachingTokens;
                    ref var sum = ref (group < teaching ? ref plan : ref taught);
                    gradient.Fill(-1f / tokens);
                    foreach (var logProbability in logProbabilities)
                    {
                        sum -= logProbability / tokens;
                    }

                    return;
                }

                gradient[0] = gradient[1] = -0.5f / items;
                gradient[2] = -1f / items;
                quote -= (logProbabilities[0] + logProbabilities[1]) / (2 * items);
                verdict -= logProbabilities[2] / items;
            },
            cancellationToken);
        Tokens += statistics.Tokens;
        planLoss = Smooth(planLoss, plan);
        teachingLoss = Smooth(teachingLoss, taught);
        quoteLoss = Smooth(quoteLoss, quote);
        verdictLoss = Smooth(verdictLoss, verdict);
    }

    private void WriteOwnPlans(CpuEngine engine, CompactProtocol protocol, SandboxCurriculum curriculum, SeededRandom random, int step, CancellationToken cancellationToken)
    {
        ownPlans.Clear();
        var goals = Enumerable.Range(0, OwnPlansEvery * options.GradingExamples / 2).Select(_ => world.SampleGoal(random, GoalSplit.Train)).ToArray();
        var texts = goals.Select(goal => world.GoalText(goal, random)).ToArray();
        var sampling = new SamplingOptions { EndTokens = [protocol.EndToken], BannedTokens = protocol.NotInPlans };
        var requests = texts.Select((text, i) => new SampleRequest { Prompt = protocol.WritePrompt(text), Seed = options.Seed + (step * 1000L) + i }).ToArray();
        foreach (var sample in engine.Sample(requests, sampling, cancellationToken))
        {
            var goal = goals[sample.Request];
            ownPlans.Enqueue(curriculum.Grading(goal, texts[sample.Request], protocol.PlanText(sample.Tokens), curriculum.Reference(goal, random), world.Requirements(goal), random));
        }
    }

    private static double Smooth(double mean, double value) => double.IsNaN(mean) ? value : (0.97 * mean) + (0.03 * value);
}
