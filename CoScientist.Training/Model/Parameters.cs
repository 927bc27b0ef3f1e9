using CoScientist.Core;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>All tensors of a model, or of its adapters, in one block, each aligned to a cache line: weights, gradients and moments share the layout.</summary>
public sealed unsafe class Parameters : IDisposable
{
    private readonly Dictionary<string, long> offsets = new(StringComparer.Ordinal);
    private readonly FloatBuffer buffer;

    /// <summary>Allocates zeroed tensors for a model.</summary>
    public Parameters(ModelConfig config)
        : this(config.Tensors())
    {
    }

    /// <summary>Allocates zeroed tensors of given names and shapes.</summary>
    public Parameters(IEnumerable<TensorSpec> specs)
    {
        Specs = specs.ToArray();
        var at = 0L;
        foreach (var spec in Specs)
        {
            offsets[spec.Name] = at;
            at += (spec.Count + 15) / 16 * 16;
        }

        buffer = new FloatBuffer(at);
    }

    /// <summary>Names and shapes in file order.</summary>
    public IReadOnlyList<TensorSpec> Specs { get; }

    /// <summary>Floats in all, alignment included.</summary>
    public long Length => buffer.Length;

    /// <summary>The whole block.</summary>
    public float* Pointer => buffer.Pointer;

    /// <summary>First element of a tensor; null when the model has none of that name.</summary>
    public float* Find(string name) => offsets.TryGetValue(name, out var offset) ? buffer.Pointer + offset : null;

    /// <summary>First element of a tensor.</summary>
    /// <exception cref="KeyNotFoundException">The model has no tensor of that name.</exception>
    public float* Get(string name) => buffer.Pointer + offsets[name];

    /// <summary>The tensors over this memory, for reading from and writing to files.</summary>
    public IReadOnlyList<NamedTensor> Tensors(string prefix = "") =>
        Specs.Select(spec => new NamedTensor(prefix + spec.Name, spec.Shape, new FloatBufferMemory(buffer, offsets[spec.Name], checked((int)spec.Count)).Memory)).ToArray();

    /// <summary>Copies all values of a model of the same shape.</summary>
    public void CopyFrom(Parameters other) => Buffer.MemoryCopy(other.Pointer, Pointer, Length * sizeof(float), other.Length * sizeof(float));

    /// <summary>Sets everything to zero.</summary>
    public void Clear() => buffer.Clear();

    /// <summary>
    /// Random start: gains 1, biases 0, embeddings N(0, 0.05²), matrices N(0, 1/inputs), and those that write into the
    /// residual stream smaller by √(2·layers), so that its variance does not grow with depth (Radford et al. 2019).
    /// </summary>
    public void Initialise(ModelConfig config, long seed)
    {
        for (var t = 0; t < Specs.Count; t++)
        {
            var spec = Specs[t];
            var values = new Span<float>(Get(spec.Name), (int)spec.Count);
            if (spec.Shape.Length == 1)
            {
                values.Fill(spec.Name.EndsWith(".bias", StringComparison.Ordinal) ? 0 : 1);
                continue;
            }

            var random = new SeededRandom(seed, t);
            var residual = spec.Name.EndsWith("o_proj.weight", StringComparison.Ordinal) || spec.Name.EndsWith("down_proj.weight", StringComparison.Ordinal);
            var deviation = spec.Name == "model.embed_tokens.weight" ? 0.05 : 1 / Math.Sqrt(spec.Shape[1] * (residual ? 2.0 * config.Layers : 1));
            foreach (ref var value in values)
            {
                value = (float)(random.NextNormal() * deviation);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => buffer.Dispose();
}
