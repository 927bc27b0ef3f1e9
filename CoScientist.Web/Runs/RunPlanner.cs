using System.Text.Json;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Model;
using CoScientist.Training.Trainers;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.Runs;

/// <summary>What a run would take, and what there is.</summary>
/// <param name="Forecast">What it would take.</param>
/// <param name="MemoryFree">Bytes of memory that programs can still take.</param>
/// <param name="DiskFree">Bytes free where the data directory lies.</param>
/// <param name="MeasuredAt">When this machine's pace was measured (UTC).</param>
public sealed record RunNeeds(RunForecast Forecast, long MemoryFree, long DiskFree, DateTimeOffset MeasuredAt);

/// <summary>Says beforehand what a run will take of this machine. The machine's pace is measured once per kind of model and kept for a while.</summary>
internal sealed class RunPlanner(RunDataStore data, ModelCatalog models, CoScientistOptions options, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan KeepPace = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan KeepData = TimeSpan.FromMinutes(1);

    // One measurement at a time: two would measure each other.
    private readonly SemaphoreSlim gate = new(1);
    private readonly Dictionary<(ModelConfig Model, RunPrecision Precision, int Threads), (MachinePace Pace, DateTimeOffset At)> paces = [];
    private (string Key, RunData Data, DateTimeOffset At)? read;

    /// <summary>Estimates a run; a second or two when the machine has not been measured lately.</summary>
    /// <exception cref="InvalidDataException">A model or the data is not there; the message says what to do.</exception>
    public async Task<RunNeeds> EstimateAsync(RunSpec spec, CancellationToken cancellationToken)
    {
        if (spec.Engine.IsElsewhere)
        {
            throw new InvalidDataException("It trains on the cluster and asks nothing of this machine.");
        }

        if (spec.Engine.Kind == RunEngine.Torch)
        {
            throw new InvalidDataException("What TorchSharp will take of this machine is not known beforehand.");
        }

        await gate.WaitAsync(cancellationToken);
        try
        {
            var goals = await ReadAsync(spec, cancellationToken);
            var model = await models.ResolveAsync(spec.Model, cancellationToken);
            var readers = new List<string>();
            foreach (var name in new[] { spec.Grader, spec.Judge }.Where(name => name is not (RunSpec.InitialGrader or RunSpec.Oracle) && RunSpec.ServerOf(name) is null))
            {
                readers.Add(await models.ResolveAsync(name, cancellationToken));
            }

            var measured = time.GetUtcNow();
            var forecast = await Task.Run(() => RunForecast.Of(spec, goals, model, readers, config => Pace(config, spec, out measured, cancellationToken)), cancellationToken);
            return new RunNeeds(forecast, MachineMemory.AvailableBytes, new DriveInfo(options.DataDirectory).AvailableFreeSpace, measured);
        }
        finally
        {
            gate.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => gate.Dispose();

    private MachinePace Pace(ModelConfig config, RunSpec spec, out DateTimeOffset at, CancellationToken cancellationToken)
    {
        var key = (MachinePace.Stand(config), spec.Engine.Precision, spec.Threads);
        if (!paces.TryGetValue(key, out var known) || time.GetUtcNow() - known.At > KeepPace)
        {
            var precision = spec.Engine.Precision == RunPrecision.Bf16 ? Precision.Bfloat16 : Precision.Single;
            paces[key] = known = (MachinePace.Measure(config, precision, spec.Threads, cancellationToken), time.GetUtcNow());
        }

        at = known.At;
        return known.Pace;
    }

    /// <summary>The goals of the run; those read last serve again while only other settings change.</summary>
    private async Task<RunData> ReadAsync(RunSpec spec, CancellationToken cancellationToken)
    {
        var key = JsonSerializer.Serialize(new { spec.Data, spec.Method, spec.Stages, spec.Model, spec.ValidationGoals, spec.TestGoals });
        if (read is not { } last || last.Key != key || time.GetUtcNow() - last.At > KeepData)
        {
            read = last = (key, await data.LoadAsync(spec, cancellationToken), time.GetUtcNow());
        }

        return last.Data;
    }
}
