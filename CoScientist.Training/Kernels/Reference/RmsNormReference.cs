using System.Numerics;

namespace CoScientist.Training.Kernels.Reference;

/// <summary>
/// Root-mean-square normalisation (Zhang and Sennrich 2019, arXiv 1910.07467) of each row. The norm over a head's
/// dimension is the same operation with rows = tokens × heads and width = head dimension: the gain is shared by the heads.
/// </summary>
public static class RmsNormReference
{
    /// <summary>y[n,i] = gain[i] x[n,i] rₙ with rₙ = 1/√(mean over i of x[n,i]² + ε). Shapes: x and y [rows, width], gain [width].</summary>
    public static void Forward<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> gain, Span<T> y, int rows, int width, T epsilon)
        where T : IFloatingPointIeee754<T>
    {
        for (var n = 0; n < rows; n++)
        {
            var row = x.Slice(n * width, width);
            var scale = InverseRms(row, epsilon);
            for (var i = 0; i < width; i++)
            {
                y[(n * width) + i] = gain[i] * row[i] * scale;
            }
        }
    }

    /// <summary>
    /// dx[n,j] += r gain[j] dy[n,j] − x[n,j] r³/width Σᵢ gain[i] dy[n,i] x[n,i], and dgain[i] += Σₙ dy[n,i] x[n,i] rₙ.
    /// Shapes: x, dy and dx [rows, width], gain and dgain [width].
    /// </summary>
    public static void Backward<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> gain, ReadOnlySpan<T> dy, Span<T> dx, Span<T> dgain, int rows, int width, T epsilon)
        where T : IFloatingPointIeee754<T>
    {
        for (var n = 0; n < rows; n++)
        {
            var row = x.Slice(n * width, width);
            var upstream = dy.Slice(n * width, width);
            var scale = InverseRms(row, epsilon);
            var dot = T.Zero;
            for (var i = 0; i < width; i++)
            {
                dot += gain[i] * upstream[i] * row[i];
                dgain[i] += upstream[i] * row[i] * scale;
            }

            var common = scale * scale * scale * dot / T.CreateChecked(width);
            for (var i = 0; i < width; i++)
            {
                dx[(n * width) + i] += (scale * gain[i] * upstream[i]) - (row[i] * common);
            }
        }
    }

    private static T InverseRms<T>(ReadOnlySpan<T> row, T epsilon)
        where T : IFloatingPointIeee754<T>
    {
        var squares = T.Zero;
        foreach (var value in row)
        {
            squares += value * value;
        }

        return T.One / T.Sqrt((squares / T.CreateChecked(row.Length)) + epsilon);
    }
}
