using System.Numerics;

namespace CoScientist.Training.Kernels.Reference;

/// <summary>
/// Scaled dot-product attention (Vaswani et al. 2017, arXiv 1706.03762) with grouped queries (Ainslie et al. 2023,
/// arXiv 2305.13245) over the rows that a <see cref="SegmentVisibility"/> lets each row see: query head h reads key-value head
/// h / (heads / kvHeads).
/// Shapes: q, out and their gradients [rows, heads × headDim]; k, v and theirs [rows, kvHeads × headDim].
/// </summary>
public static class AttentionReference
{
    /// <summary>out[n] = Σₘ pₘ v[m] with p = softmax over visible m of q[n]·k[m]/√headDim, for each head.</summary>
    public static void Forward<T>(ReadOnlySpan<T> q, ReadOnlySpan<T> k, ReadOnlySpan<T> v, Span<T> output, SegmentVisibility visibility, int heads, int kvHeads, int headDim)
        where T : IFloatingPointIeee754<T>
    {
        for (var n = 0; n < visibility.Rows; n++)
        {
            var visible = visibility.VisibleFrom(n);
            for (var h = 0; h < heads; h++)
            {
                var group = h / (heads / kvHeads);
                var p = Probabilities(Head(q, n, h, heads, headDim), k, visible, group, kvHeads);
                var result = output.Slice(((n * heads) + h) * headDim, headDim);
                result.Clear();
                for (var m = 0; m < visible.Length; m++)
                {
                    var value = Head(v, visible[m], group, kvHeads, headDim);
                    for (var i = 0; i < headDim; i++)
                    {
                        result[i] += p[m] * value[i];
                    }
                }
            }
        }
    }

    /// <summary>
    /// With dpₘ = dout[n]·v[m] and dsₘ = pₘ (dpₘ − Σⱼ pⱼ dpⱼ)/√headDim:
    /// dq[n] += Σₘ dsₘ k[m], dk[m] += dsₘ q[n], dv[m] += pₘ dout[n].
    /// </summary>
    public static void Backward<T>(
        ReadOnlySpan<T> q, ReadOnlySpan<T> k, ReadOnlySpan<T> v, ReadOnlySpan<T> doutput, Span<T> dq, Span<T> dk, Span<T> dv, SegmentVisibility visibility, int heads, int kvHeads, int headDim)
        where T : IFloatingPointIeee754<T>
    {
        var scale = T.One / T.Sqrt(T.CreateChecked(headDim));
        for (var n = 0; n < visibility.Rows; n++)
        {
            var visible = visibility.VisibleFrom(n);
            for (var h = 0; h < heads; h++)
            {
                var group = h / (heads / kvHeads);
                var query = Head(q, n, h, heads, headDim);
                var upstream = Head(doutput, n, h, heads, headDim);
                var p = Probabilities(query, k, visible, group, kvHeads);
                var dp = new T[visible.Length];
                var mean = T.Zero;
                for (var m = 0; m < visible.Length; m++)
                {
                    dp[m] = Dot(upstream, Head(v, visible[m], group, kvHeads, headDim));
                    mean += p[m] * dp[m];
                }

                for (var m = 0; m < visible.Length; m++)
                {
                    var ds = p[m] * (dp[m] - mean) * scale;
                    var kv = ((visible[m] * kvHeads) + group) * headDim;
                    for (var i = 0; i < headDim; i++)
                    {
                        dq[(((n * heads) + h) * headDim) + i] += ds * k[kv + i];
                        dk[kv + i] += ds * query[i];
                        dv[kv + i] += p[m] * upstream[i];
                    }
                }
            }
        }
    }

    private static T[] Probabilities<T>(ReadOnlySpan<T> query, ReadOnlySpan<T> k, ReadOnlySpan<int> visible, int group, int kvHeads)
        where T : IFloatingPointIeee754<T>
    {
        var scale = T.One / T.Sqrt(T.CreateChecked(query.Length));
        var p = new T[visible.Length];
        for (var m = 0; m < p.Length; m++)
        {
            p[m] = Dot(query, Head(k, visible[m], group, kvHeads, query.Length)) * scale;
        }

        SoftmaxReference.Forward<T>(p, p, 1, p.Length);
        return p;
    }

    private static ReadOnlySpan<T> Head<T>(ReadOnlySpan<T> rows, int row, int head, int heads, int headDim) =>
        rows.Slice(((row * heads) + head) * headDim, headDim);

    private static T Dot<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b)
        where T : IFloatingPointIeee754<T>
    {
        var sum = T.Zero;
        for (var i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }
}
