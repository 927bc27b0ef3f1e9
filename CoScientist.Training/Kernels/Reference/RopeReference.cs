using System.Numerics;

namespace CoScientist.Training.Kernels.Reference;

/// <summary>
/// Rotary position embedding (Su et al. 2021, arXiv 2104.09864) in the 'rotate half' pairing of Hugging Face: within a
/// head, element i and element i + headDim/2 are one plane, turned by position · θ^(−2i/headDim).
/// </summary>
public static class RopeReference
{
    /// <summary>Turns every head of every row by its position, in place. Shapes: x [rows, heads × headDim], positions [rows]; headDim is even.</summary>
    public static void Forward<T>(Span<T> x, ReadOnlySpan<int> positions, int heads, int headDim, T theta)
        where T : IFloatingPointIeee754<T> => Rotate(x, positions, heads, Frequencies(headDim, theta), T.One, T.One);

    /// <summary>A rotation's transpose is the rotation back: turns the gradient of the output, in place, into that of the input. Shapes as forward.</summary>
    public static void Backward<T>(Span<T> dx, ReadOnlySpan<int> positions, int heads, int headDim, T theta)
        where T : IFloatingPointIeee754<T> => Rotate(dx, positions, heads, Frequencies(headDim, theta), T.One, -T.One);

    /// <summary>The same by given frequencies [headDim/2], the result multiplied by a magnitude; the gradient with <paramref name="direction"/> −1.</summary>
    public static void Rotate<T>(Span<T> x, ReadOnlySpan<int> positions, int heads, ReadOnlySpan<T> frequencies, T magnitude, T direction)
        where T : IFloatingPointIeee754<T>
    {
        var half = frequencies.Length;
        for (var n = 0; n < positions.Length; n++)
        {
            for (var i = 0; i < half; i++)
            {
                var (sin, cos) = T.SinCos(T.CreateChecked(positions[n]) * frequencies[i]);
                (sin, cos) = (sin * direction * magnitude, cos * magnitude);
                for (var h = 0; h < heads; h++)
                {
                    ref var first = ref x[(((n * heads) + h) * 2 * half) + i];
                    ref var second = ref x[(((n * heads) + h) * 2 * half) + half + i];
                    (first, second) = ((first * cos) - (second * sin), (second * cos) + (first * sin));
                }
            }
        }
    }

    private static T[] Frequencies<T>(int headDim, T theta)
        where T : IFloatingPointIeee754<T>
    {
        if (headDim % 2 != 0)
        {
            throw new ArgumentException($"A head of {headDim} elements has no halves to pair; the head dimension must be even.", nameof(headDim));
        }

        return [.. Enumerable.Range(0, headDim / 2).Select(i => T.Pow(theta, T.CreateChecked(-2 * i) / T.CreateChecked(headDim)))];
    }
}
