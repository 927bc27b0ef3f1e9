namespace CoScientist.Training.Kernels.Reference;

/// <summary>
/// Who sees whom in a ragged batch. The rows of the batch are its segments' tokens one after the other; a token sees all
/// tokens of its segment's ancestors and, causally, its own segment. Plans that share a goal, or rubric items that share a
/// plan, are branches of one prefix, which is therefore computed once.
/// </summary>
public sealed class SegmentVisibility
{
    private readonly int[][] visible;
    private readonly int[] positions;
    private readonly IReadOnlyList<(int Length, int Parent)> segments;

    /// <summary>Lays the segments out in the given order.</summary>
    /// <param name="segments">Length of each segment and the index of its prefix, which stands before it, or −1 for none.</param>
    /// <param name="window">Most rows that a row sees, itself included: the nearest. Default 0: all.</param>
    /// <exception cref="ArgumentException">A segment is empty, or its parent does not stand before it.</exception>
    public SegmentVisibility(IReadOnlyList<(int Length, int Parent)> segments, int window = 0)
    {
        this.segments = segments;
        var rowsSeen = new List<int>[segments.Count];
        var all = new List<int[]>();
        for (var s = 0; s < segments.Count; s++)
        {
            var (length, parent) = segments[s];
            if (length < 1)
            {
                throw new ArgumentException($"Segment {s} is empty; leave it out.", nameof(segments));
            }

            if (parent < -1 || parent >= s)
            {
                throw new ArgumentException($"Segment {s} has parent {parent}, which does not stand before it; give −1 for none.", nameof(segments));
            }

            var seen = rowsSeen[s] = parent < 0 ? [] : [.. rowsSeen[parent]];
            for (var i = 0; i < length; i++)
            {
                seen.Add(all.Count);
                all.Add([.. seen]);
            }
        }

        visible = [.. all.Select(rows => window > 0 && rows.Length > window ? rows[^window..] : rows)];
        positions = [.. all.Select(rows => rows.Length - 1)];
    }

    /// <summary>Number of rows (tokens) of the batch.</summary>
    public int Rows => visible.Length;

    /// <summary>Position of each row: the number of tokens before it in its own sequence, prefix included.</summary>
    public ReadOnlySpan<int> Positions => positions;

    /// <summary>The same batch through a sliding window.</summary>
    public SegmentVisibility Within(int window) => new(segments, window);

    /// <summary>The rows that a row attends to, itself last, in the order of their positions.</summary>
    public ReadOnlySpan<int> VisibleFrom(int row) => visible[row];
}
