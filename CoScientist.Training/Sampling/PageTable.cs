namespace CoScientist.Training.Sampling;

/// <summary>The pages that hold one sequence, in order. Only the last may be in part empty.</summary>
internal sealed class PageTable(PagePool pool)
{
    private int count;
    private int promised;

    /// <summary>Pages of positions 0 … T − 1, T … 2T − 1 and so on.</summary>
    public int[] Pages { get; private set; } = [];

    /// <summary>Tokens held.</summary>
    public int Length { get; private set; }

    /// <summary>Makes sure that the sequence can grow.</summary>
    /// <param name="pages">New pages that it may take.</param>
    /// <param name="length">Tokens that it may come to.</param>
    public void Promise(int pages, int length)
    {
        promised += pages;
        pool.Promised += pages;
        Pages = new int[pool.PagesOf(0, length)];
    }

    /// <summary>Starts as a continuation of another sequence, whose pages are shared.</summary>
    public void Continue(PageTable other)
    {
        for (; count < other.count; count++)
        {
            Pages[count] = other.Pages[count];
            pool.Share(Pages[count]);
        }

        Length = other.Length;
    }

    /// <summary>Makes room for more tokens; a page that others read is copied before it is written.</summary>
    public void Extend(int tokens)
    {
        if (Length % pool.PageTokens != 0 && pool.IsShared(Pages[count - 1]))
        {
            var shared = Pages[count - 1];
            Pages[count - 1] = Take();
            pool.Copy(shared, Pages[count - 1]);
            pool.Release(shared);
        }

        Length += tokens;
        while (count < pool.PagesOf(0, Length))
        {
            Pages[count++] = Take();
        }
    }

    /// <summary>Takes back the promise of pages that turned out not to be needed.</summary>
    public void EndPromise()
    {
        pool.Promised -= promised;
        promised = 0;
    }

    /// <summary>Gives up all pages.</summary>
    public void Clear()
    {
        EndPromise();
        while (count > 0)
        {
            pool.Release(Pages[--count]);
        }

        Length = 0;
    }

    private int Take()
    {
        promised--;
        pool.Promised--;
        return pool.Take();
    }
}
