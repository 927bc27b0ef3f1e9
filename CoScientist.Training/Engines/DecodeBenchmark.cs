using System.Diagnostics;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Sampling;

namespace CoScientist.Training.Engines;

/// <summary>What loading and decoding of a whole-size model measured.</summary>
/// <param name="Shape">Name of the shape.</param>
/// <param name="Precision">Numbers of the matrices.</param>
/// <param name="Threads">Threads.</param>
/// <param name="LoadSeconds">Median time from the files, in the page cache, to a model that can sample.</param>
/// <param name="TokensPerSecond">Median over rounds of tokens decoded one after the other for one sequence, the prompt left out.</param>
/// <param name="BytesPerToken">Bytes of packed weights that a token reads.</param>
/// <param name="GBps">Their product, in 10⁹ bytes per second.</param>
/// <param name="MemoryGBps">Reading of memory by the same threads, measured in the same run.</param>
/// <param name="BandwidthFraction"><paramref name="GBps"/> over <paramref name="MemoryGBps"/>.</param>
/// <param name="PeakBytes">Largest working set of the process.</param>
public sealed record DecodeBenchmarkResult(
    string Shape, Precision Precision, int Threads, double LoadSeconds, double TokensPerSecond, long BytesPerToken, double GBps, double MemoryGBps, double BandwidthFraction, long PeakBytes);

/// <summary>Loads a model of Qwen3-0.6B's shape with random weights from the disk and continues one sequence: work that memory limits.</summary>
/// <param name="threads">Threads; 0 takes every processor.</param>
/// <param name="precision">Numbers of the matrices.</param>
/// <param name="rounds">Rounds of loading and decoding; the median counts.</param>
public sealed class DecodeBenchmark(int threads, Precision precision, int rounds = 3)
{
    private const int Warm = 8;
    private const int Measured = 48;
    private const string Shape = "qwen3-0.6b";

    /// <summary>Runs; writes 1.2 GB into a temporary folder and removes it.</summary>
    public DecodeBenchmarkResult Run(CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("coscientist-bench-").FullName;
        try
        {
            var path = Path.Combine(folder, "model");
            RandomCheckpoint.Write(path, Shape, seed: 1, TensorType.BF16, cancellationToken);
            using var pool = new WorkerPool(threads);
            var (loads, rates, bytes) = (new List<double>(), new List<double>(), 0L);
            var memory = 0.0;
            for (var round = 0; round <= rounds; round++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var start = Stopwatch.GetTimestamp();
                using var engine = CpuEngine.LoadReadOnly(path, precision, pool);
                var loaded = Stopwatch.GetElapsedTime(start).TotalSeconds;
                var rate = Rate(engine, cancellationToken);
                memory = Math.Max(memory, MachineProbe.MemoryGBps(pool));
                if (round > 0)
                {
                    // The first round brings the files into the page cache and the kernels to their final form.
                    loads.Add(loaded);
                    rates.Add(rate);
                }

                bytes = engine.PackedBytes;
            }

            using var process = Process.GetCurrentProcess();
            var tokens = EngineBenchmark.Median(rates);
            return new DecodeBenchmarkResult(Shape, precision, pool.Threads, EngineBenchmark.Median(loads), tokens, bytes, tokens * bytes / 1e9, memory, tokens * bytes / 1e9 / memory, process.PeakWorkingSet64);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Tokens per second between a short and a long continuation of one prompt.</summary>
    private static double Rate(CpuEngine engine, CancellationToken cancellationToken)
    {
        var request = new SampleRequest { Prompt = [1, 2, 3, 4], Seed = 1 };
        double Seconds(int count)
        {
            var start = Stopwatch.GetTimestamp();
            engine.Sample([request], new SamplingOptions { Temperature = 0, MaxNewTokens = count }, cancellationToken);
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        var before = Seconds(Warm);
        return Measured / (Seconds(Warm + Measured) - before);
    }
}
