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
/// <param name="Gflops">Floating-point operations of products and attention that were run, over the whole time, in 10⁹ per second.</param>
/// <param name="PeakBytes">Largest working set of the process.</param>
/// <param name="AllocatedBytesPerStep">Bytes allocated on the collected heap per round.</param>
/// <param name="ClockGHzBefore">Clock of the core before; see <see cref="MachineProbe.Clock"/>.</param>
/// <param name="ClockGHzAfter">The same after.</param>
/// <param name="PeakFraction"><paramref name="Gflops"/> as a fraction of the machine's single-precision peak, measured before.</param>
/// <param name="Machine">That peak, the clock and the speed of memory.</param>
/// <param name="Profile">Where the time of all rounds went.</param>
public sealed record BenchmarkResult(
    string Config, int Threads, int Rounds, double TokensPerSecond, double Gflops, long PeakBytes, long AllocatedBytesPerStep,
    double ClockGHzBefore, double ClockGHzAfter, double PeakFraction, MachinePeak Machine, WorkProfile Profile);

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
        return Measure(pool, targets, () =>
        {
            engine.AccumulateLoss(groups, new SamplingOptions(), (_, _, _, gradient, _) => gradient.Fill(-1f / targets), cancellationToken);
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
        return Measure(pool, shape.Sequences * fresh, () =>
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
        return Measure(pool, 0, () =>
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

    private CpuEngine Engine(WorkerPool pool)
    {
        var engine = new CpuEngine(shape.Model, BpeTrainer.Train(["benchmark"], 300, []), pool);
        engine.Weights.Initialise(shape.Model, 1);
        engine.WeightsChanged();
        return engine;
    }

    private BenchmarkResult Measure(WorkerPool pool, double tokens, Action round)
    {
        var machine = MachineProbe.Measure(pool);
        round();
        var seconds = new List<double>(1024);
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        var mark = pool.Mark();
        var all = Stopwatch.StartNew();
        while (seconds.Count < 3 || (all.Elapsed < duration && seconds.Count < seconds.Capacity))
        {
            var start = Stopwatch.GetTimestamp();
            round();
            seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        var profile = pool.Since(mark);
        allocated = (GC.GetTotalAllocatedBytes(precise: true) - allocated) / seconds.Count;
        seconds.Sort();
        var median = seconds[seconds.Count / 2];
        using var process = Process.GetCurrentProcess();
        return new BenchmarkResult(config, pool.Threads, seconds.Count, tokens / median, profile.Gflops, process.PeakWorkingSet64, allocated,
            machine.ClockGHz, MachineProbe.Clock(), profile.Gflops / machine.Fp32Gflops, machine, profile);
    }
}
