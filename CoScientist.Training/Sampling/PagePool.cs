using System.Runtime.InteropServices;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Sampling;

/// <summary>
/// Memory for cached keys and values in pages of a fixed number of tokens, so that sequences of any length come and go without
/// moving each other (Kwon et al. 2023, arXiv 2309.06180). A page holds all layers and key-value heads: keys column-wise,
/// [D, T], so that scores of one query against all keys are plain vector code; values row-wise, [T, D padded]; in bfloat16
/// both packed in panels of pairs, as <see cref="Bf16MatMul"/> takes a right side, with D padded. Several sequences may share
/// a page, which is then only read.
/// </summary>
internal sealed unsafe class PagePool : IDisposable
{
    /// <summary>Memory is taken from the system in pieces of about this many bytes.</summary>
    public const long SlabBytes = 16L << 20;

    private readonly AttentionShape shape;
    private readonly List<FloatBuffer> slabs = [];
    private readonly List<int> users = [];
    private readonly Stack<int> free = [];
    private readonly List<nint> addresses = [];
    private readonly long pageFloats;

    /// <summary>A pool without pages.</summary>
    /// <param name="shape">Sizes of attention.</param>
    /// <param name="layers">Layers.</param>
    /// <param name="limits">Size of a page, and bytes of all.</param>
    /// <param name="half">Whether keys and values are in bfloat16. Default: in single precision.</param>
    public PagePool(AttentionShape shape, int layers, SamplerLimits limits, bool half = false)
    {
        (this.shape, PageTokens, IsHalf) = (shape, limits.PageTokens, half);
        ValueStride = MatMul.Padded(shape.HeadDim);
        KeyFloats = (long)PageTokens * (half ? ValueStride / 2 : shape.HeadDim);
        BlockFloats = (long)PageTokens * TokenFloats(shape.HeadDim, half);
        pageFloats = layers * shape.KeyValueHeads * BlockFloats;
        Capacity = (int)Math.Min(int.MaxValue / 2, limits.CacheBytes / PageBytes);
    }

    /// <summary>Whether keys and values are in bfloat16.</summary>
    public bool IsHalf { get; }

    /// <summary>Tokens of a page, T.</summary>
    public int PageTokens { get; }

    /// <summary>Bytes of a page.</summary>
    public long PageBytes => pageFloats * sizeof(float);

    /// <summary>Most pages.</summary>
    public int Capacity { get; }

    /// <summary>Pages in use.</summary>
    public int Used { get; private set; }

    /// <summary>Pages that running sequences may still ask for.</summary>
    public int Promised { get; set; }

    /// <summary>Pages that nobody has or was promised.</summary>
    public int Available => Capacity - Used - Promised;

    /// <summary>Numbers between a value and the next token's: D padded.</summary>
    public int ValueStride { get; }

    /// <summary>Floats of the keys of one layer and head in a page.</summary>
    private long KeyFloats { get; }

    /// <summary>Floats of one layer and head in a page: its keys, then its values.</summary>
    private long BlockFloats { get; }

    /// <summary>Floats of a token in one layer and head: its key, then its value padded; in bfloat16 both padded, two numbers in a float.</summary>
    public static int TokenFloats(int headDim, bool half) => half ? MatMul.Padded(headDim) : headDim + MatMul.Padded(headDim);

    /// <summary>Pages that a run of tokens touches.</summary>
    public int PagesOf(int start, int count) => count == 0 ? 0 : ((start + count - 1) / PageTokens) - (start / PageTokens) + 1;

    /// <summary>A page for one sequence, with unspecified content.</summary>
    public int Take()
    {
        if (free.Count == 0)
        {
            Grow();
        }

        var page = free.Pop();
        users[page] = 1;
        Used++;
        return page;
    }

    /// <summary>Another sequence reads the page.</summary>
    public void Share(int page) => users[page]++;

    /// <summary>Whether other sequences read the page.</summary>
    public bool IsShared(int page) => users[page] > 1;

    /// <summary>A sequence gives the page up; it is free when the last has.</summary>
    public void Release(int page)
    {
        if (--users[page] == 0)
        {
            free.Push(page);
            Used--;
        }
    }

    /// <summary>Frees all pages, whoever has them.</summary>
    public void Clear()
    {
        if (Used == 0 && Promised == 0)
        {
            return;
        }

        (Used, Promised) = (0, 0);
        free.Clear();
        for (var page = users.Count - 1; page >= 0; page--)
        {
            users[page] = 0;
            free.Push(page);
        }
    }

    /// <summary>Copies a whole page.</summary>
    public void Copy(int from, int to) => NativeMemory.Copy((void*)addresses[from], (void*)addresses[to], (nuint)PageBytes);

    /// <summary>Keys of a layer and head, [D, T] or, in bfloat16, [T/32][D/2][32][2].</summary>
    public float* Keys(int page, int layer, int head) => (float*)addresses[page] + ((((long)layer * shape.KeyValueHeads) + head) * BlockFloats);

    /// <summary>Values of a layer and head, [T, D padded] or, in bfloat16, [D/32][T/2][32][2].</summary>
    public float* Values(int page, int layer, int head) => Keys(page, layer, head) + KeyFloats;

    public void Dispose()
    {
        foreach (var slab in slabs)
        {
            slab.Dispose();
        }
    }

    private void Grow()
    {
        var count = (int)Math.Clamp(SlabBytes / PageBytes, 1, Capacity - users.Count);
        var slab = new FloatBuffer(count * pageFloats);
        slabs.Add(slab);
        for (var i = 0; i < count; i++)
        {
            addresses.Add((nint)(slab.Pointer + (i * pageFloats)));
            users.Add(0);
        }

        for (var i = 1; i <= count; i++)
        {
            free.Push(users.Count - i);
        }
    }
}
