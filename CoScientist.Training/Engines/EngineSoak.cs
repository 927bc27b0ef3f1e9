using System.Diagnostics;
using CoScientist.Core;
using CoScientist.Training.Kernels;
using CoScientist.Training.Sampling;

namespace CoScientist.Training.Engines;

/// <summary>State of the process at one moment of a soak.</summary>
/// <param name="Seconds">Since the start.</param>
/// <param name="Rounds">Rounds done.</param>
/// <param name="ResidentBytes">Memory of the process in use.</param>
/// <param name="ManagedBytes">Collected heap after a full collection.</param>
/// <param name="Handles">Open files and the like.</param>
/// <param name="Threads">Threads of the process.</param>
public sealed record SoakReading(double Seconds, int Rounds, long ResidentBytes, long ManagedBytes, int Handles, int Threads);

/// <summary>What a soak found.</summary>
/// <param name="Config">Name of the shape.</param>
/// <param name="Minutes">How long it ran.</param>
/// <param name="Rounds">Rounds of training, sampling and grading.</param>
/// <param name="Readings">State over time, from the end of the warm-up.</param>
/// <param name="ResidentGrowth">Growth of the memory in use per hour, by the slope of the readings (Theil–Sen: the median over pairs), relative to its mean.</param>
/// <param name="ManagedGrowth">The same for the collected heap.</param>
/// <param name="HandleGrowth">Handles of the last reading less those of the first.</param>
/// <param name="ThreadGrowth">The same for threads.</param>
public sealed record SoakResult(string Config, double Minutes, int Rounds, IReadOnlyList<SoakReading> Readings, double ResidentGrowth, double ManagedGrowth, int HandleGrowth, int ThreadGrowth);

/// <summary>
/// Trains, samples and grades by turns for minutes, with batches of ever other shapes, and reads the process's memory and
/// handles: what a run of days would lose shows as a slope.
/// </summary>
/// <param name="config">Name of the shape.</param>
/// <param name="engine">The model.</param>
/// <param name="longest">Longest sequence in tokens.</param>
public sealed class EngineSoak(string config, CpuEngine engine, int longest)
{
    /// <summary>Share of the time after which buffers have their final size and readings begin.</summary>
    private const double WarmUp = 0.2;

    /// <summary>Runs.</summary>
    /// <param name="duration">How long.</param>
    /// <param name="say">Told every reading.</param>
    /// <param name="cancellationToken">Cancels between rounds.</param>
    public SoakResult Run(TimeSpan duration, Action<SoakReading> say, CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();
        var readings = new List<SoakReading>();
        var rounds = 0;
        while (watch.Elapsed < duration || readings.Count < 2)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Round(rounds++, cancellationToken);
            var due = (WarmUp + ((1 - WarmUp) * readings.Count / 40)) * duration.TotalSeconds;
            if (watch.Elapsed.TotalSeconds >= due)
            {
                readings.Add(Read(watch.Elapsed.TotalSeconds, rounds));
                say(readings[^1]);
            }
        }

        return new SoakResult(
            config,
            watch.Elapsed.TotalMinutes,
            rounds,
            readings,
            GrowthPerHour(readings, reading => reading.ResidentBytes),
            GrowthPerHour(readings, reading => reading.ManagedBytes),
            readings[^1].Handles - readings[0].Handles,
            readings[^1].Threads - readings[0].Threads);
    }

    /// <summary>One of each: plans for goals, their grading as branches of a shared prefix, a step on them.</summary>
    private void Round(int round, CancellationToken cancellationToken)
    {
        var random = new SeededRandom(1, round);
        var prompts = Enumerable.Range(0, 1 + random.Next(6)).Select(_ => Tokens(random, 8 + random.Next(longest / 4))).ToArray();
        var options = new SamplingOptions { MaxNewTokens = 8 + random.Next(longest / 4), TopP = 0.98 };
        var plans = engine.Sample([.. prompts.Select((prompt, i) => new SampleRequest { Prompt = prompt, Count = 1 + random.Next(8), Seed = round + i })], options, cancellationToken);
        engine.Sample(
            [.. prompts.Select(prompt => new SampleRequest { Prompt = prompt, Branches = [.. Enumerable.Range(0, 10).Select(_ => Tokens(random, 4 + random.Next(12)))] })],
            new SamplingOptions { Temperature = 0, MaxNewTokens = 2, ProbeTokens = [1, 2, 3] },
            cancellationToken);
        var groups = prompts.Select((prompt, i) => new TrainingGroup(prompt, [.. plans.Where(plan => plan.Request == i && plan.Tokens.Length > 0).Select(plan => new TrainingBranch(plan.Tokens))]))
            .Where(group => group.Branches.Count > 0).ToArray();
        engine.AccumulateLoss(groups, options, (_, _, _, gradient, _) => gradient.Fill(-1e-3f), cancellationToken);
        engine.OptimizerStep(new AdamWOptions(1e-5), 1);
    }

    private static int[] Tokens(SeededRandom random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(256))];

    private static SoakReading Read(double seconds, int rounds)
    {
        var managed = GC.GetTotalMemory(forceFullCollection: true);
        using var process = Process.GetCurrentProcess();
        return new SoakReading(seconds, rounds, process.WorkingSet64, managed, process.HandleCount, process.Threads.Count);
    }

    private static double GrowthPerHour(List<SoakReading> readings, Func<SoakReading, long> of)
    {
        var slopes = new List<double>();
        for (var i = 0; i < readings.Count; i++)
        {
            for (var j = i + 1; j < readings.Count; j++)
            {
                slopes.Add((of(readings[j]) - of(readings[i])) / (readings[j].Seconds - readings[i].Seconds));
            }
        }

        slopes.Sort();
        return slopes[slopes.Count / 2] * 3600 / readings.Average(of);
    }
}
