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
        where T : IFloatingPointIeee754<T> => Rotate(x, positions, heads, headDim, theta, T.One);

    /// <summary>A rotation's transpose is the rotation back: turns the gradient of the output, in place, into that of the input. Shapes as forward.</summary>
    public static void Backward<T>(Span<T> dx, ReadOnlySpan<int> positions, int heads, int headDim, T theta)
        where T : IFloatingPointIeee754<T> => Rotate(dx, positions, heads, headDim, theta, -T.One);

    private static void Rotate<T>(Span<T> x, ReadOnlySpan<int> positions, int heads, int headDim, T theta, T direction)
        where T : IFloatingPointIeee754<T>
    {
        if (headDim % 2 != 0)
        {
            throw new ArgumentException($"A head of {headDim} elements has no halves to pair; the head dimension must be even.", nameof(headDim));
        }

        var half = headDim / 2;
        for (var n = 0; n < positions.Length; n++)
        {
            for (var i = 0; i < half; i++)
            {
                var frequency = T.Pow(theta, T.CreateChecked(-2 * i) / T.CreateChecked(headDim));
                var (sin, cos) = T.SinCos(T.CreateChecked(positions[n]) * frequency);
                sin *= direction;
                for (var h = 0; h < heads; h++)
                {
                    ref var first = ref x[(((n * heads) + h) * headDim) + i];
                    ref var second = ref x[(((n * heads) + h) * headDim) + half + i];
                    (first, second) = ((first * cos) - (second * sin), (second * cos) + (first * sin));
                }
            }
        }
    }
}
