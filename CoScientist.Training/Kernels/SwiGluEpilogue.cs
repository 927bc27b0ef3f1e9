using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using CoScientist.Training.Kernels.Mixed;

namespace CoScientist.Training.Kernels;

/// <summary>At the end of the product that gives the up-projection: active = silu(gate) ⊙ up, see <see cref="SwiGlu"/>.</summary>
/// <param name="gate">The gate, complete for these rows.</param>
/// <param name="up">The product's result, kept; where it is in bfloat16 the rounded numbers are what goes on.</param>
/// <param name="active">What the next product reads.</param>
internal readonly unsafe struct SwiGluEpilogue(Matrix gate, Matrix up, Matrix active) : IEpilogue
{
    /// <inheritdoc/>
    public int Together => MatMul.PanelWidth;

    /// <inheritdoc/>
    public void Finish(float* block, long stride, int firstRow, int rows, int firstCol, int cols)
    {
        for (var row = firstRow; row < firstRow + rows; row++, block += stride)
        {
            if (up.IsHalf)
            {
                FinishHalves(gate.Half(row, firstCol), up.Half(row, firstCol), active.Half(row, firstCol), block, cols);
                up.EndRow(row, firstCol + cols);
                active.EndRow(row, firstCol + cols);
            }
            else
            {
                FinishSingles(gate.Single(row, firstCol), active.Single(row, firstCol), block, cols);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FinishSingles(float* gate, float* active, float* block, int count)
    {
        for (var i = 0; i < count; i += 16)
        {
            var left = Math.Min(16, count - i);
            VectorMath.Store(SwiGlu.Active(VectorMath.Load(gate + i, left), VectorMath.Load(block + i, left)), active + i, left);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FinishHalves(ushort* gate, ushort* up, ushort* active, float* block, int count)
    {
        for (var i = 0; i < count; i += 16)
        {
            var left = Math.Min(16, count - i);
            var value = Bfloat16.Rounded(VectorMath.Load(block + i, left)) & Vector512.Create(0xFFFF0000u);
            Bfloat16.StoreUpper(value, up + i, left);
            Bfloat16.Store(SwiGlu.Active(Bfloat16.Load(gate + i, left), value.AsSingle()), active + i, left);
        }
    }
}

/// <summary>At the end of the product that gives the gradient of active: the gradients of gate and up in their places, and active once more.</summary>
/// <param name="gate">The gate; becomes its gradient.</param>
/// <param name="up">The up-projection; becomes its gradient.</param>
/// <param name="active">silu(gate) ⊙ up, which the gradient of the next weight reads.</param>
internal readonly unsafe struct SwiGluGradientEpilogue(Matrix gate, Matrix up, Matrix active) : IEpilogue
{
    /// <inheritdoc/>
    public int Together => MatMul.PanelWidth;

    /// <inheritdoc/>
    public void Finish(float* block, long stride, int firstRow, int rows, int firstCol, int cols)
    {
        for (var row = firstRow; row < firstRow + rows; row++, block += stride)
        {
            if (up.IsHalf)
            {
                FinishHalves(gate.Half(row, firstCol), up.Half(row, firstCol), active.Half(row, firstCol), block, cols);
                gate.EndRow(row, firstCol + cols);
                up.EndRow(row, firstCol + cols);
                active.EndRow(row, firstCol + cols);
            }
            else
            {
                FinishSingles(gate.Single(row, firstCol), up.Single(row, firstCol), active.Single(row, firstCol), block, cols);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FinishSingles(float* gate, float* up, float* active, float* block, int count)
    {
        for (var i = 0; i < count; i += 16)
        {
            var left = Math.Min(16, count - i);
            var gradients = SwiGlu.Gradients(VectorMath.Load(gate + i, left), VectorMath.Load(up + i, left), VectorMath.Load(block + i, left));
            VectorMath.Store(gradients.Gate, gate + i, left);
            VectorMath.Store(gradients.Up, up + i, left);
            VectorMath.Store(gradients.Active, active + i, left);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FinishHalves(ushort* gate, ushort* up, ushort* active, float* block, int count)
    {
        for (var i = 0; i < count; i += 16)
        {
            var left = Math.Min(16, count - i);
            var gradients = SwiGlu.Gradients(Bfloat16.Load(gate + i, left), Bfloat16.Load(up + i, left), VectorMath.Load(block + i, left));
            Bfloat16.Store(gradients.Gate, gate + i, left);
            Bfloat16.Store(gradients.Up, up + i, left);
            Bfloat16.Store(gradients.Active, active + i, left);
        }
    }
}
