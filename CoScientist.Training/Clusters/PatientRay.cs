namespace CoScientist.Training.Clusters;

/// <summary>Ray's Jobs API for a run that waits: who does not answer is asked again, and the run's log says so once.</summary>
/// <param name="ray">Ray's Jobs API.</param>
/// <param name="cluster">The machines.</param>
/// <param name="time">The clock.</param>
/// <param name="say">Writes a line into the run's log.</param>
internal sealed class PatientRay(RayJobs ray, ClusterOptions cluster, TimeProvider time, Action<string> say)
{
    /// <summary>Times Ray is asked before a job that it has never had fails the run.</summary>
    private const int SubmitTries = 5;

    private bool away;

    /// <summary>Waits until it is time for the next look.</summary>
    public Task WaitAsync(CancellationToken cancellationToken) => Task.Delay(TimeSpan.FromSeconds(cluster.PollSeconds), time, cancellationToken);

    /// <summary>Looks at a job for as long as it takes Ray to answer; null when Ray does not know it.</summary>
    /// <exception cref="RayRefusedException">Ray will not tell.</exception>
    public async Task<RayJob?> FindAsync(string id, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                var found = await ray.FindAsync(id, cancellationToken);
                if (away)
                {
                    say("Ray answers again.");
                    away = false;
                }

                return found;
            }
            catch (RayAwayException fault)
            {
                if (!away)
                {
                    say($"{fault.Message}; waiting for it.");
                    away = true;
                }

                await WaitAsync(cancellationToken);
            }
        }
    }

    /// <summary>Sends a job. One whose answer was lost on the way is found by its id and not sent twice.</summary>
    /// <exception cref="RayAwayException">Ray does not answer, time and again.</exception>
    /// <exception cref="RayRefusedException">Ray will not run it.</exception>
    public async Task SubmitAsync(string id, string entrypoint, IReadOnlyDictionary<string, string> environment, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await ray.SubmitAsync(id, entrypoint, environment, metadata, cancellationToken);
                return;
            }
            catch (RayAwayException) when (attempt < SubmitTries)
            {
                await WaitAsync(cancellationToken);
            }
            catch (Exception fault) when (attempt > 1 && fault is RayAwayException or RayRefusedException)
            {
                // A second job of the same id is refused.
                if (await ray.FindAsync(id, cancellationToken) is null)
                {
                    throw;
                }

                return;
            }
        }
    }

    /// <summary>Stops a job and waits until it is over, for a while.</summary>
    /// <exception cref="RayAwayException">Ray does not answer.</exception>
    /// <exception cref="RayRefusedException">Ray will not stop it.</exception>
    /// <exception cref="OperationCanceledException">It took too long.</exception>
    public async Task StopAsync(string id)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(Math.Max(30, 6 * cluster.PollSeconds)), time);
        await ray.StopAsync(id, patience.Token);
        while (await ray.FindAsync(id, patience.Token) is { IsOver: false })
        {
            await WaitAsync(patience.Token);
        }
    }

    /// <summary>All that a job has printed; null when Ray does not answer.</summary>
    public async Task<string?> LogAsync(string id, CancellationToken cancellationToken)
    {
        try
        {
            return await ray.LogsAsync(id, cancellationToken);
        }
        catch (RayAwayException)
        {
            // The next look reads it.
            return null;
        }
    }
}
