using CoScientist.Core.Jobs;
using CoScientist.Core.Storage;
using CoScientist.Web.Instances;

namespace CoScientist.Web.Library;

/// <summary>
/// Works on the library's jobs, one step after the other, as long as the server lives and has the worker's role; no page owns them. A
/// job that was at work when the server ended goes on at the next start, or in the instance that follows. Pages steer jobs through it.
/// </summary>
internal sealed class LibraryWorker(LibraryJobStore jobs, LibraryWork work, ImportSpool spool, WorkerRole role, ILogger<LibraryWorker> logger, InstanceNews? news = null) : BackgroundService
{
    /// <summary>How long the worker waits after a fault of the database.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(2);

    /// <summary>Uploads of other instances are under way: what is older than this was cut off.</summary>
    private static readonly TimeSpan s_longestUpload = TimeSpan.FromDays(1);

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

    /// <summary>Another instance tells that jobs have changed. Returns at once.</summary>
    public void Hear()
    {
        Interlocked.Increment(ref version);
        wake.Release();
        _ = ObeyAsync();
    }

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        // Before anybody can send a file: what is kept without a job then was cut off.
        spool.Sweep(await jobs.IdsAsync(cancellationToken), role.IsShared ? s_longestUpload : TimeSpan.Zero);
        await base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                using var term = await role.TakeAsync(stoppingToken);
                using var ending = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, term.Over);
                await WorkAsync(ending.Token);
            }
            catch (OperationCanceledException)
            {
                // The server ends, or another has the role: the job goes on at the next start, or there.
            }
#pragma warning disable CA1031 // A database that is away for a moment must not end the worker.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                logger.LogError(fault, "The worker of the library could not go on; it tries again.");
                await Task.Delay(s_pause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task WorkAsync(CancellationToken stoppingToken)
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

    /// <summary>Stops the job at work when somebody has stopped it in the database.</summary>
    private async Task ObeyAsync()
    {
        LibraryJobId id;
        lock (gate)
        {
            if (current is null)
            {
                return;
            }

            id = current.Value.Id;
        }

        try
        {
            if (!await jobs.IsRunningAsync(id, CancellationToken.None))
            {
                lock (gate)
                {
                    if (current?.Id == id)
                    {
                        current.Value.Stop.Cancel();
                    }
                }
            }
        }
#pragma warning disable CA1031 // The next news are obeyed.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            logger.LogWarning(fault, "Whether library job {Job} was stopped could not be read.", id);
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
            // It may have been stopped before anybody could see that it is at work.
            await ObeyAsync();
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

        // News of another instance may be lost: it is asked for after every step besides.
        await ObeyAsync();
    }

    private void Wake()
    {
        Changed();
        wake.Release();
    }

    private void Changed()
    {
        Interlocked.Increment(ref version);
        news?.Tell(NewsTopic.Library);
    }
}
