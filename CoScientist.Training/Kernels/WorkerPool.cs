using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace CoScientist.Training.Kernels;

/// <summary>The iterations of a loop: a structure, so that handing it to the threads allocates nothing.</summary>
public interface ILoopBody
{
    /// <summary>Does one iteration. Runs on any thread of the pool, at the same time as others.</summary>
    void Run(int index);
}

/// <summary>
/// Threads that share the iterations of one loop at a time. Iterations are handed out one by one in ascending order, so which
/// thread runs which is unspecified: kernels make each iteration's result independent of that, and results do not depend on
/// the thread count. A worker that comes late to a loop is not waited for: the others do its share. Workers spin briefly
/// between loops, because the next loop of a step is usually microseconds away, then block.
/// </summary>
public sealed unsafe class WorkerPool : IDisposable
{
    /// <summary>
    /// Milliseconds between two moments at which a pool that yields gives its processor up. After every iteration instead, which is
    /// fractions of a millisecond, a run starves beside any other work: each time it waits out a whole slice of the other's.
    /// </summary>
    public const int YieldMilliseconds = 5;

    private const int SpinRounds = 2000;

    /// <summary>Flag in <see cref="gate"/>: workers may join. The bits below count those who have.</summary>
    private const int Open = 1 << 30;

    [ThreadStatic]
    private static WorkerPool? runningOnThread;

    [ThreadStatic]
    private static long lastYield;

    private readonly Thread[] workers;
    private readonly bool yields;
    private readonly SemaphoreSlim wake = new(0);
    private readonly Lock entry = new();
    private readonly WorkClock clock = new();

    // The loop in progress. Written while the gate is closed and nobody is inside, so that whoever is inside reads one loop.
    private delegate*<WorkerPool, void*, void> share;
    private void* body;
    private WorkKind kind;
    private int count;
    private int next;
    private Exception? failure;
    private int failedIndex;

    private int gate;
    private int loops;
    private int sleepers;
    private volatile bool stopping;

    /// <summary>Starts the workers.</summary>
    /// <param name="threads">Threads in all, the caller included; 0 takes every processor.</param>
    /// <param name="yields">
    /// Gives the processor up every <see cref="YieldMilliseconds"/> to whoever waits for it, such as the web pages of the same
    /// machine. Default: no.
    /// </param>
    public WorkerPool(int threads = 0, bool yields = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        Threads = threads == 0 ? Environment.ProcessorCount : threads;
        this.yields = yields;
        workers = new Thread[Threads - 1];
        for (var i = 0; i < workers.Length; i++)
        {
            workers[i] = new Thread(Work) { IsBackground = true, Name = $"engine {i + 1}" };
            workers[i].Start();
        }
    }

    /// <summary>Threads in all, the caller included.</summary>
    public int Threads { get; }

    /// <summary>Counters of what the threads have done so far; hand them to <see cref="Since"/> later.</summary>
    public WorkMark Mark() => clock.Mark();

    /// <summary>Where the threads' time went since <paramref name="mark"/>.</summary>
    public WorkProfile Since(in WorkMark mark) => WorkProfile.Between(mark, clock.Mark(), Threads);

    /// <summary>Runs <paramref name="body"/> for 0 … <paramref name="count"/> − 1; see <see cref="For{TBody}"/>. Allocates what the closure needs.</summary>
    public void For(int count, Action<int> body) => For(WorkKind.Other, count, new ActionBody(body));

    /// <summary>
    /// Runs the iterations 0 … <paramref name="count"/> − 1 and returns when all are done. After a failure no further iteration
    /// starts, and the exception of the lowest failing index is thrown here: the same one for every thread count.
    /// </summary>
    /// <typeparam name="TBody">A structure, so that the loop is compiled for it.</typeparam>
    /// <param name="kind">What the time is booked on in the profile.</param>
    /// <param name="count">Iterations.</param>
    /// <param name="body">What an iteration does.</param>
    /// <param name="operations">Floating-point operations of the whole loop, counted for the profile. Default: not counted.</param>
    /// <exception cref="InvalidOperationException">An iteration of this pool started a loop on it.</exception>
    public void For<TBody>(WorkKind kind, int count, TBody body, double operations = 0)
        where TBody : struct, ILoopBody
    {
        if (runningOnThread == this)
        {
            throw new InvalidOperationException("A loop was started from within an iteration of another on the same threads: run it after that one, or in plain code.");
        }

        if (count <= 0)
        {
            return;
        }

        lock (entry)
        {
            var start = Stopwatch.GetTimestamp();
            share = &Share<TBody>;
            this.body = Unsafe.AsPointer(ref body);
            (this.kind, this.count, next, failure, failedIndex) = (kind, count, -1, null, int.MaxValue);
            var helpers = Math.Min(workers.Length, count - 1);
            if (helpers > 0)
            {
                loops++;
                Interlocked.Exchange(ref gate, Open);
                Wake(helpers);
            }

            share(this, this.body);
            if (helpers > 0)
            {
                Close();
            }

            clock.AddLoop(kind, Stopwatch.GetTimestamp() - start, operations);
            if (failure is { } thrown)
            {
                failure = null;
                ExceptionDispatchInfo.Throw(thrown);
            }
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

    /// <summary>Takes iterations until none is left, or one has failed.</summary>
    private static void Share<TBody>(WorkerPool pool, void* body)
        where TBody : struct, ILoopBody
    {
        var start = Stopwatch.GetTimestamp();
        var outer = runningOnThread;
        runningOnThread = pool;
        // The structure stands on the caller's stack until everybody has left the loop.
        ref var iterations = ref Unsafe.AsRef<TBody>(body);
        int i;
        while ((i = Interlocked.Increment(ref pool.next)) < pool.count && Volatile.Read(ref pool.failedIndex) == int.MaxValue)
        {
            try
            {
                iterations.Run(i);
            }
            catch (Exception e)
            {
                pool.Fail(i, e);
            }

            if (pool.yields && Stopwatch.GetElapsedTime(lastYield).TotalMilliseconds > YieldMilliseconds)
            {
                Thread.Yield();
                lastYield = Stopwatch.GetTimestamp();
            }
        }

        runningOnThread = outer;
        pool.clock.AddBusy(pool.kind, Stopwatch.GetTimestamp() - start);
    }

    private void Fail(int index, Exception e)
    {
        lock (wake)
        {
            if (index < failedIndex)
            {
                (failure, failedIndex) = (e, index);
            }
        }
    }

    /// <summary>Keeps latecomers out and waits for those inside to finish their last iteration.</summary>
    private void Close()
    {
        Interlocked.And(ref gate, ~Open);
        var spinner = default(SpinWait);
        while (Volatile.Read(ref gate) != 0)
        {
            spinner.SpinOnce(sleep1Threshold: -1);
        }
    }

    private void Wake(int wanted)
    {
        int asleep;
        while ((asleep = Volatile.Read(ref sleepers)) > 0)
        {
            var woken = Math.Min(asleep, wanted);
            if (Interlocked.CompareExchange(ref sleepers, asleep - woken, asleep) == asleep)
            {
                wake.Release(woken);
                return;
            }
        }
    }

    private void Work()
    {
        var seen = 0;
        while (AwaitLoop(seen))
        {
            var inside = Volatile.Read(ref gate);
            if ((inside & Open) == 0 || Interlocked.CompareExchange(ref gate, inside + 1, inside) != inside)
            {
                continue;
            }

            seen = loops;
            share(this, body);
            Interlocked.Decrement(ref gate);
        }
    }

    /// <summary>Waits until there is a loop other than the last one seen; false when the pool is disposed.</summary>
    private bool AwaitLoop(int seen)
    {
        var spinner = default(SpinWait);
        for (var i = 0; i < SpinRounds && !stopping; i++)
        {
            if (IsOpen(seen))
            {
                return true;
            }

            spinner.SpinOnce(sleep1Threshold: -1);
        }

        if (stopping)
        {
            return false;
        }

        // Register first, look again, and only then block: either this thread sees the loop or its caller sees the sleeper.
        Interlocked.Increment(ref sleepers);
        if (IsOpen(seen) && Deregister())
        {
            return true;
        }

        wake.Wait();
        return !stopping;
    }

    private bool IsOpen(int seen) => (Volatile.Read(ref gate) & Open) != 0 && Volatile.Read(ref loops) != seen;

    /// <summary>Takes one sleeper off the count; false when callers have already paid for all of them with a wake-up.</summary>
    private bool Deregister()
    {
        int asleep;
        while ((asleep = Volatile.Read(ref sleepers)) > 0)
        {
            if (Interlocked.CompareExchange(ref sleepers, asleep - 1, asleep) == asleep)
            {
                return true;
            }
        }

        return false;
    }

    private readonly struct ActionBody(Action<int> action) : ILoopBody
    {
        public void Run(int index) => action(index);
    }
}
