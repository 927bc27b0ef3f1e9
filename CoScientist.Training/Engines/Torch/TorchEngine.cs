using CoScientist.Training.Checkpoints;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tensors;
using CoScientist.Training.Tokenization;
using TorchSharp;
using static TorchSharp.torch;

namespace CoScientist.Training.Engines.Torch;

/// <summary>
/// The engine on libtorch: a CUDA device where there is one, else the processor. It reads and writes the same checkpoints and
/// optimizer files as the managed engine and draws by the same streams of random numbers; sums round differently, so that
/// results agree to a tolerance and not to the bit. It trains all weights. One caller at a time.
/// </summary>
public sealed partial class TorchEngine : IPolicyEngine
{
    private readonly EngineOptions options;
    private readonly Dictionary<string, Tensor> weights = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tensor> gradients = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tensor> firstMoments = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tensor> secondMoments = new(StringComparer.Ordinal);
    private readonly MicroBatch microBatch = new();
    private readonly TorchModel model;
    private readonly TorchDecoder decoder;
    private readonly DecoderSampling sampling;

    private TorchEngine(ModelConfig config, BpeTokenizer tokenizer, EngineOptions options)
    {
        (Config, Tokenizer, this.options) = (config, tokenizer, options);
        model = new TorchModel(config, weights, options.Precision);
        decoder = new TorchDecoder(config, model, options.CacheBytes);
        sampling = new DecoderSampling(config, tokenizer, decoder);
    }

    /// <inheritdoc/>
    public ModelConfig Config { get; }

    /// <inheritdoc/>
    public BpeTokenizer Tokenizer { get; }

    /// <inheritdoc/>
    public int Step { get; private set; }

    /// <summary>Loads a checkpoint onto the device.</summary>
    /// <param name="directory">A folder of Hugging Face layout, or a GGUF file.</param>
    /// <param name="options">How it computes; null for the defaults.</param>
    /// <exception cref="InvalidDataException">Something in it is missing, malformed or does not fit; the message names it.</exception>
    /// <exception cref="ArgumentException">The options ask for what only the managed engine does.</exception>
    public static TorchEngine Load(string directory, EngineOptions? options = null)
    {
        options ??= new EngineOptions();
        options.Validate();
        if (options.Precision == Precision.Int8 || options.RouterBalance > 0)
        {
            throw new ArgumentException("The TorchSharp engine multiplies in single precision or bfloat16 and adds no balancing of experts: choose those, or the managed engine.", nameof(options));
        }

        var (config, tokenizer) = CheckpointFolder.Open(directory);
        var engine = new TorchEngine(config, tokenizer, options);
        try
        {
            using var files = WeightFiles.Open(directory);
            files.Check([.. config.Tensors()]);
            var device = cuda.is_available() ? CUDA : CPU;
            foreach (var spec in config.Tensors())
            {
                var values = new float[spec.Count];
                files.Find(spec).Read(0, values);
                engine.weights.Add(spec.Name, tensor(values, Extents(spec), device: device).DetachFromDisposeScope().requires_grad_());
            }

            return engine;
        }
        catch
        {
            engine.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<SampledSequence> Sample(IReadOnlyList<SampleRequest> requests, SamplingOptions options, CancellationToken cancellationToken) =>
        sampling.Sample(requests, options, cancellationToken);

    /// <inheritdoc/>
    public void SaveOptimizer(string file) => SafetensorsFile.Write(file, [.. Named("m.", firstMoments), .. Named("v.", secondMoments), new NamedTensor("step", [1], new float[] { Step })]);

    /// <inheritdoc/>
    public void LoadOptimizer(string file)
    {
        var step = new NamedTensor("step", [1], new float[1]);
        var (first, second) = (Empty("m."), Empty("v."));
        SafetensorsFile.Read(file, [.. first, .. second, step]);
        Fill(firstMoments, first);
        Fill(secondMoments, second);
        Step = (int)step.Values.Span[0];

        NamedTensor[] Empty(string prefix) => [.. Config.Tensors().Select(spec => new NamedTensor(prefix + spec.Name, spec.Shape, new float[spec.Count]))];

        void Fill(Dictionary<string, Tensor> target, NamedTensor[] values)
        {
            Clear(target);
            foreach (var (spec, value) in Config.Tensors().Zip(values))
            {
                target.Add(spec.Name, tensor(value.Values.ToArray(), Extents(spec), device: model.Device).DetachFromDisposeScope());
            }
        }
    }

    /// <inheritdoc/>
    public void Save(string directory, IReadOnlyDictionary<string, string> manifest, string? like = null) =>
        CheckpointFolder.Write(directory, Config, Named("", weights), Tokenizer, manifest, like: like);

    /// <inheritdoc/>
    public void Dispose()
    {
        decoder.Dispose();
        sampling.Dispose();
        foreach (var tensors in new[] { weights, gradients, firstMoments, secondMoments })
        {
            Clear(tensors);
        }
    }

    private static long[] Extents(TensorSpec spec) => [.. spec.Shape.Select(extent => (long)extent)];

    private static void Clear(Dictionary<string, Tensor> tensors)
    {
        foreach (var tensor in tensors.Values)
        {
            tensor.Dispose();
        }

        tensors.Clear();
    }

    /// <summary>Tensors in file order, in memory of this process; what has not come to be yet is zero.</summary>
    private NamedTensor[] Named(string prefix, Dictionary<string, Tensor> tensors) =>
    [
        .. Config.Tensors().Select(spec =>
        {
            using var scope = NewDisposeScope();
            return new NamedTensor(prefix + spec.Name, spec.Shape, tensors.TryGetValue(spec.Name, out var tensor) ? tensor.detach().cpu().contiguous().data<float>().ToArray() : new float[spec.Count]);
        }),
    ];
}
