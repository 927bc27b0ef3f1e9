using System.Diagnostics;
using CoScientist.Core;
using CoScientist.Training.Kernels;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tensors;
using CoScientist.Training.Tokenization;

namespace CoScientist.Training.Engines;

/// <summary>What a benchmark measured.</summary>
/// <param name="Config">Name of the shape.</param>
/// <param name="Threads">Threads.</param>
/// <param name="Rounds">Rounds measured after one to warm up.</param>
/// <param name="TokensPerSecond">Median over rounds: tokens of whole training steps, or new tokens over the whole time of sampling; 0 for products.</param>
/// <param name="Gflops">Median rate of floating-point operations of the matrix products, counted as 2·M·N·K (attention left out).</param>
/// <param name="PeakBytes">Largest working set of the process.</param>
/// <param name="AllocatedBytesPerStep">Bytes allocated on the collected heap per round.</param>
/// <param name="ClockGHzBefore">Effective clock before: a chain of dependent multiplications of four cycles each.</param>
/// <param name="ClockGHzAfter">The same after.</param>
public sealed record BenchmarkResult(string Config, int Threads, int Rounds, double TokensPerSecond, double Gflops, long PeakBytes, long AllocatedBytesPerStep, double ClockGHzBefore, double ClockGHzAfter);

/// <summary>The standard measurements: S is 16 × 256 tokens through a model of 5 million parameters, M 4 × 512 through 33 million.</summary>
public sealed class EngineBenchmark(string config, int threads, TimeSpan duration)
{
    private readonly (ModelConfig Model, int Sequences, int Length) shape = config == "M"
        ? (Model(8192, 512, 8, 8, 4, 1536), 4, 512)
        : (Model(2048, 256, 6, 4, 2, 768), 16, 256);

    /// <summary>Whole steps: forward, backward, AdamW.</summary>
    public BenchmarkResult Train(CancellationToken cancellationToken)
    {
        using var pool = new WorkerPool(threads);
        using var engine = Engine(pool);
        var random = new SeededRandom(1);
        var groups = Enumerable.Range(0, shape.Sequences).Select(_ => new TrainingGroup([random.Next(256)], [new TrainingBranch(Tokens(random, shape.Length))])).ToArray();
        var targets = shape.Sequences * shape.Length;
        return Measure(pool, targets, 6.0 * MatrixParameters() * targets, () =>
        {
            engine.AccumulateLoss(groups, new SamplingOptions(), (_, _, _, gradient) => gradient.Fill(-1f / targets), cancellationToken);
            engine.OptimizerStep(new AdamWOptions(1e-4), 1);
        });
    }

    /// <summary>Prompts of 64 tokens, continued to the shape's length.</summary>
    public BenchmarkResult Sample(CancellationToken cancellationToken)
    {
        using var pool = new WorkerPool(threads);
        using var engine = Engine(pool);
        var random = new SeededRandom(2);
        var fresh = shape.Length - 64;
        var requests = Enumerable.Range(0, shape.Sequences).Select(i => new SampleRequest { Prompt = Tokens(random, 64), Seed = i }).ToArray();
        return Measure(pool, shape.Sequences * fresh, 2.0 * MatrixParameters() * shape.Sequences * shape.Length, () =>
            engine.Sample(requests, new SamplingOptions { MaxNewTokens = fresh }, cancellationToken));
    }

    /// <summary>One product of the shape's feed-forward layer, weights packed before.</summary>
    public unsafe BenchmarkResult Gemm(CancellationToken cancellationToken)
    {
        using var pool = new WorkerPool(threads);
        var (n, m, k) = (shape.Sequences * shape.Length, shape.Model.FeedForwardSize, shape.Model.HiddenSize);
        using var x = new FloatBuffer((long)n * k);
        using var w = new FloatBuffer((long)m * k);
        using var y = new FloatBuffer((long)n * m);
        using var packed = new FloatBuffer(MatMul.PackedLength(k, m));
        var random = new SeededRandom(3);
        foreach (ref var value in x.Span)
        {
            value = (float)random.NextNormal();
        }

        foreach (ref var value in w.Span)
        {
            value = (float)random.NextNormal();
        }

        MatMul.PackTransposed(pool, w.Pointer, m, k, packed.Pointer);
        return Measure(pool, 0, 2.0 * n * m * k, () =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            MatMul.Multiply(pool, x.Pointer, k, 1, packed.Pointer, y.Pointer, m, n, m, k, accumulate: false);
        });
    }

    private static ModelConfig Model(int vocabulary, int hidden, int layers, int heads, int keyValueHeads, int feedForward) => new()
    {
        VocabularySize = vocabulary,
        HiddenSize = hidden,
        Layers = layers,
        Heads = heads,
        KeyValueHeads = keyValueHeads,
        HeadDim = 64,
        FeedForwardSize = feedForward,
    };

    private static int[] Tokens(SeededRandom random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(256))];

    private double MatrixParameters() => shape.Model.Tensors().Where(tensor => tensor.Shape.Length == 2).Sum(tensor => (double)tensor.Count);

    private CpuEngine Engine(WorkerPool pool)
    {
        var engine = new CpuEngine(shape.Model, BpeTrainer.Train(["benchmark"], 300, []), pool);
        engine.Weights.Initialise(shape.Model, 1);
        engine.WeightsChanged();
        return engine;
    }

    private BenchmarkResult Measure(WorkerPool pool, double tokens, double operations, Action round)
    {
        var clockBefore = Clock();
        round();
        var seconds = new List<double>();
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        var all = Stopwatch.StartNew();
        while (seconds.Count < 3 || all.Elapsed < duration)
        {
            var start = Stopwatch.GetTimestamp();
            round();
            seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        allocated = (GC.GetTotalAllocatedBytes(precise: true) - allocated) / seconds.Count;
        seconds.Sort();
        var median = seconds[seconds.Count / 2];
        using var process = Process.GetCurrentProcess();
        return new BenchmarkResult(config, pool.Threads, seconds.Count, tokens / median, operations / median / 1e9, process.PeakWorkingSet64, allocated, clockBefore, Clock());
    }

    /// <summary>Dependent single-precision multiplications take four cycles each on processors of the last ten years.</summary>
    private static double Clock()
    {
        const int Count = 20_000_000;
        var x = 1.0001f;
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < Count; i++)
        {
            x *= 0.9999999f;
        }

        var elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return x > 2 ? 0 : 4.0 * Count / elapsed / 1e9;
    }
}
