using CoScientist.Core;
using CoScientist.Training.Kernels;
using CoScientist.Training.Sampling;

namespace CoScientist.Tests.Training.Sampling;

/// <summary>Pages: sharing, copying on writing, and that none is lost.</summary>
public sealed unsafe class PagePoolTests
{
    private static PagePool Pool(int pages, int pageTokens = 32) =>
        new(new AttentionShape(2, 1, 4), 1, new SamplerLimits { PageTokens = pageTokens, CacheBytes = (long)pages * pageTokens * (4 + 32) * sizeof(float) });

    [Fact]
    public void PagesOf_runs_countsThePagesTouched()
    {
        using var pool = Pool(4);
        Assert.Equal(4, pool.Capacity);
        Assert.Equal((0, 1, 1, 2, 2, 3), (pool.PagesOf(40, 0), pool.PagesOf(31, 1), pool.PagesOf(32, 32), pool.PagesOf(31, 2), pool.PagesOf(0, 33), pool.PagesOf(31, 34)));
    }

    [Fact]
    public void Extend_pageReadByOthers_isCopiedBeforeItIsWritten()
    {
        using var pool = Pool(8);
        PageTable[] tables = [new(pool), new(pool), new(pool)];
        foreach (var table in tables)
        {
            table.Promise(2, 64);
        }

        tables[0].Extend(40);
        pool.Keys(tables[0].Pages[1], 0, 0)[3] = 5;
        tables[1].Continue(tables[0]);
        Assert.Equal(tables[0].Pages, tables[1].Pages);
        Assert.Equal(2, pool.Used);

        tables[1].Extend(1);
        Assert.Equal(tables[0].Pages[0], tables[1].Pages[0]);
        Assert.NotEqual(tables[0].Pages[1], tables[1].Pages[1]);
        Assert.Equal(5, pool.Keys(tables[1].Pages[1], 0, 0)[3]);
        Assert.Equal(41, tables[1].Length);

        // The last reader writes where the page is.
        tables[2].Continue(tables[0]);
        var shared = tables[0].Pages[1];
        tables[0].Clear();
        tables[2].Extend(1);
        Assert.Equal(shared, tables[2].Pages[1]);

        tables[1].Clear();
        tables[2].Clear();
        Assert.Equal((0, 0, 8), (pool.Used, pool.Promised, pool.Available));
    }

    [Fact]
    public void Tables_comingAndGoingAtRandom_neverShareWhatTheyWriteAndLoseNothing()
    {
        using var pool = Pool(40);
        var random = new SeededRandom(9);
        var live = new List<(PageTable Table, float Mark)>();
        for (var round = 0; round < 400; round++)
        {
            if (pool.Available >= 4 && random.Next(3) > 0)
            {
                var table = new PageTable(pool);
                table.Promise(4, 128);
                table.Extend(1 + random.Next(128));
                Fill(table, round);
                live.Add((table, round));
            }
            else if (live.Count > 0)
            {
                var index = random.Next(live.Count);
                live[index].Table.Clear();
                live.RemoveAt(index);
            }

            Assert.All(live, entry => Assert.Equal(entry.Mark, pool.Keys(entry.Table.Pages[pool.PagesOf(0, entry.Table.Length) - 1], 0, 0)[0]));
            Assert.True(pool.Used + pool.Promised <= pool.Capacity);
        }

        void Fill(PageTable table, float mark)
        {
            for (var page = 0; page < pool.PagesOf(0, table.Length); page++)
            {
                *pool.Keys(table.Pages[page], 0, 0) = mark;
            }
        }
    }
}
