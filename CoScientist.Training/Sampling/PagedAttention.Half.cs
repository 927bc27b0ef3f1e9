using System.Runtime.Intrinsics.X86;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;

namespace CoScientist.Training.Sampling;

/// <content>Keys and values in bfloat16: pages hold them as right sides of products, so that a step of sampling reads half the bytes.</content>
internal static unsafe partial class PagedAttention
{
    private static void StoreHalf(PagePool pool, in AttentionShape shape, int layer, int keyHead, in CachedSpan span, float* k, float* v)
    {
        var (width, pageTokens) = (pool.ValueStride, pool.PageTokens);
        var row = stackalloc ushort[width];
        new Span<ushort>(row, width).Clear();
        for (var i = 0; i < span.Count; i++)
        {
            var position = span.Table.Length - span.Count + i;
            var (page, column) = (span.Table.Pages[position / pageTokens], position % pageTokens);
            var keys = (uint*)pool.Keys(page, layer, keyHead);
            var values = (ushort*)pool.Values(page, layer, keyHead);
            if (column == 0)
            {
                // Values that no query sees yet are multiplied by zero: what another sequence left may be no number.
                new Span<ushort>(values, pageTokens * width).Clear();
            }

            var source = ((long)(span.Row + i) * shape.KeyWidth) + (keyHead * shape.HeadDim);
            Bfloat16.Narrow(k + source, row, shape.HeadDim);
            var panel = keys + ((long)(column / Panel) * (width / 2) * Panel) + (column % Panel);
            for (var pair = 0; pair < width / 2; pair++)
            {
                panel[pair * Panel] = ((uint*)row)[pair];
            }

            Bfloat16.Narrow(v + source, row, shape.HeadDim);
            for (var d = 0; d < width; d++)
            {
                values[((long)(d / Panel) * pageTokens * Panel) + ((column / 2) * 2 * Panel) + (d % Panel * 2) + (column % 2)] = row[d];
            }
        }
    }

    /// <content>The two products.</content>
    private readonly partial struct Work
    {
        /// <summary>scores [rows, stride] of the queries, rounded, against the keys from a page on.</summary>
        private void HalfScores(float* q, int queryStride, int rows, int firstPage, int keys, ushort* queries, float* scores, int stride)
        {
            var width = pool.ValueStride;
            for (var i = 0; i < rows; i++)
            {
                Bfloat16.Narrow(q + ((long)i * queryStride), queries + ((long)i * width), shape.HeadDim);
                new Span<ushort>(queries + ((long)i * width) + shape.HeadDim, width - shape.HeadDim).Clear();
            }

            var left = Bf16MatMul.LeftSide.Rows(queries, width);
            for (var c = 0; c < keys; c += Panel)
            {
                Fetch(c + Panel < keys ? HalfKeys(firstPage, c + Panel) : HalfValues(firstPage, 0));
                Bf16MatMul.Panel(Bf16MatMul.Kernel, left, HalfKeys(firstPage, c), scores + c, stride, rows, width, accumulate: false);
            }
        }

        /// <summary>target [rows, D padded] = scores, rounded, · values of the keys from a page on, in groups of 32.</summary>
        private void HalfValues(float* scores, int stride, int rows, int firstPage, int keys, ushort* probabilities, float* target)
        {
            var (size, width, padded) = (pool.PageTokens, pool.ValueStride, MatMul.Padded(keys));
            for (var i = 0; i < rows; i++)
            {
                Bfloat16.Narrow(scores + ((long)i * stride), probabilities + ((long)i * stride), padded);
            }

            for (var key = 0; key < padded; key += Panel)
            {
                if (key + Panel < padded)
                {
                    Fetch(HalfValues(firstPage, key + Panel));
                }

                var left = Bf16MatMul.LeftSide.Rows(probabilities + key, stride);
                for (var d = 0; d < width; d += Panel)
                {
                    Bf16MatMul.Panel(Bf16MatMul.Kernel, left, HalfValues(firstPage, key) + ((long)d * size), target + d, width, rows, Panel, accumulate: key > 0);
                }
            }
        }

        /// <summary>The panel of 32 keys from one on, counted from a page.</summary>
        private ushort* HalfKeys(int firstPage, int key) =>
            (ushort*)pool.Keys(table.Pages[firstPage + (key / pool.PageTokens)], layer, keyHead) + ((long)(key % pool.PageTokens) * pool.ValueStride);

        /// <summary>The first 32 columns of the values of 32 keys; the next columns are a page's tokens times 32 further on.</summary>
        private ushort* HalfValues(int firstPage, int key) =>
            (ushort*)pool.Values(table.Pages[firstPage + (key / pool.PageTokens)], layer, keyHead) + ((long)(key % pool.PageTokens) * Panel);

        /// <summary>Asks for as many numbers as 32 keys have, which will be read soon: pages do not lie in order.</summary>
        private void Fetch(ushort* soon)
        {
            if (Sse.IsSupported)
            {
                for (var line = 0; line < pool.ValueStride; line++)
                {
                    Sse.Prefetch0(soon + (line * Panel));
                }
            }
        }
    }
}
