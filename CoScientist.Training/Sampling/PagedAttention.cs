using System.Runtime.Intrinsics;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Sampling;

/// <summary>New tokens of one cached sequence in a batch.</summary>
/// <param name="Table">The sequence, already extended by them.</param>
/// <param name="Count">New tokens.</param>
/// <param name="Row">Row of the first one's key and value.</param>
/// <param name="Queries">How many of them, counted from the last, attend.</param>
/// <param name="QueryRow">Row of the first of these in the queries and the result.</param>
/// <param name="Wanted">Row of the hidden state after the last token among those wanted; −1 when it is not wanted.</param>
internal readonly record struct CachedSpan(PageTable Table, int Count, int Row, int Queries, int QueryRow, int Wanted);

/// <summary>
/// Causal grouped-query attention over a paged cache. The arithmetic is that of <see cref="Attention"/>, step by step: a score
/// is one chain over D, a row of scores is contiguous before its softmax, an output is one chain over the keys in ascending
/// order. So pages, chunks and batch change no bit. Where the cache is in bfloat16, <see cref="Bf16Attention"/> is followed in
/// the same way.
/// </summary>
internal static unsafe partial class PagedAttention
{
    /// <summary>Floats of the scores that exist at once, so that they stay in the second-level cache.</summary>
    private const int ScoreFloats = 1 << 16;

    private const int QueryBlock = 64;

    private const int Panel = MatMul.PanelWidth;

    [ThreadStatic]
    private static ScratchBuffer? scratch;

    /// <summary>Puts the span's keys and values of one head into the cache, then computes its attention: out [N, H·D] from q [N, H·D], k and v [N, G·D].</summary>
    public static void Run(PagePool pool, in AttentionShape shape, int layer, int keyHead, in CachedSpan span, in Matrix q, in Matrix k, in Matrix v, in Matrix output)
    {
        if (pool.IsHalf)
        {
            StoreHalf(pool, shape, layer, keyHead, span, k, v);
        }
        else
        {
            Store(pool, shape, layer, keyHead, span, k.Singles, v.Singles);
        }

        var work = new Work(pool, shape, layer, keyHead, span.Table);
        if (span.Queries == 1)
        {
            // All query heads of the group at once: they see the same keys.
            var column = keyHead * shape.Group * shape.HeadDim;
            work.Attend(q.At(span.QueryRow, column, shape.HeadDim, shape.HeadDim), output.At(span.QueryRow, column, shape.HeadDim, shape.HeadDim), shape.Group, span.Table.Length, visibleStep: 0);
            output.EndRow(span.QueryRow, column + (shape.Group * shape.HeadDim));
            return;
        }

        var block = Math.Clamp(ScoreFloats / span.Table.Length / 8 * 8, 8, QueryBlock);
        for (var head = keyHead * shape.Group; head < (keyHead + 1) * shape.Group; head++)
        {
            for (var first = 0; first < span.Queries; first += block)
            {
                var (row, column, count) = (span.QueryRow + first, head * shape.HeadDim, Math.Min(block, span.Queries - first));
                work.Attend(q.At(row, column, shape.HeadDim, q.Stride), output.At(row, column, shape.HeadDim, output.Stride), count, span.Table.Length - span.Queries + first + 1, visibleStep: 1);
                for (var i = 0; i < count; i++)
                {
                    output.EndRow(row + i, column + shape.HeadDim);
                }
            }
        }
    }

    private static void Store(PagePool pool, in AttentionShape shape, int layer, int keyHead, in CachedSpan span, float* k, float* v)
    {
        var (size, width, pageTokens) = (shape.HeadDim, shape.KeyWidth, pool.PageTokens);
        for (var done = 0; done < span.Count;)
        {
            var position = span.Table.Length - span.Count + done;
            var (page, column) = (span.Table.Pages[position / pageTokens], position % pageTokens);
            var count = Math.Min(span.Count - done, pageTokens - column);
            var source = ((long)(span.Row + done) * width) + (keyHead * size);
            var keys = pool.Keys(page, layer, keyHead) + column;
            for (var d = 0; d < size; d++)
            {
                for (var i = 0; i < count; i++)
                {
                    keys[((long)d * pageTokens) + i] = k[source + ((long)i * width) + d];
                }
            }

            var values = pool.Values(page, layer, keyHead) + ((long)column * pool.ValueStride);
            for (var i = 0; i < count; i++)
            {
                new ReadOnlySpan<float>(v + source + ((long)i * width), size).CopyTo(new Span<float>(values + ((long)i * pool.ValueStride), size));
            }

            done += count;
        }
    }

    /// <summary>One key-value head of one sequence.</summary>
    private readonly partial struct Work(PagePool pool, AttentionShape shape, int layer, int keyHead, PageTable table)
    {
        /// <summary>
        /// Attention of a few query rows; row i stands after the first
        /// <paramref name="visible"/> + i · <paramref name="visibleStep"/> keys and sees those in its window.
        /// </summary>
        public void Attend(in Matrix q, in Matrix output, int rows, int visible, int visibleStep)
        {
            // Keys are counted from the first page that any of the rows sees.
            var firstPage = shape.FirstVisible(visible) / pool.PageTokens;
            var skipped = firstPage * pool.PageTokens;
            var keys = visible + ((rows - 1) * visibleStep) - skipped;
            var stride = MatMul.Padded(keys) + MatMul.PanelWidth;
            // Scores, results, and in bfloat16 queries and probabilities.
            var scores = (scratch ??= new ScratchBuffer()).Get((long)rows * (stride + pool.ValueStride) * (pool.IsHalf ? 2 : 1));
            var attended = scores + ((long)rows * stride);
            var halves = (ushort*)(attended + ((long)rows * pool.ValueStride));
            if (pool.IsHalf)
            {
                HalfScores(q, rows, firstPage, keys, halves, scores, stride);
            }
            else
            {
                Scores(q.Singles, (int)q.Stride, rows, firstPage, keys, scores, stride);
            }

            for (var i = 0; i < rows; i++)
            {
                var row = scores + ((long)i * stride);
                var end = visible + (i * visibleStep);
                var first = shape.FirstVisible(end) - skipped;
                end -= skipped;
                new Span<float>(row, first).Clear();
                VectorMath.Softmax(row + first, end - first, shape.Scale);
                new Span<float>(row + end, stride - end).Clear();
            }

            if (pool.IsHalf)
            {
                HalfValues(scores, stride, rows, firstPage, keys, halves, attended);
            }
            else
            {
                Values(scores, stride, rows, firstPage, keys, attended);
            }

            for (var i = 0; i < rows; i++)
            {
                var result = attended + ((long)i * pool.ValueStride);
                if (output.IsHalf)
                {
                    Bfloat16.Narrow(result, output.Halves + (i * output.Stride), shape.HeadDim);
                }
                else
                {
                    output.Write(i, 0, shape.HeadDim, result);
                }
            }
        }

        /// <summary>scores [rows, stride] of the queries against the keys from a page on.</summary>
        private void Scores(float* q, int queryStride, int rows, int firstPage, int keys, float* scores, int stride)
        {
            var paired = Paired(rows);
            for (var c = 0; paired > 0 && c < keys; c += 2 * Panel)
            {
                // An odd panel at the end is computed twice rather than apart: it has been read.
                var left = Keys(firstPage, c);
                var right = c + Panel < keys ? Keys(firstPage, c + Panel) : left;
                var next = c + (2 * Panel);
                var nextLeft = next < keys ? Keys(firstPage, next) : Values(firstPage, 0);
                var nextRight = next + Panel < keys ? Keys(firstPage, next + Panel) : Values(firstPage, Math.Min(Panel, keys - 1));
                for (var i = 0; i < paired; i += 2)
                {
                    var target = scores + ((long)i * stride) + c;
                    Scores2x64(q + ((long)i * queryStride), q + ((long)(i + 1) * queryStride), left, right, nextLeft, nextRight, pool.PageTokens, shape.HeadDim, target, target + stride);
                }
            }

            for (var c = 0; paired < rows && c < keys; c += Panel)
            {
                MatMul.Block(q + ((long)paired * queryStride), queryStride, 1, Keys(firstPage, c), pool.PageTokens, scores + ((long)paired * stride) + c, stride, rows - paired, shape.HeadDim, accumulate: false);
            }
        }

        /// <summary>target [rows, D padded] = scores · values of the keys from a page on, in ascending order.</summary>
        private void Values(float* scores, int stride, int rows, int firstPage, int keys, float* target)
        {
            var (size, width, paired) = (pool.PageTokens, pool.ValueStride, Paired(rows));
            new Span<float>(target, rows * width).Clear();
            for (var key = 0; key < keys; key += size)
            {
                var values = Values(firstPage, key);
                var next = key + size < keys ? Values(firstPage, key + size) : values;
                var count = Math.Min(size, keys - key);
                var d = 0;
                for (; paired > 0 && d + 64 <= width; d += 64)
                {
                    for (var i = 0; i < paired; i += 2)
                    {
                        var p = scores + ((long)i * stride) + key;
                        var result = target + ((long)i * width) + d;
                        Values2x64(p, p + stride, values + d, next + d, width, count, result, result + width);
                    }
                }

                for (var column = 0; column < width; column += MatMul.PanelWidth)
                {
                    // What the pairs have left: odd rows, and columns that do not fill 64.
                    var from = column < d ? paired : 0;
                    MatMul.Block(scores + ((long)from * stride) + key, stride, 1, values + column, width, target + ((long)from * width) + column, width, rows - from, count, accumulate: true);
                }
            }
        }

        /// <summary>Rows that are taken in pairs, the usual size of a group; many rows fill the tiles of a product as they are.</summary>
        private static int Paired(int rows) => Vector512.IsHardwareAccelerated && rows < 8 ? rows / 2 * 2 : 0;

        /// <summary>The column of a key, counted from a page; the 32 of its panel stand side by side.</summary>
        private float* Keys(int firstPage, int key) => pool.Keys(table.Pages[firstPage + (key / pool.PageTokens)], layer, keyHead) + (key % pool.PageTokens);

        /// <summary>The value of a key, counted from a page.</summary>
        private float* Values(int firstPage, int key) => pool.Values(table.Pages[firstPage + (key / pool.PageTokens)], layer, keyHead) + ((long)(key % pool.PageTokens) * pool.ValueStride);
    }
}
