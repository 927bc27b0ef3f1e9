namespace CoScientist.Training.Kernels;

/// <summary>
/// At the end of the product that gives queries or keys: each head normalised, where the model does that
/// (see <see cref="RmsNorm"/>), and rotated by its position (see <see cref="Rope"/>).
/// </summary>
/// <param name="projected">The product's result [N, H·D], kept where heads are normalised; where it is in bfloat16 the rounded numbers are what goes on.</param>
/// <param name="turned">What attention takes, [N, H·D]; the memory of <paramref name="projected"/> where heads are not normalised.</param>
/// <param name="gain">Gain of the norm, [D]; null for no norm.</param>
/// <param name="roots">Inverse roots of the norm, [N, H].</param>
/// <param name="epsilon">Added to the mean square.</param>
/// <param name="angles">Angles of the rows.</param>
internal readonly unsafe struct HeadEpilogue(Matrix projected, Matrix turned, float* gain, float* roots, float epsilon, RopeAngles angles) : IEpilogue
{
    /// <inheritdoc/>
    public int Together => angles.HeadDim;

    /// <inheritdoc/>
    public void Finish(float* block, long stride, int firstRow, int rows, int firstCol, int cols)
    {
        var size = angles.HeadDim;
        for (var row = firstRow; row < firstRow + rows; row++, block += stride)
        {
            for (var col = firstCol; col < firstCol + cols; col += size)
            {
                var x = block + (col - firstCol);
                var y = turned.IsHalf ? x : turned.Singles + (row * turned.Stride) + col;
                if (gain is not null)
                {
                    if (projected.IsHalf)
                    {
                        projected.Write(row, col, size, x);
                        projected.Read(row, col, size, x);
                    }

                    roots[(row * (long)(projected.Width / size)) + (col / size)] = RmsNorm.ForwardRow(x, gain, y, size, epsilon);
                }

                angles.Rotate(y, row);
                if (turned.IsHalf)
                {
                    turned.Write(row, col, size, y);
                }
            }
        }
    }
}
