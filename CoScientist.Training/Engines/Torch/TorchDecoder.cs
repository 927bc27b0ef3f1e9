using System.Runtime.InteropServices;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using TorchSharp;
using static TorchSharp.torch;

namespace CoScientist.Training.Engines.Torch;

/// <summary>Reads and continues sequences with their keys and values kept, [B, H/g, S, D] a layer; shorter ones begin with keys that nobody sees.</summary>
/// <param name="config">Shape of the model.</param>
/// <param name="model">The model.</param>
/// <param name="cacheBytes">Most bytes of keys and values.</param>
internal sealed class TorchDecoder(ModelConfig config, TorchModel model, long cacheBytes) : IDecoder, IDisposable
{
    private const int MostRows = 256;

    private Tensor[] keys = [];
    private Tensor[] values = [];
    private long[] starts = [];

    /// <inheritdoc/>
    public int RowsFor(int length) => (int)Math.Clamp(cacheBytes / (2L * sizeof(float) * config.Layers * config.KeyValueWidth * length), 1, MostRows);

    /// <inheritdoc/>
    public void Read(IReadOnlyList<int[]> sequences, Span<float> logits)
    {
        Dispose();
        using var scope = NewDisposeScope();
        using var withoutGradients = no_grad();
        var longest = sequences.Max(sequence => sequence.Length);
        var read = new List<Cached>();
        for (var i = 0; i < sequences.Count; i++)
        {
            // The items of a rubric follow one plan: what a sequence shares with the one before it is not read again.
            var shared = i == 0 ? 0 : Math.Min(sequences[i].Length - 1, sequences[i].AsSpan().CommonPrefixLength(sequences[i - 1]));
            var cache = new Cached(model, config, i == 0 ? null : read[^1], shared, sequences[i].Length);
            Forward(sequences[i][shared..], 1, cache, logits.Slice(i * config.VocabularySize, config.VocabularySize));
            read.Add(cache);
        }

        starts = [.. sequences.Select(sequence => (long)(longest - sequence.Length))];
        keys = [.. Enumerable.Range(0, config.Layers).Select(layer => Stack(read.Select(cache => cache.Keys[layer]), longest))];
        values = [.. Enumerable.Range(0, config.Layers).Select(layer => Stack(read.Select(cache => cache.Values[layer]), longest))];
    }

    /// <inheritdoc/>
    public void Continue(ReadOnlySpan<int> parents, ReadOnlySpan<int> tokens, Span<float> logits)
    {
        using var scope = NewDisposeScope();
        using var withoutGradients = no_grad();
        long[] chosen = [.. parents.ToArray().Select(parent => (long)parent)];
        var rows = tensor(chosen, [chosen.Length], device: model.Device);
        starts = [.. chosen.Select(parent => starts[parent])];
        var batch = new Batched(model, config, keys, values, rows, starts);
        Forward(tokens.ToArray(), chosen.Length, batch, logits);
        var (oldKeys, oldValues) = (keys, values);
        (keys, values) = ([.. batch.Keys.Select(tensor => tensor.DetachFromDisposeScope())], [.. batch.Values.Select(tensor => tensor.DetachFromDisposeScope())]);
        Release(oldKeys, oldValues);
    }

    /// <inheritdoc/>
    public void Dispose() => Release(keys, values);

    private static void Release(Tensor[] keys, Tensor[] values)
    {
        foreach (var tensor in keys.Concat(values))
        {
            tensor.Dispose();
        }
    }

    private static Tensor Stack(IEnumerable<Tensor> caches, int longest) => cat(
        [.. caches.Select(cache =>
        {
            var missing = longest - cache.shape[2];
            return missing == 0 ? cache : cat([zeros([1, cache.shape[1], missing, cache.shape[3]], device: cache.device), cache], 2);
        })],
        0).DetachFromDisposeScope();

    /// <summary>What may follow the last token of each row.</summary>
    private void Forward(int[] tokens, int rows, TorchView view, Span<float> logits)
    {
        var x = model.Embed(tensor([.. tokens.Select(token => (long)token)], [rows, tokens.Length / rows], device: model.Device));
        for (var layer = 0; layer < config.Layers; layer++)
        {
            x = model.Layer(layer, x, view);
        }

        var last = x.narrow(1, x.shape[1] - 1, 1).reshape(rows, config.HiddenSize);
        MemoryMarshal.Cast<byte, float>(model.Logits(model.Norm(last, "model.norm")).cpu().contiguous().bytes).CopyTo(logits);
    }

    /// <summary>One sequence that is read after what it shares with another.</summary>
    private sealed class Cached : TorchView
    {
        private readonly TorchModel model;
        private readonly Cached? before;
        private readonly int shared;
        private readonly Tensor positions;

        [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
        public Cached(TorchModel model, ModelConfig config, Cached? before, int shared, int length)
        {
            (this.model, this.before, this.shared) = (model, before, shared);
            (Keys, Values) = (new Tensor[config.Layers], new Tensor[config.Layers]);
            positions = arange(length, device: model.Device);
            (Cos, Sin) = model.Rotations([.. Enumerable.Range(shared, length - shared).Select(position => (long)position)], 1);
        }

        public Tensor[] Keys { get; }

        public Tensor[] Values { get; }

        public override Tensor Attend(int layer, Tensor queries, Tensor keys, Tensor values)
        {
            Keys[layer] = shared == 0 ? keys : cat([before!.Keys[layer].narrow(2, 0, shared), keys], 2);
            Values[layer] = shared == 0 ? values : cat([before!.Values[layer].narrow(2, 0, shared), values], 2);
            var hidden = model.HiddenFrom(layer, positions.narrow(0, shared, positions.shape[0] - shared), positions);
            return model.Attend(queries, Keys[layer], Values[layer], hidden);
        }
    }

    /// <summary>One more token for each of several sequences.</summary>
    private sealed class Batched : TorchView
    {
        private readonly TorchModel model;
        private readonly Tensor[] keys;
        private readonly Tensor[] values;
        private readonly Tensor rows;
        private readonly Tensor outside;
        private readonly Tensor places;

        [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
        public Batched(TorchModel model, ModelConfig config, Tensor[] keys, Tensor[] values, Tensor rows, long[] starts)
        {
            (this.model, this.keys, this.values, this.rows) = (model, keys, values, rows);
            (Keys, Values) = (new Tensor[config.Layers], new Tensor[config.Layers]);
            var length = keys[0].shape[2];
            places = arange(length + 1, device: model.Device);
            outside = places.unsqueeze(0).lt(tensor(starts, [starts.Length, 1], device: model.Device)).reshape(starts.Length, 1, 1, length + 1);
            (Cos, Sin) = model.Rotations([.. starts.Select(start => length - start)], starts.Length);
        }

        public Tensor[] Keys { get; }

        public Tensor[] Values { get; }

        public override Tensor Attend(int layer, Tensor queries, Tensor keys, Tensor values)
        {
            Keys[layer] = cat([this.keys[layer].index_select(0, rows), keys], 2);
            Values[layer] = cat([this.values[layer].index_select(0, rows), values], 2);
            var hidden = outside.logical_or(model.HiddenFrom(layer, places.narrow(0, places.shape[0] - 1, 1), places));
            return model.Attend(queries, Keys[layer], Values[layer], hidden);
        }
    }
}
