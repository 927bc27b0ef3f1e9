using System.Diagnostics;
using CoScientist.Training.Kernels;

namespace CoScientist.Tests.Training.Kernels;

public sealed class WorkerPoolTests(KernelPools pools) : IClassFixture<KernelPools>
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(97)]
    public void For_anyCount_runsEachIterationOnce(int count)
    {
        foreach (var pool in pools.All)
        {
            for (var repeat = 0; repeat < 200; repeat++)
            {
                var runs = new int[count];
                pool.For(count, i => Interlocked.Increment(ref runs[i]));
                Assert.All(runs, times => Assert.Equal(1, times));
            }
        }
    }

    [Fact]
    public void For_failingIterations_throwsTheLowestForAnyThreadCountAndThePoolStaysUsable()
    {
        foreach (var pool in pools.All)
        {
            for (var repeat = 0; repeat < 50; repeat++)
            {
                var thrown = Assert.Throws<FormatException>(() => pool.For(40, i => _ = i >= 5 ? throw new FormatException($"iteration {i}") : i));
                Assert.Equal("iteration 5", thrown.Message);
            }

            var sum = 0;
            pool.For(10, i => Interlocked.Add(ref sum, i));
            Assert.Equal(45, sum);
        }
    }

    [Fact]
    public void For_withinAnIteration_isRefusedInsteadOfWaitingForever()
    {
        foreach (var pool in pools.All)
        {
            var thrown = Assert.Throws<InvalidOperationException>(() => pool.For(2, _ => pool.For(2, _ => { })));
            Assert.Contains("within an iteration", thrown.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void For_structureBody_allocatesNothing()
    {
        var counts = new int[8];
        foreach (var pool in pools.All)
        {
            // A loop's own allocations would be there each time; the runtime's, when it compiles a method again, are there once.
            Assert.Equal(0, Enumerable.Range(0, 4).Min(_ => Allocated(pool)));
        }

        Assert.All(counts, count => Assert.Equal(400 * pools.All.Count, count));

        long Allocated(WorkerPool pool)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var repeat = 0; repeat < 100; repeat++)
            {
                pool.For(WorkKind.Other, counts.Length, new Counting(counts));
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [Fact]
    public void For_structureBodyUnderCollections_keepsItsReferences()
    {
        // The structure stands on the caller's stack: objects that it refers to must be found there when they are moved.
        using var pool = new WorkerPool(2, yields: true);
        for (var repeat = 0; repeat < 20; repeat++)
        {
            var counts = new int[64];
            pool.For(WorkKind.Other, counts.Length, new Collecting(counts));
            Assert.All(counts, count => Assert.Equal(1, count));
        }
    }

    [Fact]
    public void Since_loopsOfEachKind_booksTimeAndOperations()
    {
        foreach (var pool in pools.All)
        {
            var mark = pool.Mark();
            pool.For(WorkKind.Products, 4, default(Spinning), operations: 1000);
            pool.For(WorkKind.Attention, 4, default(Spinning), operations: 500);
            pool.For(WorkKind.Other, 4, default(Spinning));
            var profile = pool.Since(mark);

            Assert.Equal(pool.Threads, profile.Threads);
            Assert.Equal((1000, 500), (profile.ProductOperations, profile.AttentionOperations));
            Assert.All([profile.Products, profile.Attention, profile.Other], seconds => Assert.True(seconds >= 4 * Spinning.Seconds));
            Assert.True(profile.Waiting >= 0);
            Assert.Equal(profile.Seconds * profile.Threads, profile.Products + profile.Attention + profile.Other + profile.Waiting, 1e-3);
        }
    }

    [Fact]
    public void For_severalCallers_takeTurns()
    {
        foreach (var pool in pools.All)
        {
            var totals = new long[4];
            var callers = Enumerable.Range(0, totals.Length).Select(caller => new Thread(() =>
            {
                for (var repeat = 0; repeat < 100; repeat++)
                {
                    pool.For(20, i => Interlocked.Add(ref totals[caller], i));
                }
            })).ToList();
            callers.ForEach(thread => thread.Start());
            callers.ForEach(thread => thread.Join());
            Assert.All(totals, total => Assert.Equal(100 * 190, total));
        }
    }

    [Fact]
    public void Dispose_twice_isHarmless()
    {
        var pool = new WorkerPool(3);
        pool.Dispose();
        pool.Dispose();
    }

    [Fact]
    public void Constructor_negativeThreads_isRefused() => Assert.Throws<ArgumentOutOfRangeException>(() => new WorkerPool(-1));

    private readonly struct Counting(int[] counts) : ILoopBody
    {
        public void Run(int index) => Interlocked.Increment(ref counts[index]);
    }

    private readonly struct Collecting(int[] counts) : ILoopBody
    {
        public void Run(int index)
        {
            if (index % 16 == 0)
            {
                GC.Collect(0);
            }

            Interlocked.Increment(ref counts[index]);
        }
    }

    private readonly struct Spinning : ILoopBody
    {
        public const double Seconds = 1e-4;

        public void Run(int index)
        {
            var start = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(start).TotalSeconds < Seconds)
            {
                Thread.SpinWait(10);
            }
        }
    }
}
