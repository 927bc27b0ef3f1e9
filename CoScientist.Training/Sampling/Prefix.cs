namespace CoScientist.Training.Sampling;

/// <summary>Tokens that are read once for all that continue them: a prompt, or a branch of one.</summary>
internal sealed class Prefix(int[] tokens, Prefix? parent, PagePool pool)
{
    private float[]? lastHidden;

    /// <summary>Its tokens, without those of its parent.</summary>
    public int[] Tokens => tokens;

    /// <summary>What it continues.</summary>
    public Prefix? Parent => parent;

    /// <summary>Position of its first token.</summary>
    public int Start { get; } = parent?.End ?? 0;

    /// <summary>Position after its last token.</summary>
    public int End => Start + tokens.Length;

    /// <summary>Pages of the whole sequence up to its end.</summary>
    public PageTable Table { get; } = new(pool);

    /// <summary>Whether it has been promised its pages and stands in the queue of those to be read.</summary>
    public bool Opened { get; private set; }

    /// <summary>Tokens that are in the cache, or come into it with the step in progress.</summary>
    public int Done { get; private set; }

    /// <summary>Whether all its tokens are in the cache, so that others may continue it.</summary>
    public bool IsRead { get; set; }

    /// <summary>Branches and samples that have yet to continue it.</summary>
    public int Followers { get; set; }

    /// <summary>Samples that draw their first token when it has been read.</summary>
    public List<Continuation> Waiting { get; } = [];

    /// <summary>Pages that opening it will take, those of its parents included.</summary>
    public int PagesToOpen => Opened ? 0 : pool.PagesOf(Start, tokens.Length) + (parent?.PagesToOpen ?? 0);

    /// <summary>Promises it and its parents their pages and puts those to be read at the end of the queue, parents first.</summary>
    public void Open(List<Prefix> reading)
    {
        if (Opened)
        {
            return;
        }

        parent?.Open(reading);
        Table.Promise(pool.PagesOf(Start, tokens.Length), End);
        Opened = true;
        reading.Add(this);
    }

    /// <summary>Makes room for its next tokens, continuing its parent with the first; the parent must have been read.</summary>
    public void Extend(int count)
    {
        if (Done == 0)
        {
            parent?.ContinueInto(Table);
        }

        Table.Extend(count);
        Done += count;
        if (Done == tokens.Length)
        {
            Table.EndPromise();
        }
    }

    /// <summary>
    /// Keeps the hidden state after its last token, [C], for samples that start later when it was just computed, and gives it
    /// back when it was not.
    /// </summary>
    public void KeepHidden(Span<float> hidden, bool computed)
    {
        if (!computed)
        {
            lastHidden.CopyTo(hidden);
        }
        else if (Followers > Waiting.Count)
        {
            lastHidden = hidden.ToArray();
        }
    }

    /// <summary>Lets a branch or sample continue it; after the last its pages are given up.</summary>
    public void ContinueInto(PageTable table)
    {
        table.Continue(Table);
        if (--Followers == 0)
        {
            Table.Clear();
        }
    }
}
