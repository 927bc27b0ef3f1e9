using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels;

/// <summary>
/// Up to 64 queries of one segment with the key ranges they see, in rows of the tree. Of all keys before them, the first are
/// skipped that none of them sees.
/// </summary>
/// <param name="FirstRow">Row of the batch of the first query.</param>
/// <param name="Count">Queries.</param>
/// <param name="OwnStart">First visible key of their own segment.</param>
/// <param name="OwnBefore">Visible keys of their own segment before the first query.</param>
/// <param name="AncestorKeys">Visible keys of the segments above.</param>
/// <param name="Skipped">Keys of the sequence that none of them sees.</param>
/// <param name="Stride">Floats of a row of scores.</param>
/// <param name="Ancestors">The ranges above, root first; shared by all blocks of a task and changed by the next.</param>
internal readonly record struct QueryBlock(int FirstRow, int Count, int OwnStart, int OwnBefore, int AncestorKeys, int Skipped, int Stride, List<(int Start, int Length)> Ancestors)
{
    /// <summary>Own keys that the last query sees.</summary>
    public int OwnKeys => OwnBefore + Count;
}

/// <summary>Lists that <see cref="QueryBlocks"/> fills; kept, so that going through a tree allocates nothing.</summary>
internal sealed class AncestorRanges
{
    public List<(int Start, int Length)> All { get; } = [];

    public List<(int Start, int Length)> Visible { get; } = [];
}

/// <summary>Goes through the queries of a tree, block by block.</summary>
internal struct QueryBlocks(TokenBatch batch, SegmentTree tree, AttentionShape shape, AncestorRanges ranges)
{
    /// <summary>Most queries of a block.</summary>
    public const int Size = 64;

    private int segment = tree.FirstSegment;
    private int done;

    /// <summary>The next block; false after the last.</summary>
    public bool Next(out QueryBlock block)
    {
        if (segment == tree.EndSegment)
        {
            block = default;
            return false;
        }

        var of = batch.Segments[segment];
        if (done == 0)
        {
            batch.Ancestors(segment, ranges.All);
        }

        var count = Math.Min(Size, of.Length - done);
        var skipped = shape.FirstVisible(of.Position + done + 1);
        var left = skipped;
        var above = 0;
        ranges.Visible.Clear();
        foreach (var (start, keys) in ranges.All)
        {
            var hidden = Math.Min(left, keys);
            left -= hidden;
            if (hidden < keys)
            {
                ranges.Visible.Add((start - tree.Start + hidden, keys - hidden));
                above += keys - hidden;
            }
        }

        var stride = MatMul.Padded(above + done - left + count) + MatMul.PanelWidth;
        block = new QueryBlock(of.Start + done, count, of.Start - tree.Start + left, done - left, above, skipped, stride, ranges.Visible);
        done += count;
        if (done == of.Length)
        {
            (segment, done) = (segment + 1, 0);
        }

        return true;
    }
}
