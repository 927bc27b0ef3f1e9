using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;

namespace CoScientist.Training.Sampling;

/// <content>Keys and values in bfloat16: pages hold them as right sides of products, so that a step of sampling reads half the bytes.</content>
internal static unsafe partial class PagedAttention
{
    private static void StoreHalf(PagePool pool, in AttentionShape shape, int layer, int keyHead, in CachedSpan span, in Matrix k, in Matrix v)
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

            k.ReadHalves(span.Row + i, keyHead * shape.HeadDim, shape.HeadDim, row);
            var panel = keys + ((long)(column / Panel) * (width / 2) * Panel) + (column % Panel);
            for (var pair = 0; pair < width / 2; pair++)
            {
                panel[pair * Panel] = ((uint*)row)[pair];
            }

            // A value joins that of the token before it, pair by pair; in its place stands zero until it comes.
            v.ReadHalves(span.Row + i, keyHead * shape.HeadDim, shape.HeadDim, row);
            for (var d = 0; d < width; d += 16)
            {
                var pairs = (uint*)values + ((((long)(d / Panel) * pageTokens / 2) + (column / 2)) * Panel) + (d % Panel);
                var (low, high) = Vector256.Widen(Vector256.Load(row + d));
                var value = Vector512.Create(low, high);
                (column % 2 == 0 ? value : (value << 16) | (Vector512.Load(pairs) & Vector512.Create(0xFFFFu))).Store(pairs);
            }
        }
    }

    /// <content>The two products.</content>
    private readonly partial struct Work
    {
        /// <summary>scores [rows, stride] of the queries, rounded, against the keys from a page on.</summary>
        private void HalfScores(in Matrix q, int rows, int firstPage, int keys, ushort* queries, float* scores, int stride)
        {
            var width = pool.ValueStride;
            for (var i = 0; i < rows; i++)
            {
                q.ReadHalves(i, 0, shape.HeadDim, queries + ((long)i * width));
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
