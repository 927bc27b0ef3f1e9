using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels;

/// <summary>
/// One thread's working memory for one tree and key-value head, and the steps of attention on it. What no query sees is not
/// computed beyond the tile that it falls into: its probabilities are zero and would add nothing.
/// </summary>
internal sealed unsafe class AttentionWork
{
    /// <summary>Rows of the products' tiles: the grain in which masked parts are left out.</summary>
    private const int TileRows = 8;

    private readonly ScratchBuffer memory = new();
    private AttentionShape shape;
    private SegmentTree tree;
    private int length;
    private int columnStride;
    private int rowStride;

    /// <summary>Lists for going through the tree.</summary>
    public AncestorRanges Ranges { get; } = new();

    /// <summary>Keys, [D, columns].</summary>
    public float* KeyColumns { get; private set; }

    /// <summary>Values, [D, columns]; backward only.</summary>
    public float* ValueColumns { get; private set; }

    /// <summary>Keys, [rows, D]; backward only.</summary>
    public float* KeyRows { get; private set; }

    /// <summary>Values, [rows, D]; forward only.</summary>
    public float* ValueRows { get; private set; }

    /// <summary>Gradient of the keys, [rows, D]; backward only.</summary>
    public float* KeyGradients { get; private set; }

    /// <summary>Gradient of the values, [rows, D]; backward only.</summary>
    public float* ValueGradients { get; private set; }

    /// <summary>Scores, then probabilities, of a block, [queries, keys].</summary>
    public float* Scores { get; private set; }

    /// <summary>Gradient of the probabilities, then of the scores, [queries, keys]; backward only.</summary>
    public float* ScoreGradients { get; private set; }

    /// <summary>Rows of a block, [queries, D].</summary>
    public float* Rows { get; private set; }

    /// <summary>Plans the memory for a tree; the gradients start at zero.</summary>
    public void Begin(SegmentTree of, AttentionShape with, bool backward)
    {
        (tree, shape) = (of, with);
        length = tree.End - tree.Start;
        columnStride = MatMul.Padded(length) + MatMul.PanelWidth;
        rowStride = MatMul.Padded(shape.HeadDim);
        var columns = (long)shape.HeadDim * columnStride;
        var rows = (long)length * rowStride;
        var scores = (long)QueryBlocks.Size * columnStride;
        // Nine pieces at most, each rounded up to a cache line, and tiles that read past the last.
        var arena = new Arena(memory.Get(((backward ? 2 : 1) * (columns + scores)) + ((backward ? 3 : 1) * rows) + ((long)QueryBlocks.Size * rowStride) + (16 * MatMul.PanelWidth)));
        KeyColumns = arena.Take(columns);
        Scores = arena.Take(scores);
        Rows = arena.Take((long)QueryBlocks.Size * rowStride);
        if (!backward)
        {
            ValueRows = arena.Take(rows);
            return;
        }

        ValueColumns = arena.Take(columns);
        ScoreGradients = arena.Take(scores);
        KeyRows = arena.Take(rows);
        KeyGradients = arena.Take(rows);
        ValueGradients = arena.Take(rows);
        new Span<float>(KeyGradients, length * rowStride).Clear();
        new Span<float>(ValueGradients, length * rowStride).Clear();
    }

    /// <summary>The tree's rows of one head as [D, columns]: element d of every row side by side.</summary>
    public void PackColumns(float* source, int head, float* target)
    {
        var from = source + ((long)tree.Start * shape.KeyWidth) + (head * shape.HeadDim);
        var row = 0;
        for (; row + 4 <= length; row += 4)
        {
            MatMul.Transpose4(from + ((long)row * shape.KeyWidth), shape.KeyWidth, shape.HeadDim, target + row, columnStride);
        }

        for (; row < length; row++)
        {
            for (var d = 0; d < shape.HeadDim; d++)
            {
                target[((long)d * columnStride) + row] = from[((long)row * shape.KeyWidth) + d];
            }
        }
    }

    /// <summary>The tree's rows of one head as [rows, D], padded with zeros.</summary>
    public void PackRows(float* source, int head, float* target) =>
        CopyRows(source + ((long)tree.Start * shape.KeyWidth) + (head * shape.HeadDim), shape.KeyWidth, target, length);

    /// <summary>Scores = softmax of the visible scores, zero elsewhere.</summary>
    public void Probabilities(in QueryBlock block, float* q, int head)
    {
        TimesColumns(block, q, head, KeyColumns, Scores);
        var scale = shape.Scale;
        for (var i = 0; i < block.Count; i++)
        {
            var row = Scores + ((long)i * block.Stride);
            var (first, end) = Visible(block, i);
            new Span<float>(row, first).Clear();
            VectorMath.Softmax(row + first, end - first, scale);
            new Span<float>(row + end, block.Stride - end).Clear();
        }
    }

    /// <summary>target [queries, keys] = x · columns, where visible; anything elsewhere. x has the queries' layout.</summary>
    public void TimesColumns(in QueryBlock block, float* x, int head, float* columns, float* target)
    {
        var left = x + ((long)block.FirstRow * shape.QueryWidth) + (head * shape.HeadDim);
        var at = 0;
        foreach (var (first, count) in block.Ancestors)
        {
            for (var c = 0; c < count; c += MatMul.PanelWidth)
            {
                Columns(block, left, columns + first + c, target + at + c, 0);
            }

            at += count;
        }

        // Ranges are written in order: a tile that runs past one is overwritten by the next or cleared with what is masked.
        for (var c = 0; c < block.OwnKeys; c += MatMul.PanelWidth)
        {
            // The first query that sees any of these keys is the one that stands at the first of them.
            Columns(block, left, columns + block.OwnStart + c, target + at + c, Math.Max(0, c - block.OwnBefore) / TileRows * TileRows);
        }
    }

    /// <summary>target [queries, D] = p · rows over the visible ranges.</summary>
    public void TimesRows(in QueryBlock block, float* p, float* rows, float* target)
    {
        for (var d = 0; d < rowStride; d += MatMul.PanelWidth)
        {
            var at = 0;
            foreach (var (first, count) in block.Ancestors)
            {
                MatMul.Block(p + at, block.Stride, 1, rows + ((long)first * rowStride) + d, rowStride, target + d, rowStride, block.Count, count, at > 0);
                at += count;
            }

            for (var i = 0; i < block.Count; i += TileRows)
            {
                var tile = Math.Min(TileRows, block.Count - i);
                MatMul.Block(p + ((long)i * block.Stride) + at, block.Stride, 1, rows + ((long)block.OwnStart * rowStride) + d, rowStride, target + ((long)i * rowStride) + d, rowStride, tile, block.OwnBefore + i + tile, at > 0);
            }
        }
    }

    /// <summary>target [keys, D] += pᵀ · rows for the visible keys.</summary>
    public void AddTransposed(in QueryBlock block, float* p, float* rows, float* target)
    {
        for (var d = 0; d < rowStride; d += MatMul.PanelWidth)
        {
            var at = 0;
            foreach (var (first, count) in block.Ancestors)
            {
                MatMul.Block(p + at, 1, block.Stride, rows + d, rowStride, target + ((long)first * rowStride) + d, rowStride, count, block.Count, accumulate: true);
                at += count;
            }

            var own = target + ((long)block.OwnStart * rowStride) + d;
            MatMul.Block(p + at, 1, block.Stride, rows + d, rowStride, own, rowStride, block.OwnBefore, block.Count, accumulate: true);
            for (var i = 0; i < block.Count; i += TileRows)
            {
                // These keys belong to the queries from i on: earlier queries do not see them.
                MatMul.Block(p + ((long)i * block.Stride) + at + block.OwnBefore + i, 1, block.Stride, rows + ((long)i * rowStride) + d, rowStride, own + ((long)(block.OwnBefore + i) * rowStride), rowStride, Math.Min(TileRows, block.Count - i), block.Count - i, accumulate: true);
            }
        }
    }

    /// <summary>ScoreGradients = P ⊙ (dP − Σ P ⊙ dP) · scale; P is zero where masked, and so is the result.</summary>
    public void SoftmaxBackward(in QueryBlock block)
    {
        var scale = shape.Scale;
        for (var i = 0; i < block.Count; i++)
        {
            var row = ScoreGradients + ((long)i * block.Stride);
            var (first, end) = Visible(block, i);
            VectorMath.SoftmaxBackward(Scores + ((long)i * block.Stride) + first, row + first, end - first, scale);
            new Span<float>(row, first).Clear();
            new Span<float>(row + end, block.Stride - end).Clear();
        }
    }

    /// <summary>A head's rows of the block from the queries' layout to [queries, D], padded with zeros.</summary>
    public void CopyIn(in QueryBlock block, float* source, int head, float* target) =>
        CopyRows(source + ((long)block.FirstRow * shape.QueryWidth) + (head * shape.HeadDim), shape.QueryWidth, target, block.Count);

    /// <summary>The way back.</summary>
    public void CopyOut(in QueryBlock block, float* source, float* target, int head) =>
        CopyBack(source, target + ((long)block.FirstRow * shape.QueryWidth) + (head * shape.HeadDim), shape.QueryWidth, block.Count);

    /// <summary>The tree's rows of one head from [rows, D] to the keys' layout.</summary>
    public void CopyTree(float* source, float* target, int head) =>
        CopyBack(source, target + ((long)tree.Start * shape.KeyWidth) + (head * shape.HeadDim), shape.KeyWidth, length);

    /// <summary>The keys that a query of the block sees, as a range of the block's keys.</summary>
    private (int First, int End) Visible(in QueryBlock block, int query)
    {
        var end = block.AncestorKeys + block.OwnBefore + query + 1;
        return (shape.FirstVisible(block.Skipped + end) - block.Skipped, end);
    }

    private void Columns(in QueryBlock block, float* left, float* columns, float* target, int firstQuery) =>
        MatMul.Block(left + ((long)firstQuery * shape.QueryWidth), shape.QueryWidth, 1, columns, columnStride, target + ((long)firstQuery * block.Stride), block.Stride, block.Count - firstQuery, shape.HeadDim, accumulate: false);

    private void CopyRows(float* source, long stride, float* target, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var to = new Span<float>(target + ((long)i * rowStride), rowStride);
            new ReadOnlySpan<float>(source + (i * stride), shape.HeadDim).CopyTo(to);
            to[shape.HeadDim..].Clear();
        }
    }

    private void CopyBack(float* source, float* target, long stride, int count)
    {
        for (var i = 0; i < count; i++)
        {
            new ReadOnlySpan<float>(source + ((long)i * rowStride), shape.HeadDim).CopyTo(new Span<float>(target + (i * stride), shape.HeadDim));
        }
    }
}
