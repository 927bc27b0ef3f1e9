using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Training.Engines;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.Runs;

/// <summary>The machine and the queue at a moment.</summary>
/// <param name="Processor">Share of all cores at work since the reading before, 0–1; null at the first, and where the system does not tell.</param>
/// <param name="MemoryUsed">Memory in use on the machine, bytes.</param>
/// <param name="MemoryTotal">Memory that programs can have, bytes: the machine's, or a container's limit.</param>
/// <param name="ProcessMemory">Memory of this process, bytes.</param>
/// <param name="DiskFree">Free on the disk of the data directory, bytes.</param>
/// <param name="DiskTotal">Size of that disk, bytes.</param>
/// <param name="Running">Name of the run at work; null when none is.</param>
/// <param name="TokensPerSecond">What it learned from per second of its last step; null before it.</param>
/// <param name="Waiting">Runs in the queue.</param>
internal sealed record MachineState(double? Processor, long MemoryUsed, long MemoryTotal, long ProcessMemory, long DiskFree, long DiskTotal, string? Running, double? TokensPerSecond, int Waiting);

/// <summary>Reads the machine's meters for all pages together, every two seconds, and only while somebody looks.</summary>
internal sealed class SystemMeters(RunStore runs, RunEvents events, CoScientistOptions options, TimeProvider time, ILogger<SystemMeters> logger) : IDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(2);

    private readonly Lock gate = new();
    private readonly HashSet<Action> watchers = [];
    private ITimer? timer;
    private (long Busy, long All)? ticks;
    private bool reading;

    /// <summary>The last reading; null before the first.</summary>
    public MachineState? Latest { get; private set; }

    /// <summary>Calls back after each reading, on any thread, until disposed.</summary>
    /// <param name="changed">Must not throw.</param>
    public IDisposable Watch(Action changed)
    {
        lock (gate)
        {
            watchers.Add(changed);
            timer ??= time.CreateTimer(_ => _ = ReadAsync(), null, TimeSpan.Zero, s_interval);
        }

        return new Watcher(this, changed);
    }

    /// <inheritdoc/>
    public void Dispose() => timer?.Dispose();

    /// <summary>Reads now and tells the watchers.</summary>
    public async Task ReadAsync()
    {
        lock (gate)
        {
            if (reading)
            {
                return;
            }

            reading = true;
        }

        try
        {
            Latest = await MeasureAsync();
            Action[] told;
            lock (gate)
            {
                told = [.. watchers];
            }

            foreach (var watcher in told)
            {
                watcher();
            }
        }
#pragma warning disable CA1031 // A reading that fails is left out; the next may not.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            logger.LogWarning(fault, "The machine's meters could not be read.");
        }
        finally
        {
            lock (gate)
            {
                reading = false;
            }
        }
    }

    private async Task<MachineState> MeasureAsync()
    {
        var running = (await runs.InStateAsync(RunState.Running, CancellationToken.None)).FirstOrDefault();
        var waiting = await runs.InStateAsync(RunState.Pending, CancellationToken.None);
        var metrics = running is null ? null : events.Latest(running.Id).Metrics;
        var total = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var disk = new DriveInfo(Path.GetFullPath(options.DataDirectory));
        return new MachineState(
            Processor(),
            total - MachineMemory.AvailableBytes,
            total,
            Environment.WorkingSet,
            disk.AvailableFreeSpace,
            disk.TotalSize,
            running?.Name,
            metrics?.Values.TryGetValue(RunMetricNames.TokensPerSecond, out var speed) == true ? speed : null,
            waiting.Count);
    }

    /// <summary>Linux counts what every core did since the start: user, nice, system, idle, waiting for disks, …</summary>
    private double? Processor()
    {
        const string File = "/proc/stat";
        if (!System.IO.File.Exists(File))
        {
            return null;
        }

        var counts = System.IO.File.ReadLines(File).First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..9].Select(count => long.Parse(count, CultureInfo.InvariantCulture)).ToArray();
        var all = counts.Sum();
        var now = (Busy: all - counts[3] - counts[4], All: all);
        var before = ticks;
        ticks = now;
        return before is { } known && now.All > known.All ? (double)(now.Busy - known.Busy) / (now.All - known.All) : null;
    }

    private void Forget(Action watcher)
    {
        lock (gate)
        {
            watchers.Remove(watcher);
            if (watchers.Count == 0)
            {
                timer?.Dispose();
                timer = null;
                ticks = null;
            }
        }
    }

    private sealed class Watcher(SystemMeters meters, Action changed) : IDisposable
    {
        public void Dispose() => meters.Forget(changed);
    }
}
