using System.Diagnostics;
using CoScientist.Core;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
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
/// <param name="AllocatedBytesPerStep">Bytes allocated on the collected heap by all threads in a round: the median.</param>
/// <param name="ClockGHzBefore">Clock of the core before; see <see cref="MachineProbe.Clock"/>.</param>
/// <param name="ClockGHzAfter">The same after.</param>
/// <param name="PeakFraction"><paramref name="Gflops"/> as a fraction of the machine's single-precision peak, measured before.</param>
/// <param name="Machine">That peak, the clock and the speed of memory.</param>
/// <param name="Profile">Where the time of all rounds went.</param>
public record BenchmarkResult(
    string Config, int Threads, int Rounds, double TokensPerSecond, double Gflops, long PeakBytes, long AllocatedBytesPerStep,
    double ClockGHzBefore, double ClockGHzAfter, double PeakFraction, MachinePeak Machine, WorkProfile Profile)
{
    /// <summary>Most bytes allocated in one round: a thread that takes part late makes its working memory then, once.</summary>
    public long MostAllocatedBytes { get; init; }

    /// <summary>What memory was expected to be needed; null where nothing was planned.</summary>
    public MemoryEstimate? Planned { get; init; }
}

/// <summary>What the grading benchmark measured; tokens per second are those read with the plan shared, and the other figures are of both ways together.</summary>
public sealed record GradingBenchmarkResult : BenchmarkResult
{
    /// <summary>Adds to the figures of both ways, interleaved.</summary>
    public GradingBenchmarkResult(BenchmarkResult both)
        : base(both)
    {
    }

    /// <summary>Median time in seconds when the items share the plan.</summary>
    public required double SharedSeconds { get; init; }

    /// <summary>Median time in seconds when the plan is read for each item.</summary>
    public required double SeparateSeconds { get; init; }

    /// <summary>How many times as fast sharing is.</summary>
    public double Speedup => SeparateSeconds / SharedSeconds;

    /// <summary>Whether both ways gave the same probabilities, to the bit, in every round.</summary>
    public required bool SameProbabilities { get; init; }
}

/// <summary>The standard measurements: S is 16 × 256 tokens through a model of 5 million parameters, M 4 × 512 through 33 million.</summary>
public sealed class EngineBenchmark(string config, int threads, TimeSpan duration, Precision precision = Precision.Single)
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
        var options = new SamplingOptions();
        TokenObjective objective = (_, _, _, gradient, _) => gradient.Fill(-1f / targets);
        var result = Measure(pool, targets, () =>
        {
            engine.AccumulateLoss(groups, options, objective, cancellationToken);
            engine.OptimizerStep(new AdamWOptions(1e-4), 1);
        });
        return result with { Planned = MemoryEstimate.Of(shape.Model, new EngineOptions { Precision = precision }, new MemoryShape { TrainedTokens = targets, LongestGroup = shape.Length, Threads = pool.Threads }) };
    }

    /// <summary>Training, sampling and grading by turns for the whole duration, with the process's memory and handles read on the way.</summary>
    /// <param name="say">Told every reading.</param>
    /// <param name="cancellationToken">Cancels between rounds.</param>
    public SoakResult Soak(Action<SoakReading> say, CancellationToken cancellationToken)
    {
        using var pool = new WorkerPool(threads);
        using var engine = Engine(pool);
        return new EngineSoak(config, engine, shape.Length).Run(duration, say, cancellationToken);
    }

    /// <summary>64 prompts of 64 tokens, each continued by 128 more: the work that the table of baselines names.</summary>
    public BenchmarkResult Sample(CancellationToken cancellationToken)
    {
        const int Prompts = 64;
        const int NewTokens = 128;
        using var pool = new WorkerPool(threads);
        using var model = new ReadModel(Engine(pool), precision);
        var engine = model.Engine;
        var random = new SeededRandom(2);
        var requests = Enumerable.Range(0, Prompts).Select(i => new SampleRequest { Prompt = Tokens(random, 64), Seed = i }).ToArray();
        return Measure(pool, Prompts * NewTokens, () =>
            engine.Sample(requests, new SamplingOptions { MaxNewTokens = NewTokens }, cancellationToken));
    }

    /// <summary>
    /// Verdicts on 10 items of 16 tokens about one plan of 300, as the compact protocol reads them (two words quoted, then the
    /// likelihoods of 8 verdicts): the plan read once for all items against once for each, interleaved.
    /// </summary>
    public GradingBenchmarkResult Grade(CancellationToken cancellationToken)
    {
        using var pool = new WorkerPool(threads);
        using var model = new ReadModel(Engine(pool), precision);
        var engine = model.Engine;
        var random = new SeededRandom(4);
        var plan = Tokens(random, 300);
        var items = Enumerable.Range(0, 10).Select(_ => Tokens(random, 16)).ToArray();
        var options = new SamplingOptions { Temperature = 0, MaxNewTokens = 2, ProbeTokens = [.. Enumerable.Range(0, 8)] };
        SampleRequest[] shared = [new() { Prompt = plan, Branches = items }];
        SampleRequest[][] separate = [.. items.Select(item => new SampleRequest[] { new() { Prompt = [.. plan, .. item] } })];
        var (sharedSeconds, separateSeconds, same) = (new List<double>(1024), new List<double>(1024), true);
        var tokens = plan.Length + items.Sum(item => item.Length + options.MaxNewTokens);
        var both = Measure(pool, tokens, () =>
        {
            var start = Stopwatch.GetTimestamp();
            var together = engine.Sample(shared, options, cancellationToken);
            var between = Stopwatch.GetTimestamp();
            var alone = separate.SelectMany(request => engine.Sample(request, options, cancellationToken)).ToList();
            separateSeconds.Add(Stopwatch.GetElapsedTime(between).TotalSeconds);
            sharedSeconds.Add(Stopwatch.GetElapsedTime(start, between).TotalSeconds);
            same &= together.Zip(alone).All(pair => pair.First.Probe.SequenceEqual(pair.Second.Probe) && pair.First.LogProbabilities.SequenceEqual(pair.Second.LogProbabilities));
        });
        return new GradingBenchmarkResult(both with { TokensPerSecond = tokens / Median(sharedSeconds) })
        {
            SharedSeconds = Median(sharedSeconds),
            SeparateSeconds = Median(separateSeconds),
            SameProbabilities = same,
        };
    }

    /// <summary>One product of the shape's feed-forward layer, weights packed before.</summary>
    public unsafe BenchmarkResult Gemm(CancellationToken cancellationToken)
    {
        using var pool = new WorkerPool(threads);
        var (n, m, k) = (shape.Sequences * shape.Length, shape.Model.FeedForwardSize, shape.Model.HiddenSize);
        using var x = new FloatBuffer((long)n * k);
        using var w = new FloatBuffer((long)m * k);
        using var y = new FloatBuffer((long)n * m);
        using var memory = new FloatBuffer(PackedMatrix.Length(precision, k, m));
        var packed = new PackedMatrix(precision, k, m, memory.Pointer);
        var random = new SeededRandom(3);
        foreach (ref var value in x.Span)
        {
            value = (float)random.NextNormal();
        }

        foreach (ref var value in w.Span)
        {
            value = (float)random.NextNormal();
        }

        packed.PackTransposed(pool, w.Pointer);
        return Measure(pool, 0, () =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            packed.Multiply(pool, x.Pointer, k, y.Pointer, m, n, accumulate: false);
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
        // Weights of 8 bits are for models that are only read, which are made from these.
        var options = new EngineOptions { Precision = precision == Precision.Int8 ? Precision.Single : precision };
        var engine = new CpuEngine(shape.Model, BpeTrainer.Train(["benchmark"], 300, []), pool, options);
        engine.Weights.Initialise(shape.Model, 1);
        engine.WeightsChanged();
        return engine;
    }

    /// <summary>A model to sample from: where its precision is for reading only, loaded from a folder as such models are, without weights in single precision.</summary>
    private sealed class ReadModel : IDisposable
    {
        private readonly string? folder;

        public ReadModel(CpuEngine engine, Precision precision)
        {
            Engine = engine;
            if (precision == Precision.Int8)
            {
                folder = Directory.CreateTempSubdirectory("coscientist-bench-").FullName;
                var path = Path.Combine(folder, "model");
                engine.Save(path, new Dictionary<string, string>(StringComparer.Ordinal));
                engine.Dispose();
                Engine = CpuEngine.LoadReadOnly(path, precision, engine.Pool);
            }
        }

        public CpuEngine Engine { get; }

        public void Dispose()
        {
            Engine.Dispose();
            if (folder is not null)
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private BenchmarkResult Measure(WorkerPool pool, double tokens, Action round)
    {
        var machine = MachineProbe.Measure(pool);
        round();
        var seconds = new List<double>(1024);
        var allocated = new List<long>(seconds.Capacity);
        var mark = pool.Mark();
        var all = Stopwatch.StartNew();
        while (seconds.Count < 3 || (all.Elapsed < duration && seconds.Count < seconds.Capacity))
        {
            // Around the round alone, so that what measuring itself allocates is none of it.
            var before = GC.GetTotalAllocatedBytes(precise: true);
            var start = Stopwatch.GetTimestamp();
            round();
            seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            allocated.Add(GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        var profile = pool.Since(mark);
        var median = Median(seconds);
        allocated.Sort();
        using var process = Process.GetCurrentProcess();
        return new BenchmarkResult(config, pool.Threads, seconds.Count, tokens / median, profile.Gflops, process.PeakWorkingSet64, allocated[allocated.Count / 2],
            machine.ClockGHz, MachineProbe.Clock(), profile.Gflops / machine.Fp32Gflops, machine, profile) { MostAllocatedBytes = allocated[^1] };
    }

    /// <summary>The middle value, of two the larger; sorts the list.</summary>
    internal static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }
}
