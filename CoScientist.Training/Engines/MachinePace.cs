using System.Diagnostics;
using CoScientist.Core;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tokenization;

namespace CoScientist.Training.Engines;

/// <summary>
/// How fast this machine does the three kinds of work of a run, in operations of matrix products per second: measured on a
/// small model of the same widths, so that it takes a second or two whatever the model. Other work on the machine lowers it.
/// </summary>
/// <param name="Training">Forward, backward and optimizer.</param>
/// <param name="Reading">Log-probabilities of given tokens.</param>
/// <param name="Sampling">Tokens drawn one by one, many sequences at a time.</param>
/// <param name="Threads">Threads it was measured with.</param>
public sealed record MachinePace(double Training, double Reading, double Sampling, int Threads)
{
    // Beyond these widths the rates of the products no longer change.
    private const int WidestHidden = 1024;
    private const int WidestFeedForward = 3072;
    private const int LargestVocabulary = 4096;
    private const int Rounds = 2;

    /// <summary>The small model that stands for another: the same widths as far as the pace depends on them, and one layer or two.</summary>
    public static ModelConfig Stand(ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var hidden = Math.Min(config.HiddenSize, WidestHidden);
        var heads = config.HiddenSize <= WidestHidden ? config.Heads : Math.Max(1, WidestHidden / config.HeadDim);
        return new ModelConfig
        {
            VocabularySize = Math.Min(config.VocabularySize, LargestVocabulary),
            HiddenSize = hidden,
            Layers = Math.Min(config.Layers, 2),
            Heads = heads,
            KeyValueHeads = heads % config.KeyValueHeads == 0 ? config.KeyValueHeads : 1,
            HeadDim = config.HeadDim,
            FeedForwardSize = (int)Math.Min(config.InnerWidth(config.Layers - 1), WidestFeedForward),
        };
    }

    /// <summary>Operations of the matrix products of one token, forward: twice the weights that it meets.</summary>
    public static double OperationsPerToken(ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var layers = Enumerable.Range(0, config.Layers).Sum(layer => 3.0 * config.HiddenSize * config.InnerWidth(layer));
        var attention = (double)config.Layers * config.HiddenSize * (2 * config.QueryWidth + 2 * config.KeyValueWidth);
        return 2 * (layers + attention + ((double)config.VocabularySize * config.HiddenSize));
    }

    /// <summary>Measures.</summary>
    /// <param name="config">The model that will be run.</param>
    /// <param name="precision">Numbers of its products.</param>
    /// <param name="threads">Threads; 0 takes all processors.</param>
    /// <param name="cancellationToken">Cancels between passes.</param>
    public static MachinePace Measure(ModelConfig config, Precision precision, int threads, CancellationToken cancellationToken)
    {
        var stand = Stand(config);
        var operations = OperationsPerToken(stand);
        using var pool = new WorkerPool(threads, yields: true);
        using var engine = new CpuEngine(stand, BpeTrainer.Train(["pace"], 260, []), pool, new EngineOptions { Precision = precision });
        engine.Weights.Initialise(stand, 1);
        engine.WeightsChanged();

        var random = new SeededRandom(1);
        const int Branches = 8;
        const int Length = 48;
        var groups = Enumerable.Range(0, 2)
            .Select(_ => new TrainingGroup(Tokens(Length), [.. Enumerable.Range(0, Branches).Select(_ => new TrainingBranch(Tokens(Length)))]))
            .ToArray();
        var tokens = groups.Sum(group => group.Prompt.Length + (Branches * Length));
        var requests = groups.Select(group => new SampleRequest { Prompt = group.Prompt, Count = 4 * Branches, Seed = 1 }).ToArray();
        var options = new SamplingOptions { MaxNewTokens = Length };

        var training = Best(() =>
        {
            engine.AccumulateLoss(groups, options, static (_, _, _, gradient, _) => gradient.Fill(-1e-3f), cancellationToken);
            engine.OptimizerStep(new AdamWOptions(1e-6), 1);
        });
        var reading = Best(() => engine.LogProbabilities(groups, options, cancellationToken));
        var sampling = Best(() => engine.Sample(requests, options, cancellationToken));
        return new MachinePace(3 * operations * tokens / training, operations * tokens / reading, operations * requests.Sum(request => request.Count) * Length / sampling, pool.Threads);

        int[] Tokens(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(256))];

        double Best(Action work)
        {
            var best = double.PositiveInfinity;
            for (var round = 0; round <= Rounds; round++)
            {
                var start = Stopwatch.GetTimestamp();
                work();
                best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
            }

            return best;
        }
    }
}
