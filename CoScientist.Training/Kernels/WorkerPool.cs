namespace CoScientist.Training.Kernels;

/// <summary>
/// Threads that share the iterations of one loop at a time. Iterations are handed out one by one, so which thread runs which
/// is unspecified: kernels make each iteration's result independent of that, and results do not depend on the thread count.
/// Workers spin briefly between loops, because the next loop of a step is usually microseconds away, then block.
/// </summary>
public sealed class WorkerPool : IDisposable
{
    private const int SpinRounds = 200;
    private readonly Thread[] workers;
    private readonly SemaphoreSlim wake = new(0);
    private readonly Lock entry = new();
    private volatile Loop? current;
    private volatile bool stopping;

    /// <summary>Starts the workers.</summary>
    /// <param name="threads">Threads in all, the caller included; 0 takes every processor.</param>
    public WorkerPool(int threads = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        Threads = threads == 0 ? Environment.ProcessorCount : threads;
        workers = new Thread[Threads - 1];
        for (var i = 0; i < workers.Length; i++)
        {
            workers[i] = new Thread(Work) { IsBackground = true, Name = $"engine {i + 1}" };
            workers[i].Start();
        }
    }

    /// <summary>Threads in all, the caller included.</summary>
    public int Threads { get; }

    /// <summary>Runs <paramref name="body"/> for 0 … <paramref name="count"/> − 1 and returns when all are done. An exception of an iteration is thrown here.</summary>
    public void For(int count, Action<int> body)
    {
        if (workers.Length == 0 || count <= 1)
        {
            for (var i = 0; i < count; i++)
            {
                body(i);
            }

            return;
        }

        lock (entry)
        {
            var loop = new Loop(count, body);
            current = loop;
            var helpers = Math.Min(workers.Length, count - 1);
            wake.Release(helpers);
            loop.Run();
            loop.Wait();
            current = null;
            loop.ThrowIfFailed();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (stopping)
        {
            return;
        }

        stopping = true;
        if (workers.Length > 0)
        {
            wake.Release(workers.Length);
        }

        foreach (var worker in workers)
        {
            worker.Join();
        }

        wake.Dispose();
    }

    private void Work()
    {
        while (true)
        {
            var spinner = default(SpinWait);
            for (var i = 0; i < SpinRounds && wake.CurrentCount == 0 && !stopping; i++)
            {
                spinner.SpinOnce(sleep1Threshold: -1);
            }

            wake.Wait();
            if (stopping)
            {
                return;
            }

            current?.Run();
        }
    }

    private sealed class Loop(int count, Action<int> body)
    {
        private int next = -1;
        private int done;
        private Exception? failure;

        public void Run()
        {
            int i;
            while ((i = Interlocked.Increment(ref next)) < count)
            {
                try
                {
                    body(i);
                }
                catch (Exception e)
                {
                    Interlocked.CompareExchange(ref failure, e, comparand: null);
                }

                Interlocked.Increment(ref done);
            }
        }

        public void Wait()
        {
            var spinner = default(SpinWait);
            while (Volatile.Read(ref done) < count)
            {
                spinner.SpinOnce(sleep1Threshold: -1);
            }
        }

        public void ThrowIfFailed()
        {
            if (failure is not null)
            {
                throw new InvalidOperationException("A kernel failed: " + failure.Message, failure);
            }
        }
    }
}
