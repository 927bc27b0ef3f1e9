using CoScientist.Training.Kernels;
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
/// order. So pages, chunks and batch change no bit.
/// </summary>
internal static unsafe class PagedAttention
{
    /// <summary>Floats of the scores that exist at once, so that they stay in the second-level cache.</summary>
    private const int ScoreFloats = 1 << 16;

    private const int QueryBlock = 64;

    [ThreadStatic]
    private static ScratchBuffer? scratch;

    /// <summary>Puts the span's keys and values of one head into the cache, then computes its attention: out [N, H·D] from q [N, H·D], k and v [N, G·D].</summary>
    public static void Run(PagePool pool, in AttentionShape shape, int layer, int keyHead, in CachedSpan span, float* q, float* k, float* v, float* output)
    {
        Store(pool, shape, layer, keyHead, span, k, v);
        var work = new Work(pool, shape, layer, keyHead, span.Table);
        if (span.Queries == 1)
        {
            // All query heads of the group at once: they see the same keys.
            var at = ((long)span.QueryRow * shape.QueryWidth) + (keyHead * shape.Group * shape.HeadDim);
            work.Attend(q + at, shape.HeadDim, output + at, shape.Group, span.Table.Length, visibleStep: 0);
            return;
        }

        var block = Math.Clamp(ScoreFloats / span.Table.Length / 8 * 8, 8, QueryBlock);
        for (var head = keyHead * shape.Group; head < (keyHead + 1) * shape.Group; head++)
        {
            for (var first = 0; first < span.Queries; first += block)
            {
                var at = ((long)(span.QueryRow + first) * shape.QueryWidth) + (head * shape.HeadDim);
                work.Attend(q + at, shape.QueryWidth, output + at, Math.Min(block, span.Queries - first), span.Table.Length - span.Queries + first + 1, visibleStep: 1);
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
    private readonly struct Work(PagePool pool, AttentionShape shape, int layer, int keyHead, PageTable table)
    {
        /// <summary>
        /// Attention of a few query rows (stride <paramref name="queryStride"/>, results alike); row i stands after the first
        /// <paramref name="visible"/> + i · <paramref name="visibleStep"/> keys and sees those in its window.
        /// </summary>
        public void Attend(float* q, int queryStride, float* output, int rows, int visible, int visibleStep)
        {
            var size = pool.PageTokens;
            var firstPage = shape.FirstVisible(visible) / size;
            // Keys are counted from the first page that any of the rows sees.
            var skipped = firstPage * size;
            var keys = visible + ((rows - 1) * visibleStep) - skipped;
            var pages = pool.PagesOf(0, keys);
            var stride = pages * size;
            var scores = (scratch ??= new ScratchBuffer()).Get(((long)rows * stride) + ((long)rows * pool.ValueStride));
            var attended = scores + ((long)rows * stride);
            for (var p = 0; p < pages; p++)
            {
                var columns = pool.Keys(table.Pages[firstPage + p], layer, keyHead);
                for (var c = 0; c < size; c += MatMul.PanelWidth)
                {
                    MatMul.Block(q, queryStride, 1, columns + c, size, scores + (p * size) + c, stride, rows, shape.HeadDim, accumulate: false);
                }
            }

            for (var i = 0; i < rows; i++)
            {
                var row = scores + ((long)i * stride);
                var end = visible + (i * visibleStep);
                var first = shape.FirstVisible(end) - skipped;
                end -= skipped;
                new Span<float>(row, first).Clear();
                VectorMath.Softmax(row + first, end - first, shape.Scale);
                new Span<float>(row + end, keys - end).Clear();
            }

            for (var p = 0; p < pages; p++)
            {
                var values = pool.Values(table.Pages[firstPage + p], layer, keyHead);
                for (var d = 0; d < pool.ValueStride; d += MatMul.PanelWidth)
                {
                    MatMul.Block(scores + (p * size), stride, 1, values + d, pool.ValueStride, attended + d, pool.ValueStride, rows, Math.Min(size, keys - (p * size)), accumulate: p > 0);
                }
            }

            for (var i = 0; i < rows; i++)
            {
                new ReadOnlySpan<float>(attended + ((long)i * pool.ValueStride), shape.HeadDim).CopyTo(new Span<float>(output + ((long)i * queryStride), shape.HeadDim));
            }
        }
    }
}
