namespace CoScientist.Web.Instances;

/// <summary>
/// Whether this process is the one that works on runs and on jobs of the library. Over an SQLite file it always is; of several
/// instances on one PostgreSQL database one is, see <see cref="InstanceLink"/>. Workers wait here for a <see cref="WorkerTerm"/> and
/// end their work when it is over.
/// </summary>
internal sealed class WorkerRole(bool isShared)
{
    private readonly Lock gate = new();
    private CancellationTokenSource? held = isShared ? null : new();
    private TaskCompletionSource gained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource idle = Ended();
    private int terms;

    /// <summary>The role of a process that shares its data with no other.</summary>
    public static WorkerRole Alone => new(isShared: false);

    /// <summary>Whether other processes may have it: then they go on with what this one leaves.</summary>
    public bool IsShared => isShared;

    /// <summary>Whether this process has it.</summary>
    public bool IsHere
    {
        get
        {
            lock (gate)
            {
                return held is not null;
            }
        }
    }

    /// <summary>Done while no worker of this process is within a term.</summary>
    public Task Idle
    {
        get
        {
            lock (gate)
            {
                return idle.Task;
            }
        }
    }

    /// <summary>Waits until this process has the role. Dispose the term when all work under it has ended.</summary>
    /// <param name="cancellationToken">Cancels the waiting.</param>
    public async Task<WorkerTerm> TakeAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Task next;
            lock (gate)
            {
                if (held is not null)
                {
                    if (terms++ == 0)
                    {
                        idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
                    }

                    return new WorkerTerm(this, held.Token);
                }

                next = gained.Task;
            }

            await next.WaitAsync(cancellationToken);
        }
    }

    /// <summary>This process has it from now on.</summary>
    public void Gain()
    {
        lock (gate)
        {
            held = new CancellationTokenSource();
            gained.TrySetResult();
        }
    }

    /// <summary>This process has it no more: terms are over, and their work must end.</summary>
    public void Lose()
    {
        CancellationTokenSource? lost;
        lock (gate)
        {
            (lost, held) = (held, null);
            gained = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        lost?.Cancel();
    }

    private static TaskCompletionSource Ended()
    {
        var ended = new TaskCompletionSource();
        ended.SetResult();
        return ended;
    }

    /// <summary>A time during which a worker of this process may work.</summary>
    /// <param name="role">The role.</param>
    /// <param name="over">Cancelled when it is over.</param>
    internal sealed class WorkerTerm(WorkerRole role, CancellationToken over) : IDisposable
    {
        private int ended;

        /// <summary>Cancelled when it is over, because this process lost the role.</summary>
        public CancellationToken Over => over;

        /// <summary>All work under it has ended.</summary>
        public void Dispose()
        {
            if (Interlocked.Exchange(ref ended, 1) == 1)
            {
                return;
            }

            lock (role.gate)
            {
                if (--role.terms == 0)
                {
                    role.idle.TrySetResult();
                }
            }
        }
    }
}
