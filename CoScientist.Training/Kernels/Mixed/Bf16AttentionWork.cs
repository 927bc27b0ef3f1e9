using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels.Mixed;

/// <summary>
/// One thread's working memory for one tree and key-value head, and the steps of <see cref="Bf16Attention"/> on it: the keys that a
/// segment's queries see stand packed in the order of their positions, and up to 64 queries of one head are taken at a time.
/// </summary>
internal sealed unsafe partial class Bf16AttentionWork
{
    /// <summary>Most queries of a block: a multiple of what products take of an inner index.</summary>
    public const int Queries = 64;

    private const int Panel = Bf16MatMul.PanelWidth;

    private readonly List<(int Start, int Length)> ranges = [];
    private AttentionShape shape;
    private SegmentTree tree;
    private Segment segment;

    // The segment's keys: position of the first, a multiple of 32, and how many, padded.
    private int firstKey;
    private int keys;

    // The block: row of the batch, number of queries, first key, keys before the first query, and keys in all, padded.
    private int row;
    private int count;
    private int from;
    private int before;
    private int visible;

    /// <summary>Goes to a segment: the keys that its queries see are those of its ancestors and its own.</summary>
    public void Enter(TokenBatch batch, int index)
    {
        segment = batch.Segments[index];
        batch.Ancestors(index, ranges);
        ranges.Add((segment.Start, segment.Length));
        firstKey = shape.FirstVisible(segment.Position + 1) / Panel * Panel;
        keys = MatMul.Padded(segment.Position + segment.Length - firstKey);
        if (KeyGradients is not null)
        {
            new Span<float>(KeyGradients, keys * width).Clear();
            new Span<float>(ValueGradients, keys * width).Clear();
        }
    }

    /// <summary>Goes to the block of queries after the first <paramref name="done"/> of the segment.</summary>
    public void Take(int done)
    {
        row = segment.Start + done;
        count = Math.Min(Queries, segment.Length - done);
        var position = segment.Position + done;
        from = (shape.FirstVisible(position + 1) / Panel * Panel) - firstKey;
        before = position - firstKey - from;
        visible = MatMul.Padded(before + count);
    }

    /// <summary>The segment's keys or values of one head as the right side of x · rowsᵀ.</summary>
    public void PackColumns(in Matrix source, int head, ushort* target)
    {
        Gather(source, head);
        Bf16MatMul.PackColumns(aside, keys, width, target);
    }

    /// <summary>The segment's keys or values of one head as the right side of p · rows.</summary>
    public void PackRows(in Matrix source, int head, ushort* target)
    {
        Gather(source, head);
        Bf16MatMul.PackRows(aside, keys, width, target);
    }

    /// <summary>The block's rows of one query head in bfloat16.</summary>
    public void Narrow(in Matrix source, int head, ushort* target)
    {
        for (var i = 0; i < count; i++)
        {
            NarrowRow(source, row + i, head, target + ((long)i * width));
        }

        new Span<ushort>(target + ((long)count * width), (MatMul.Padded(count) - count) * width).Clear();
    }

    /// <summary>target [queries, keys] = x · columns, where visible; anything elsewhere.</summary>
    public void TimesColumns(ushort* x, ushort* columns, float* target)
    {
        var left = Bf16MatMul.LeftSide.Rows(x, width);
        for (var key = 0; key < visible; key += Panel)
        {
            // The first query that sees any of these keys is the one that stands at the first of them.
            var first = Math.Max(0, key - before);
            Bf16MatMul.Panel(Bf16MatMul.Kernel, left.Below(first), columns + ((long)(from + key) * width), target + ((long)first * stride) + key, stride, count - first, width, accumulate: false);
        }
    }

    /// <summary>Scores become probabilities, also in bfloat16; zero where masked.</summary>
    public void Softmax()
    {
        for (var i = 0; i < count; i++)
        {
            var scores = Scores + ((long)i * stride);
            var (first, end) = Visible(i);
            VectorMath.Softmax(scores + first, end - first, shape.Scale);
            Round(i, scores, first, end);
        }

        new Span<ushort>(Probabilities + ((long)count * stride), (MatMul.Padded(count) - count) * stride).Clear();
    }

    /// <summary>Probabilities become P ⊙ (dP − Σ P ⊙ dP) · scale in bfloat16; zero where masked.</summary>
    public void SoftmaxBackward()
    {
        for (var i = 0; i < count; i++)
        {
            var gradient = ScoreGradients + ((long)i * stride);
            var (first, end) = Visible(i);
            VectorMath.SoftmaxBackward(Scores + ((long)i * stride) + first, gradient + first, end - first, shape.Scale);
            Round(i, gradient, first, end);
        }
    }

    /// <summary>The result [queries, D] = p · rows over the visible keys.</summary>
    public void TimesRows(ushort* p, ushort* rows)
    {
        for (var i = 0; i < count; i += Panel)
        {
            var tile = Math.Min(Panel, count - i);
            var left = Bf16MatMul.LeftSide.Rows(p + ((long)i * stride), stride);
            for (var d = 0; d < width; d += Panel)
            {
                Bf16MatMul.Panel(Bf16MatMul.Kernel, left, rows + ((long)d * keys) + ((long)from * Panel), result + ((long)i * width) + d, width, tile, MatMul.Padded(before + i + tile), accumulate: false);
            }
        }
    }

    /// <summary>target [keys, D] += pᵀ · x for the visible keys.</summary>
    public void AddTransposed(ushort* p, ushort* x, float* target)
    {
        var queries = MatMul.Padded(count);
        var left = Bf16MatMul.Transposed(p, queries, visible, stride, transposed);
        Bf16MatMul.PackRows(x, queries, width, aside);
        for (var first = 0; first < queries; first += Panel)
        {
            // Keys that no query before these sees; to the first queries, all keys before them too.
            var key = first == 0 ? 0 : before + first;
            var end = Math.Min(before + first + Panel, before + count);
            for (var d = 0; d < width; d += Panel)
            {
                Bf16MatMul.Panel(Bf16MatMul.Kernel, left.Below(key).From(first), aside + ((long)d * queries) + ((long)first * Panel), target + ((long)(from + key) * width) + d, width, end - key, queries - first, accumulate: true);
            }
        }
    }

    /// <summary>The result to the queries' layout.</summary>
    public void CopyOut(in Matrix target, int head)
    {
        for (var i = 0; i < count; i++)
        {
            target.Write(row + i, head * shape.HeadDim, shape.HeadDim, result + ((long)i * width));
        }
    }

    /// <summary>Zeros for the tree's rows of one key-value head.</summary>
    public void ClearTree(float* target, int head)
    {
        for (var i = tree.Start; i < tree.End; i++)
        {
            new Span<float>(target + ((long)i * shape.KeyWidth) + (head * shape.HeadDim), shape.HeadDim).Clear();
        }
    }

    /// <summary>Adds a gradient of the segment's keys to the rows that they came from.</summary>
    public void AddTo(float* target, int head, float* gradient)
    {
        var key = -firstKey;
        foreach (var (first, length) in ranges)
        {
            for (var i = Math.Max(0, -key); i < length; i++)
            {
                VectorMath.AddScaled(gradient + ((long)(key + i) * width), 1, target + ((long)(first + i) * shape.KeyWidth) + (head * shape.HeadDim), shape.HeadDim);
            }

            key += length;
        }
    }

    /// <summary>The keys that a query of the block sees, counted from the block's first.</summary>
    private (int First, int End) Visible(int query)
    {
        var skipped = firstKey + from;
        var end = before + query + 1;
        return (shape.FirstVisible(skipped + end) - skipped, end);
    }

    private void Round(int query, float* scores, int first, int end)
    {
        new Span<float>(scores, first).Clear();
        new Span<float>(scores + end, visible - end).Clear();
        Bfloat16.Narrow(scores, Probabilities + ((long)query * stride), visible);
    }

    /// <summary>The segment's keys in bfloat16 by position, [keys, D], with zeros where there are none.</summary>
    private void Gather(in Matrix source, int head)
    {
        var key = -firstKey;
        foreach (var (first, length) in ranges)
        {
            for (var i = Math.Max(0, -key); i < length; i++)
            {
                NarrowRow(source, first + i, head, aside + ((long)(key + i) * width));
            }

            key += length;
        }

        new Span<ushort>(aside + ((long)key * width), (keys - key) * width).Clear();
    }

    /// <summary>A head's numbers, padded with zeros.</summary>
    private void NarrowRow(in Matrix source, int at, int head, ushort* target)
    {
        source.ReadHalves(at, head * shape.HeadDim, shape.HeadDim, target);
        new Span<ushort>(target + shape.HeadDim, width - shape.HeadDim).Clear();
    }
}
