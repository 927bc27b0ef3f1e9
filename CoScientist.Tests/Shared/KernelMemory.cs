using CoScientist.Training.Tensors;

namespace CoScientist.Tests.Shared;

/// <summary>
/// Native float arrays for kernel tests. What lies behind the last element is NaN: a kernel that reads it into a result
/// shows, and one that writes it is caught by <see cref="ReadChecked"/>.
/// </summary>
internal sealed unsafe class KernelMemory : IDisposable
{
    private const int Guard = 64;
    private readonly List<FloatBuffer> buffers = [];

    /// <summary>The values, rounded to float, followed by NaN.</summary>
    public float* Of(double[] values)
    {
        var pointer = Filled(values.Length, 0);
        for (var i = 0; i < values.Length; i++)
        {
            pointer[i] = (float)values[i];
        }

        return pointer;
    }

    /// <summary>A result to be written, holding <paramref name="value"/> (by default NaN, so that a hole shows), followed by NaN.</summary>
    public float* Filled(int length, float value = float.NaN)
    {
        var buffer = new FloatBuffer(length + Guard);
        buffers.Add(buffer);
        buffer.Span.Fill(float.NaN);
        buffer.Span[..length].Fill(value);
        return buffer.Pointer;
    }

    /// <summary>Copies a result, after checking that nothing was written behind it.</summary>
    public static float[] ReadChecked(float* pointer, int length)
    {
        for (var i = 0; i < Guard; i++)
        {
            Assert.True(float.IsNaN(pointer[length + i]), $"Element {length + i} was written, behind the last one ({length - 1}).");
        }

        return new ReadOnlySpan<float>(pointer, length).ToArray();
    }

    /// <inheritdoc/>
    public void Dispose() => buffers.ForEach(buffer => buffer.Dispose());
}
