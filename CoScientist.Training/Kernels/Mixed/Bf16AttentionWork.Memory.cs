using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels.Mixed;

/// <content>What the steps work on. Planned twice, first to count, as an <see cref="Arena"/> is meant to be.</content>
internal sealed unsafe partial class Bf16AttentionWork
{
    private readonly ScratchBuffer memory = new();

    // Numbers of a head, and of a row of scores, padded.
    private int width;
    private int stride;

    // Rows on their way into packed form, transposed scores, and a result.
    private ushort* aside;
    private uint* transposed;
    private float* result;

    /// <summary>Keys, packed as the right side of queries · keysᵀ.</summary>
    public ushort* KeyColumns { get; private set; }

    /// <summary>Values, packed likewise; backward only.</summary>
    public ushort* ValueColumns { get; private set; }

    /// <summary>Keys, packed as the right side of scores · keys; backward only.</summary>
    public ushort* KeyRows { get; private set; }

    /// <summary>Values, packed likewise; forward only.</summary>
    public ushort* ValueRows { get; private set; }

    /// <summary>Gradient of the segment's keys, [keys, D]; backward only.</summary>
    public float* KeyGradients { get; private set; }

    /// <summary>Gradient of the segment's values, [keys, D]; backward only.</summary>
    public float* ValueGradients { get; private set; }

    /// <summary>Scores, then probabilities, [queries, keys].</summary>
    public float* Scores { get; private set; }

    /// <summary>Gradient of the probabilities, [queries, keys]; backward only.</summary>
    public float* ScoreGradients { get; private set; }

    /// <summary>Probabilities, later the gradient of the scores, in bfloat16, [queries, keys]; rows up to the next multiple of 32 are zero.</summary>
    public ushort* Probabilities { get; private set; }

    /// <summary>Queries in bfloat16, [queries, D]; rows up to the next multiple of 32 are zero.</summary>
    public ushort* Left { get; private set; }

    /// <summary>Gradient of the result, likewise; backward only.</summary>
    public ushort* Upstream { get; private set; }

    /// <summary>Plans the memory for a tree.</summary>
    public void Begin(TokenBatch batch, SegmentTree of, AttentionShape with, bool backward)
    {
        (tree, shape) = (of, with);
        var longest = 0;
        for (var s = tree.FirstSegment; s < tree.EndSegment; s++)
        {
            longest = Math.Max(longest, batch.Segments[s].Position + batch.Segments[s].Length);
        }

        longest = MatMul.Padded(longest);
        width = MatMul.Padded(shape.HeadDim);
        // One panel more, because rows at a distance of a power of two share few places of the cache.
        stride = longest + Panel;
        var measured = default(Arena);
        Plan(longest, backward, ref measured);
        var arena = new Arena(memory.Get(measured.Used));
        Plan(longest, backward, ref arena);
    }

    private void Plan(int longest, bool backward, ref Arena arena)
    {
        var (packed, scores, rows) = ((long)longest * width / 2, (long)Queries * stride, (long)Queries * width);
        aside = (ushort*)arena.Take(Math.Max(packed, rows / 2));
        KeyColumns = (ushort*)arena.Take(packed);
        Scores = arena.Take(scores);
        Probabilities = (ushort*)arena.Take(scores / 2);
        Left = (ushort*)arena.Take(rows / 2);
        result = arena.Take(rows);
        if (!backward)
        {
            ValueRows = (ushort*)arena.Take(packed);
            KeyGradients = ValueGradients = null;
            return;
        }

        KeyRows = (ushort*)arena.Take(packed);
        ValueColumns = (ushort*)arena.Take(packed);
        KeyGradients = arena.Take((long)longest * width);
        ValueGradients = arena.Take((long)longest * width);
        ScoreGradients = arena.Take(scores);
        Upstream = (ushort*)arena.Take(rows / 2);
        // Room for both layouts that a transposed left side can have.
        transposed = (uint*)arena.Take(scores);
    }
}
