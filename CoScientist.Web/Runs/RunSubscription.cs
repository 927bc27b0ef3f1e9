namespace CoScientist.Web.Runs;

/// <summary>One throttled subscription: many notifications in a short time become one call, and the last is never lost.</summary>
internal sealed class RunSubscription : IDisposable
{
    private readonly Lock gate = new();
    private readonly TimeProvider time;
    private readonly TimeSpan interval;
    private readonly Func<Task> changed;
    private readonly ILogger logger;
    private readonly Action<RunSubscription> ended;
    private readonly ITimer timer;
    private long? lastCall;
    private bool waiting;
    private bool calling;
    private bool again;
    private volatile bool disposed;

    public RunSubscription(TimeProvider time, TimeSpan interval, Func<Task> changed, ILogger logger, Action<RunSubscription> ended)
    {
        this.time = time;
        this.interval = interval;
        this.changed = changed;
        this.logger = logger;
        this.ended = ended;
        timer = time.CreateTimer(_ => _ = CallAsync(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Something changed. Returns at once.</summary>
    public void Notify()
    {
        lock (gate)
        {
            if (disposed || waiting)
            {
                return;
            }

            if (calling)
            {
                again = true;
                return;
            }

            Arm();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
        }

        timer.Dispose();
        ended(this);
    }

    private void Arm()
    {
        waiting = true;
        var since = lastCall is { } last ? time.GetElapsedTime(last) : interval;
        timer.Change(since >= interval ? TimeSpan.Zero : interval - since, Timeout.InfiniteTimeSpan);
    }

    private async Task CallAsync()
    {
        lock (gate)
        {
            if (disposed)
            {
                return;
            }

            waiting = false;
            calling = true;
            lastCall = time.GetTimestamp();
        }

        try
        {
            await changed();
        }
        catch (ObjectDisposedException) when (disposed)
        {
            // The page went away while it was being told.
        }
#pragma warning disable CA1031 // Whatever a subscriber does, the run and the other subscribers go on.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            logger.LogWarning(fault, "A page that watches a run could not take in its news.");
        }

        lock (gate)
        {
            calling = false;
            if (again && !disposed)
            {
                again = false;
                Arm();
            }
        }
    }
}
