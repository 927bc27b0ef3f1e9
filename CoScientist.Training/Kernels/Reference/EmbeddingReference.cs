using System.Numerics;

namespace CoScientist.Training.Kernels.Reference;

/// <summary>The token table. Shapes: tokens [rows], table and dtable [vocabulary, width], y and dy [rows, width].</summary>
public static class EmbeddingReference
{
    /// <summary>y[n] = table[tokens[n]].</summary>
    public static void Forward<T>(ReadOnlySpan<int> tokens, ReadOnlySpan<T> table, Span<T> y, int width)
        where T : IFloatingPointIeee754<T>
    {
        for (var n = 0; n < tokens.Length; n++)
        {
            table.Slice(tokens[n] * width, width).CopyTo(y[(n * width)..]);
        }
    }

    /// <summary>dtable[tokens[n]] += dy[n]: a token that occurs twice gathers both.</summary>
    public static void Backward<T>(ReadOnlySpan<int> tokens, ReadOnlySpan<T> dy, Span<T> dtable, int width)
        where T : IFloatingPointIeee754<T>
    {
        for (var n = 0; n < tokens.Length; n++)
        {
            for (var i = 0; i < width; i++)
            {
                dtable[(tokens[n] * width) + i] += dy[(n * width) + i];
            }
        }
    }
}
