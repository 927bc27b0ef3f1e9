namespace CoScientist.Training.Tensors;

/// <summary>A run of tokens in a <see cref="TokenBatch"/>.</summary>
/// <param name="Start">Row of its first token.</param>
/// <param name="Length">Number of tokens, at least 1.</param>
/// <param name="Parent">Segment that it continues, or -1.</param>
/// <param name="Position">Position of its first token: the parent's end, or 0.</param>
/// <param name="Tree">Index of the tree it belongs to.</param>
public readonly record struct Segment(int Start, int Length, int Parent, int Position, int Tree)
{
    /// <summary>Row after its last token.</summary>
    public int End => Start + Length;
}

/// <summary>Segments that share a root; consecutive in the batch, and so are their rows.</summary>
/// <param name="FirstSegment">Its root.</param>
/// <param name="EndSegment">Segment after its last.</param>
/// <param name="Start">Row of its first token.</param>
/// <param name="End">Row after its last token.</param>
public readonly record struct SegmentTree(int FirstSegment, int EndSegment, int Start, int End);

/// <summary>
/// Tokens of many sequences laid end to end without padding, as trees of segments. A token attends to its own segment up to
/// itself and to the whole of the segments above: eight plans can share their goal, and ten rubric items their plan, so that
/// what is shared is computed once.
/// </summary>
public sealed class TokenBatch
{
    private readonly List<int> tokens = [];
    private readonly List<int> positions = [];
    private readonly List<Segment> segments = [];
    private readonly List<SegmentTree> trees = [];

    /// <summary>Number of tokens, N.</summary>
    public int Count => tokens.Count;

    /// <summary>Token ids, [N].</summary>
    public IReadOnlyList<int> Tokens => tokens;

    /// <summary>Positions for the rotary embedding, [N].</summary>
    public IReadOnlyList<int> Positions => positions;

    /// <summary>Segments in order; a parent stands before its children.</summary>
    public IReadOnlyList<Segment> Segments => segments;

    /// <summary>Trees in order.</summary>
    public IReadOnlyList<SegmentTree> Trees => trees;

    /// <summary>Adds a sequence, or the continuation of a segment of the tree added last.</summary>
    /// <param name="ids">Its tokens, at least one.</param>
    /// <param name="parent">The segment that it continues, or -1 for a new tree.</param>
    /// <returns>The index of the new segment.</returns>
    /// <exception cref="ArgumentException">No tokens, or a parent outside the tree added last.</exception>
    public int Add(ReadOnlySpan<int> ids, int parent = -1)
    {
        if (ids.IsEmpty)
        {
            throw new ArgumentException("A segment needs at least one token.", nameof(ids));
        }

        var start = tokens.Count;
        var position = 0;
        if (parent < 0)
        {
            trees.Add(new SegmentTree(segments.Count, segments.Count + 1, start, start + ids.Length));
        }
        else
        {
            if (parent >= segments.Count || segments[parent].Tree != trees.Count - 1)
            {
                throw new ArgumentException($"Segment {parent} is not in the tree added last.", nameof(parent));
            }

            position = segments[parent].Position + segments[parent].Length;
            trees[^1] = trees[^1] with { EndSegment = segments.Count + 1, End = start + ids.Length };
        }

        for (var i = 0; i < ids.Length; i++)
        {
            tokens.Add(ids[i]);
            positions.Add(position + i);
        }

        segments.Add(new Segment(start, ids.Length, parent, position, trees.Count - 1));
        return segments.Count - 1;
    }

    /// <summary>Takes everything out, so that the batch can be filled again without allocating.</summary>
    public void Clear()
    {
        tokens.Clear();
        positions.Clear();
        segments.Clear();
        trees.Clear();
    }

    /// <summary>Row ranges that a segment's tokens see in full, root first: those of its ancestors.</summary>
    public void Ancestors(int segment, List<(int Start, int Length)> ranges)
    {
        ranges.Clear();
        for (var s = segments[segment].Parent; s >= 0; s = segments[s].Parent)
        {
            ranges.Insert(0, (segments[s].Start, segments[s].Length));
        }
    }
}
