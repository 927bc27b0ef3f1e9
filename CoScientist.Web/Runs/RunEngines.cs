using CoScientist.Core.Runs;
using CoScientist.Training.Clusters;
using CoScientist.Training.Trainers;

namespace CoScientist.Web.Runs;

/// <summary>Executes a run with what its specification names: on this machine, or on the cluster.</summary>
internal sealed class RunEngines(ClusterRuns clusters, TimeProvider time) : IDisposable
{
    // Models are read by one closing evaluation at a time: memory is asked for before they are loaded.
    private readonly SemaphoreSlim closing = new(1);

    /// <summary>See <see cref="RunExecution"/>.</summary>
    public Task<RunOutcome> ExecuteAsync(TrainingRunRequest request, Action<RunEvent> onEvent, Func<bool> pauseRequested, CancellationToken cancellationToken) =>
        request.Spec.Engine.Kind == RunEngine.Verl
            ? ElsewhereAsync(request, onEvent, pauseRequested, cancellationToken)
            : TrainingRun.ExecuteAsync(request, onEvent, pauseRequested, cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => closing.Dispose();

    private async Task<RunOutcome> CloseAsync(TrainingRunRequest request, Action<RunEvent> onEvent, CancellationToken cancellationToken)
    {
        await closing.WaitAsync(cancellationToken);
        try
        {
            return await TrainingRun.CloseAsync(request, onEvent, cancellationToken);
        }
        finally
        {
            closing.Release();
        }
    }

    private async Task<RunOutcome> ElsewhereAsync(TrainingRunRequest request, Action<RunEvent> onEvent, Func<bool> pauseRequested, CancellationToken cancellationToken)
    {
        var cluster = clusters.Cluster;
        if (clusters.Faults(request.Spec).ToList() is { Count: > 0 } faults)
        {
            throw new InvalidDataException($"The run cannot go to the cluster: {string.Join("; ", faults)}.");
        }

        try
        {
            var folder = cluster.Remote(ClusterRun.Export(cluster, request.Name))!;
            var job = await clusters.JobAsync(request.Name, request.Spec, request.Data, folder, clusters.Share, cancellationToken);
            var token = cluster.TokenVariable.Length > 0 ? Environment.GetEnvironmentVariable(cluster.TokenVariable) : null;
            using var ray = new RayJobs(cluster.Address, token);
            var outcome = await new ClusterRun(request, job, cluster, ray, time, onEvent).ExecuteAsync(pauseRequested, cancellationToken);
            return outcome.State == RunState.Finished ? await CloseAsync(request, onEvent, cancellationToken) : outcome;
        }
        catch (ArgumentException fault)
        {
            throw new InvalidDataException(fault.WithoutParameter(), fault);
        }
    }
}
