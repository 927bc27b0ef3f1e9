using CoScientist.Core.Jobs;
using CoScientist.Core.Storage;

namespace CoScientist.Web.Library;

/// <summary>
/// Works on the library's jobs, one step after the other, as long as the server lives; no page owns them. A job that was at work
/// when the server ended goes on at the next start. Pages steer jobs through it.
/// </summary>
internal sealed class LibraryWorker(LibraryJobStore jobs, LibraryWork work, ImportSpool spool, ILogger<LibraryWorker> logger) : BackgroundService
{
    private readonly SemaphoreSlim wake = new(0);
    private readonly Lock gate = new();
    private (LibraryJobId Id, CancellationTokenSource Stop)? current;
    private int version;

    /// <summary>Goes up whenever a job or a step has changed: pages look again when it differs.</summary>
    public int Version => Volatile.Read(ref version);

    /// <summary>Adds a job; its files must be in the spool.</summary>
    public async Task AddAsync(LibraryJobId id, LibraryJobKind kind, string startedBy, LibraryJobOptions options, IEnumerable<(string Name, CoScientist.Core.Papers.PaperId? Paper)> steps, CancellationToken cancellationToken)
    {
        await jobs.AddAsync(id, kind, startedBy, options.ToJson(), steps, cancellationToken);
        Wake();
    }

    /// <summary>Stops a job before its next step; the steps left can be done later.</summary>
    public async Task StopAsync(LibraryJobId id, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            if (current?.Id == id)
            {
                current.Value.Stop.Cancel();
                return;
            }
        }

        await jobs.HoldAsync(id, cancellationToken);
        Changed();
    }

    /// <summary>Tries failed steps again, and does those that were left.</summary>
    public async Task RetryAsync(LibraryJobId id, CancellationToken cancellationToken)
    {
        await jobs.RetryAsync(id, cancellationToken);
        Wake();
    }

    /// <summary>Takes an ended job off the list, with the files it kept.</summary>
    public async Task RemoveAsync(LibraryJobId id, CancellationToken cancellationToken)
    {
        if (await jobs.RemoveAsync(id, cancellationToken))
        {
            spool.Drop(id);
        }

        Changed();
    }

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        // Before anybody can send a file: what is kept without a job then was cut off.
        spool.Sweep(await jobs.IdsAsync(cancellationToken));
        await base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        try
        {
            while (true)
            {
                while (await jobs.TakeAsync(stoppingToken) is { } job)
                {
                    Changed();
                    await WorkAsync(job, stoppingToken);
                    Changed();
                }

                await wake.WaitAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server ends; the job goes on at the next start.
        }
    }

    private async Task WorkAsync(LibraryJob job, CancellationToken stoppingToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        lock (gate)
        {
            current = (job.Id, stop);
        }

        try
        {
            var fault = job.Kind == LibraryJobKind.Extract ? await ExtractAsync(job, stop.Token, stoppingToken) : await ImportAsync(job, stop.Token, stoppingToken);
            var left = await jobs.NextStepAsync(job.Id, stoppingToken) is not null;
            await jobs.EndAsync(job.Id, left ? LibraryJobState.Failed : LibraryJobState.Finished, fault, stoppingToken);
        }
        catch (OperationCanceledException) when (!stoppingToken.IsCancellationRequested)
        {
            await jobs.EndAsync(job.Id, LibraryJobState.Stopped, null, stoppingToken);
        }
        catch (ArgumentException fault)
        {
            // The next step would meet it too.
            await jobs.EndAsync(job.Id, LibraryJobState.Failed, fault.WithoutParameter(), stoppingToken);
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            logger.LogError(fault, "Library job {Job} ended with a fault.", job.Id);
            await jobs.EndAsync(job.Id, LibraryJobState.Failed, $"The server met a fault of its own ({fault.GetType().Name}: {fault.Message}). Try again; its log says more.", stoppingToken);
        }
        finally
        {
            lock (gate)
            {
                current = null;
            }
        }
    }

    private async Task<string?> ImportAsync(LibraryJob job, CancellationToken stop, CancellationToken stoppingToken)
    {
        while (await jobs.NextStepAsync(job.Id, stop) is { } step)
        {
            // Reading keeps a processor busy: off the pages' threads.
            var outcome = await Task.Run(() => work.ImportAsync(job, step, stop), stop);
            await EndStepAsync(step, outcome, stoppingToken);
        }

        return null;
    }

    private async Task<string?> ExtractAsync(LibraryJob job, CancellationToken stop, CancellationToken stoppingToken)
    {
        string? fault = null;
        var steps = await jobs.StepsAsync(job.Id, LibraryStepState.Waiting, int.MaxValue, stop);
        await foreach (var (step, outcome) in work.ExtractAsync(job, steps, stop))
        {
            if (step is null)
            {
                fault = outcome.Message;
            }
            else
            {
                await EndStepAsync(step, outcome, stoppingToken);
            }
        }

        return fault;
    }

    // What was done is recorded even when somebody has asked to stop.
    private async Task EndStepAsync(LibraryJobStep step, StepOutcome outcome, CancellationToken stoppingToken)
    {
        await jobs.EndStepAsync(step.Id, outcome.Done ? LibraryStepState.Done : LibraryStepState.Failed, outcome.Message, outcome.Paper, stoppingToken);
        Changed();
    }

    private void Wake()
    {
        Changed();
        wake.Release();
    }

    private void Changed() => Interlocked.Increment(ref version);
}
