using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using LLama;
using LLama.Common;
using LLama.Native;

namespace CoScientist.Training.Engines.Llama;

/// <summary>Sequences in llama.cpp's cache, which shares what they have in common. A context is made for the sizes that are asked for.</summary>
/// <param name="config">Shape of the model.</param>
/// <param name="weights">Its weights.</param>
/// <param name="cacheBytes">Most bytes of keys and values.</param>
internal sealed class LlamaDecoder(ModelConfig config, LLamaWeights weights, long cacheBytes) : IDecoder, IDisposable
{
    // llama.cpp's own limit of sequences, halved: the next generation stands beside the last one while it is copied.
    private const int MostRows = 32;
    private const int BatchTokens = 512;

    private readonly LLamaBatch batch = new();
    private LLamaContext? context;
    private int length;
    private int[] ends = [];
    private int generation;

    /// <inheritdoc/>
    public int RowsFor(int length)
    {
        this.length = length;
        return (int)Math.Clamp(cacheBytes / (2L * sizeof(float) * config.Layers * config.KeyValueWidth * length), 1, MostRows);
    }

    /// <inheritdoc/>
    public void Read(IReadOnlyList<int[]> sequences, Span<float> logits)
    {
        Prepare();
        for (var i = 0; i < sequences.Count; i++)
        {
            // The items of a rubric follow one plan: what a sequence shares with the one before it is not read again.
            var shared = i == 0 ? 0 : Math.Min(sequences[i].Length - 1, sequences[i].AsSpan().CommonPrefixLength(sequences[i - 1]));
            if (shared > 0)
            {
                context!.NativeHandle.MemorySequenceCopy(Place(i - 1), Place(i), 0, shared);
            }

            for (var at = shared; at < sequences[i].Length; at += BatchTokens)
            {
                batch.Clear();
                var end = Math.Min(sequences[i].Length, at + BatchTokens);
                for (var t = at; t < end; t++)
                {
                    batch.Add(sequences[i][t], t, Place(i), t == sequences[i].Length - 1);
                }

                Decode();
            }

            context!.NativeHandle.GetLogitsIth(-1).CopyTo(logits[(i * config.VocabularySize)..]);
        }

        ends = [.. sequences.Select(sequence => sequence.Length)];
    }

    /// <inheritdoc/>
    public void Continue(ReadOnlySpan<int> parents, ReadOnlySpan<int> tokens, Span<float> logits)
    {
        Move(parents);
        batch.Clear();
        for (var i = 0; i < tokens.Length; i++)
        {
            batch.Add(tokens[i], ends[i]++, Place(i), true);
        }

        Decode();
        for (var i = 0; i < tokens.Length; i++)
        {
            context!.NativeHandle.GetLogitsIth(i).CopyTo(logits[(i * config.VocabularySize)..]);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => context?.Dispose();

    private LLamaSeqId Place(int row) => (LLamaSeqId)((generation * MostRows) + row);

    /// <summary>Makes row i what row parents[i] was. Where rows stay what they are, nothing moves.</summary>
    private void Move(ReadOnlySpan<int> parents)
    {
        var same = parents.Length == ends.Length;
        for (var i = 0; same && i < parents.Length; i++)
        {
            same = parents[i] == i;
        }

        if (same)
        {
            return;
        }

        var old = Enumerable.Range(0, ends.Length).Select(Place).ToArray();
        generation = 1 - generation;
        var moved = new int[parents.Length];
        for (var i = 0; i < parents.Length; i++)
        {
            context!.NativeHandle.MemorySequenceCopy(old[parents[i]], Place(i), -1, -1);
            moved[i] = ends[parents[i]];
        }

        foreach (var place in old)
        {
            context!.NativeHandle.MemorySequenceRemove(place, -1, -1);
        }

        ends = moved;
    }

    private void Prepare()
    {
        generation = 0;
        var cells = (uint)Math.Max(BatchTokens, length * RowsFor(length));
        if (context is null || context.ContextSize < cells)
        {
            context?.Dispose();
            context = weights.CreateContext(new ModelParams("")
            {
                ContextSize = cells,
                SeqMax = 2 * MostRows,
                BatchSize = BatchTokens,
                UBatchSize = BatchTokens,
                TypeK = GGMLType.GGML_TYPE_F32,
                TypeV = GGMLType.GGML_TYPE_F32,
                FlashAttention = false,
                KVUnified = true,
            });
        }

        context.NativeHandle.MemoryClear();
    }

    private void Decode()
    {
        var result = context!.Decode(batch);
        if (result != DecodeResult.Ok)
        {
            throw new InvalidDataException($"llama.cpp could not read on ({result}): give it more memory, or fewer and shorter requests.");
        }
    }
}
