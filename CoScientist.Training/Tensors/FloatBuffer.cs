using System.Runtime.InteropServices;

namespace CoScientist.Training.Tensors;

/// <summary>
/// A block of floats outside the collected heap, aligned to 64 bytes (one cache line, one AVX-512 register), zeroed when made.
/// Kernels take its pointer; everything else takes its span.
/// </summary>
public sealed unsafe partial class FloatBuffer : IDisposable
{
    private const nuint Alignment = 64;
    private const nuint HugePage = 2 << 20;
    private const int AdviseHugePages = 14;
    private static long liveBytes;
    private static long peakBytes;
    private readonly void* block;
    private float* pointer;

    /// <summary>Allocates <paramref name="length"/> zeroed floats.</summary>
    public FloatBuffer(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;
        // 64 floats of slack: tiles may read and write past the last row of a padded block.
        var bytes = checked((nuint)(length + 64) * sizeof(float));
        var large = OperatingSystem.IsLinux() && bytes >= 2 * HugePage;
        var alignment = large ? HugePage : Alignment;

        // Large blocks come from the system as zeros: clearing them here would touch every page once more, on one thread.
        block = NativeMemory.AllocZeroed(bytes + alignment);
        pointer = (float*)(((nuint)block + alignment - 1) / alignment * alignment);
        if (large)
        {
            // Rows of a matrix lie on different small pages, more than the processor keeps translations of. Only advice: may fail.
            _ = Advise(pointer, bytes / HugePage * HugePage, AdviseHugePages);
        }

        GC.AddMemoryPressure((long)bytes);
        var live = Interlocked.Add(ref liveBytes, Length * sizeof(float));
        for (var peak = Interlocked.Read(ref peakBytes); live > peak; peak = Interlocked.Read(ref peakBytes))
        {
            Interlocked.CompareExchange(ref peakBytes, live, peak);
        }
    }

    /// <summary>Frees the block when nobody disposed it.</summary>
    ~FloatBuffer() => Free();

    /// <summary>Bytes of all buffers of the process.</summary>
    public static long LiveBytes => Interlocked.Read(ref liveBytes);

    /// <summary>Most bytes of all buffers at a time since <see cref="ResetPeak"/>.</summary>
    public static long PeakBytes => Interlocked.Read(ref peakBytes);

    /// <summary>Number of floats.</summary>
    public long Length { get; }

    /// <summary>First element; valid until disposal.</summary>
    public float* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(pointer is null, this);
            return pointer;
        }
    }

    /// <summary>The whole block.</summary>
    public Span<float> Span => new(Pointer, checked((int)Length));

    /// <summary>Starts <see cref="PeakBytes"/> again at what is held now.</summary>
    public static void ResetPeak() => Interlocked.Exchange(ref peakBytes, LiveBytes);

    /// <summary>Sets every element to zero.</summary>
    public void Clear() => NativeMemory.Clear(Pointer, (nuint)Length * sizeof(float));

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* start, nuint length, int advice);

    private void Free()
    {
        if (pointer is null)
        {
            return;
        }

        NativeMemory.Free(block);
        pointer = null;
        Interlocked.Add(ref liveBytes, -Length * sizeof(float));
        GC.RemoveMemoryPressure((Length + 64) * sizeof(float));
    }
}

/// <summary>A buffer that grows when asked for more and is otherwise reused: working memory of a kernel or a pass.</summary>
public sealed unsafe class ScratchBuffer : IDisposable
{
    private const long MostSpare = 1 << 20;
    private FloatBuffer? buffer;

    /// <summary>At least <paramref name="length"/> floats with unspecified content; earlier pointers become invalid when it grows. Grows by a quarter more than asked for, up to 4 MiB.</summary>
    public float* Get(long length) => Grow(length, Math.Min(length / 4, MostSpare));

    /// <summary>The same without spare floats, for plans whose size is known.</summary>
    public float* GetExactly(long length) => Grow(length, 0);

    private float* Grow(long length, long spare)
    {
        if (buffer is null || buffer.Length < length)
        {
            // Freed first: the old and the new block never stand side by side.
            buffer?.Dispose();
            buffer = null;
            buffer = new FloatBuffer(length + spare);
        }

        return buffer.Pointer;
    }

    /// <inheritdoc/>
    public void Dispose() => buffer?.Dispose();
}

/// <summary>Lends a part of a <see cref="FloatBuffer"/> to code that takes <see cref="Memory{T}"/>, such as checkpoint files.</summary>
/// <param name="buffer">The owner; may be larger than one <see cref="Memory{T}"/> can be.</param>
/// <param name="offset">First float of the part.</param>
/// <param name="length">Number of floats.</param>
public sealed unsafe class FloatBufferMemory(FloatBuffer buffer, long offset, int length) : System.Buffers.MemoryManager<float>
{
    /// <inheritdoc/>
    public override Span<float> GetSpan() => new(buffer.Pointer + offset, length);

    /// <inheritdoc/>
    public override System.Buffers.MemoryHandle Pin(int elementIndex = 0) => new(buffer.Pointer + offset + elementIndex);

    /// <inheritdoc/>
    public override void Unpin()
    {
        // Native memory does not move.
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        // The buffer has its own owner.
    }
}
