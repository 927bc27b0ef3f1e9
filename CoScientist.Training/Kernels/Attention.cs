using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels;

/// <summary>
/// Causal grouped-query attention over trees of segments (see <see cref="TokenBatch"/>): out = softmax(q·kᵀ/√D)·v, where a
/// token sees its ancestors' segments in full and its own up to itself, or the last of these keys that fit the window. One task per tree and key-value head packs keys and
/// values once for all segments and query heads that use them; scores exist for 64 queries at a time.
/// </summary>
public static unsafe class Attention
{
    private const int QueryBlock = 64;

    [ThreadStatic]
    private static Workspace? workspace;

    /// <summary>out [N, H·D] from q [N, H·D], k and v [N, G·D].</summary>
    public static void Forward(WorkerPool pool, TokenBatch batch, AttentionShape shape, float* q, float* k, float* v, float* output) =>
        pool.For(WorkKind.Attention, batch.Trees.Count * shape.KeyValueHeads, new ForwardLoop(batch, shape, q, k, v, output), 4.0 * VisiblePairs(batch) * shape.QueryWidth);

    /// <summary>
    /// dq [N, H·D], dk and dv [N, G·D] from dout [N, H·D]. Probabilities P are recomputed; with dP = dout·vᵀ and
    /// dS = P ⊙ (dP − Σ P ⊙ dP)/√D: dq = dS·k, dk = dSᵀ·q, dv = Pᵀ·dout.
    /// </summary>
    public static void Backward(WorkerPool pool, TokenBatch batch, AttentionShape shape, float* q, float* k, float* v, float* dout, float* dq, float* dk, float* dv) =>
        pool.For(WorkKind.Attention, batch.Trees.Count * shape.KeyValueHeads, new BackwardLoop(batch, shape, q, k, v, dout, dq, dk, dv), 10.0 * VisiblePairs(batch) * shape.QueryWidth);

    /// <summary>Pairs of a token and a token that it sees.</summary>
    private static double VisiblePairs(TokenBatch batch)
    {
        var pairs = 0.0;
        for (var s = 0; s < batch.Segments.Count; s++)
        {
            var segment = batch.Segments[s];
            pairs += ((double)segment.Length * segment.Position) + (segment.Length * (segment.Length + 1.0) / 2);
        }

        return pairs;
    }

    private readonly struct ForwardLoop(TokenBatch batch, AttentionShape shape, float* q, float* k, float* v, float* output) : ILoopBody
    {
        public void Run(int index)
        {
            var work = workspace ??= new Workspace();
            var tree = batch.Trees[index / shape.KeyValueHeads];
            var keyHead = index % shape.KeyValueHeads;
            work.Begin(tree, shape);
            work.PackColumns(k, keyHead, work.KeyColumns);
            work.PackRows(v, keyHead, work.ValueRows);
            foreach (var block in work.Blocks(batch, tree))
            {
                for (var head = keyHead * shape.Group; head < (keyHead + 1) * shape.Group; head++)
                {
                    work.Probabilities(block, q, head);
                    work.TimesRows(block, work.Scores, work.ValueRows, work.Rows);
                    work.CopyOut(block, work.Rows, output, head);
                }
            }
        }
    }

    private readonly struct BackwardLoop(TokenBatch batch, AttentionShape shape, float* q, float* k, float* v, float* dout, float* dq, float* dk, float* dv) : ILoopBody
    {
        public void Run(int index)
        {
            var work = workspace ??= new Workspace();
            var tree = batch.Trees[index / shape.KeyValueHeads];
            var keyHead = index % shape.KeyValueHeads;
            work.Begin(tree, shape);
            work.BeginBackward();
            work.PackColumns(k, keyHead, work.KeyColumns);
            work.PackRows(k, keyHead, work.KeyRows);
            work.PackColumns(v, keyHead, work.ValueColumns);
            foreach (var block in work.Blocks(batch, tree))
            {
                for (var head = keyHead * shape.Group; head < (keyHead + 1) * shape.Group; head++)
                {
                    work.Probabilities(block, q, head);
                    work.TimesColumns(block, dout, head, work.ValueColumns, work.ScoreGradients);
                    work.CopyIn(block, dout, head, work.Rows);
                    work.AddTransposed(block, work.Scores, work.Rows, work.ValueGradients);
                    work.SoftmaxBackward(block);
                    work.CopyIn(block, q, head, work.Rows);
                    work.AddTransposed(block, work.ScoreGradients, work.Rows, work.KeyGradients);
                    work.TimesRows(block, work.ScoreGradients, work.KeyRows, work.Rows);
                    work.CopyOut(block, work.Rows, dq, head);
                }
            }

            work.CopyTree(work.KeyGradients, dk, keyHead);
            work.CopyTree(work.ValueGradients, dv, keyHead);
        }
    }

    /// <summary>Up to 64 queries of one segment with the key ranges they see, in rows of the tree. Of all keys before them, the first are skipped that none of them sees.</summary>
    private readonly record struct QueryRange(int FirstRow, int Count, int OwnStart, int OwnBefore, int AncestorKeys, int Skipped, int Stride, List<(int Start, int Length)> Ancestors)
    {
        /// <summary>Own keys that the last query sees.</summary>
        public int OwnKeys => OwnBefore + Count;
    }

    /// <summary>One thread's working memory for one tree and key-value head.</summary>
    private sealed class Workspace
    {
        private readonly ScratchBuffer memory = new();
        private readonly List<(int Start, int Length)> ancestors = [];
        private readonly List<(int Start, int Length)> visibleAncestors = [];
        private AttentionShape shape;
        private SegmentTree tree;
        private int length;
        private int columnStride;
        private int rowStride;
        private long used;
        private float* start;

        public float* KeyColumns { get; private set; }

        public float* ValueColumns { get; private set; }

        public float* KeyRows { get; private set; }

        public float* ValueRows { get; private set; }

        public float* KeyGradients { get; private set; }

        public float* ValueGradients { get; private set; }

        public float* Scores { get; private set; }

        public float* ScoreGradients { get; private set; }

        public float* Rows { get; private set; }

        public void Begin(SegmentTree of, AttentionShape with)
        {
            (tree, shape) = (of, with);
            length = tree.End - tree.Start;
            columnStride = MatMul.Padded(length) + MatMul.PanelWidth;
            rowStride = MatMul.Padded(shape.HeadDim);
            var columns = (long)shape.HeadDim * columnStride;
            var rows = (long)length * rowStride;
            var scores = (long)QueryBlock * columnStride;
            start = memory.Get((2 * columns) + (4 * rows) + (2 * scores) + ((long)QueryBlock * rowStride) + (16 * MatMul.PanelWidth));
            used = 0;
            KeyColumns = Take(columns);
            ValueColumns = Take(columns);
            KeyRows = Take(rows);
            ValueRows = Take(rows);
            KeyGradients = Take(rows);
            ValueGradients = Take(rows);
            Scores = Take(scores);
            ScoreGradients = Take(scores);
            Rows = Take((long)QueryBlock * rowStride);
        }

        public void BeginBackward()
        {
            new Span<float>(KeyGradients, length * rowStride).Clear();
            new Span<float>(ValueGradients, length * rowStride).Clear();
        }

        /// <summary>The tree's rows of one head as [D, columnStride]: element d of every row side by side.</summary>
        public void PackColumns(float* source, int head, float* target)
        {
            for (var row = 0; row < length; row++)
            {
                var from = source + ((long)(tree.Start + row) * shape.KeyWidth) + (head * shape.HeadDim);
                for (var d = 0; d < shape.HeadDim; d++)
                {
                    target[((long)d * columnStride) + row] = from[d];
                }
            }
        }

        /// <summary>The tree's rows of one head as [rows, rowStride], zero-padded.</summary>
        public void PackRows(float* source, int head, float* target)
        {
            for (var row = 0; row < length; row++)
            {
                var to = new Span<float>(target + ((long)row * rowStride), rowStride);
                new ReadOnlySpan<float>(source + ((long)(tree.Start + row) * shape.KeyWidth) + (head * shape.HeadDim), shape.HeadDim).CopyTo(to);
                to[shape.HeadDim..].Clear();
            }
        }

        public IEnumerable<QueryRange> Blocks(TokenBatch batch, SegmentTree of)
        {
            for (var s = of.FirstSegment; s < of.EndSegment; s++)
            {
                var segment = batch.Segments[s];
                batch.Ancestors(s, ancestors);
                for (var t = 0; t < segment.Length; t += QueryBlock)
                {
                    var count = Math.Min(QueryBlock, segment.Length - t);
                    var skipped = shape.FirstVisible(segment.Position + t + 1);
                    var left = skipped;
                    var above = 0;
                    visibleAncestors.Clear();
                    foreach (var (start, keys) in ancestors)
                    {
                        var hidden = Math.Min(left, keys);
                        left -= hidden;
                        if (hidden < keys)
                        {
                            visibleAncestors.Add((start - of.Start + hidden, keys - hidden));
                            above += keys - hidden;
                        }
                    }

                    yield return new QueryRange(segment.Start + t, count, segment.Start - of.Start + left, t - left, above, skipped, MatMul.Padded(above + t - left + count) + MatMul.PanelWidth, visibleAncestors);
                }
            }
        }

        /// <summary>Scores = softmax of the visible scores, zero elsewhere.</summary>
        public void Probabilities(QueryRange block, float* q, int head)
        {
            TimesColumns(block, q, head, KeyColumns, Scores);
            for (var i = 0; i < block.Count; i++)
            {
                var row = Scores + ((long)i * block.Stride);
                var (first, end) = Visible(block, i);
                new Span<float>(row, first).Clear();
                VectorMath.Softmax(row + first, end - first, shape.Scale);
                new Span<float>(row + end, block.Stride - end).Clear();
            }
        }

        /// <summary>target [queries, keys] = x · columns, for every visible range; x has the queries' layout.</summary>
        public void TimesColumns(QueryRange block, float* x, int head, float* columns, float* target)
        {
            var left = x + ((long)block.FirstRow * shape.QueryWidth) + (head * shape.HeadDim);
            var at = 0;
            foreach (var (first, count) in block.Ancestors)
            {
                Columns(left, columns + first, target + at, block, count);
                at += count;
            }

            // Ranges are written in order: a tile that runs past one is overwritten by the next or cleared with what is masked.
            Columns(left, columns + block.OwnStart, target + at, block, block.OwnKeys);
        }

        /// <summary>target [queries, D] = p · rows over the visible ranges.</summary>
        public void TimesRows(QueryRange block, float* p, float* rows, float* target)
        {
            for (var d = 0; d < rowStride; d += MatMul.PanelWidth)
            {
                var at = 0;
                foreach (var (first, count) in block.Ancestors)
                {
                    MatMul.Block(p + at, block.Stride, 1, rows + ((long)first * rowStride) + d, rowStride, target + d, rowStride, block.Count, count, at > 0);
                    at += count;
                }

                MatMul.Block(p + at, block.Stride, 1, rows + ((long)block.OwnStart * rowStride) + d, rowStride, target + d, rowStride, block.Count, block.OwnKeys, at > 0);
            }
        }

        /// <summary>target [keys, D] += pᵀ · rows for the visible keys.</summary>
        public void AddTransposed(QueryRange block, float* p, float* rows, float* target)
        {
            for (var d = 0; d < rowStride; d += MatMul.PanelWidth)
            {
                var at = 0;
                foreach (var (first, count) in block.Ancestors)
                {
                    MatMul.Block(p + at, 1, block.Stride, rows + d, rowStride, target + ((long)first * rowStride) + d, rowStride, count, block.Count, accumulate: true);
                    at += count;
                }

                MatMul.Block(p + at, 1, block.Stride, rows + d, rowStride, target + ((long)block.OwnStart * rowStride) + d, rowStride, block.OwnKeys, block.Count, accumulate: true);
            }
        }

        /// <summary>ScoreGradients = P ⊙ (dP − Σ P ⊙ dP) · scale; P is zero where masked, and so is the result.</summary>
        public void SoftmaxBackward(QueryRange block)
        {
            for (var i = 0; i < block.Count; i++)
            {
                var p = Scores + ((long)i * block.Stride);
                var dp = ScoreGradients + ((long)i * block.Stride);
                var (first, end) = Visible(block, i);
                var sum = VectorMath.Dot(p + first, dp + first, end - first);
                for (var j = first; j < end; j++)
                {
                    dp[j] = p[j] * (dp[j] - sum) * shape.Scale;
                }

                new Span<float>(dp, first).Clear();
                new Span<float>(dp + end, block.Stride - end).Clear();
            }
        }

        public void CopyIn(QueryRange block, float* source, int head, float* target)
        {
            for (var i = 0; i < block.Count; i++)
            {
                var to = new Span<float>(target + ((long)i * rowStride), rowStride);
                new ReadOnlySpan<float>(source + ((long)(block.FirstRow + i) * shape.QueryWidth) + (head * shape.HeadDim), shape.HeadDim).CopyTo(to);
                to[shape.HeadDim..].Clear();
            }
        }

        public void CopyOut(QueryRange block, float* source, float* target, int head)
        {
            for (var i = 0; i < block.Count; i++)
            {
                new ReadOnlySpan<float>(source + ((long)i * rowStride), shape.HeadDim)
                    .CopyTo(new Span<float>(target + ((long)(block.FirstRow + i) * shape.QueryWidth) + (head * shape.HeadDim), shape.HeadDim));
            }
        }

        public void CopyTree(float* source, float* target, int keyHead)
        {
            for (var row = 0; row < length; row++)
            {
                new ReadOnlySpan<float>(source + ((long)row * rowStride), shape.HeadDim)
                    .CopyTo(new Span<float>(target + ((long)(tree.Start + row) * shape.KeyWidth) + (keyHead * shape.HeadDim), shape.HeadDim));
            }
        }

        /// <summary>The keys that a query of the block sees, as a range of the block's keys.</summary>
        private (int First, int End) Visible(QueryRange block, int query)
        {
            var end = block.AncestorKeys + block.OwnKeys - block.Count + query + 1;
            return (shape.FirstVisible(block.Skipped + end) - block.Skipped, end);
        }

        private void Columns(float* left, float* columns, float* target, QueryRange block, int count)
        {
            for (var c = 0; c < count; c += MatMul.PanelWidth)
            {
                MatMul.Block(left, shape.QueryWidth, 1, columns + c, columnStride, target + c, block.Stride, block.Count, shape.HeadDim, accumulate: false);
            }
        }

        private float* Take(long count)
        {
            var taken = start + used;
            used += (count + 15) / 16 * 16;
            return taken;
        }
    }
}
