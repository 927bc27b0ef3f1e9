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
    public void For_failingIteration_throwsAndThePoolStaysUsable()
    {
        foreach (var pool in pools.All)
        {
            var thrown = Assert.ThrowsAny<InvalidOperationException>(() => pool.For(8, i => _ = i == 5 ? throw new InvalidOperationException("iteration five") : i));
            Assert.Contains("iteration five", thrown.Message, StringComparison.Ordinal);

            var sum = 0;
            pool.For(10, i => Interlocked.Add(ref sum, i));
            Assert.Equal(45, sum);
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
}
