using CoScientist.Training.Checkpoints;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tokenization;
using LLama;
using LLama.Common;
using LLama.Native;

namespace CoScientist.Training.Engines.Llama;

/// <summary>
/// A GGUF file that llama.cpp computes: any element type that it knows, on whatever its backend uses. Tokens, templates and draws
/// are those of this project, so that the same seed gives the same tokens as the managed engine, up to rounding. It is read, not
/// trained. One caller at a time.
/// </summary>
public sealed class LlamaEngine : ISamplingEngine
{
    private readonly LLamaWeights weights;

    // llama.cpp tells every tensor that it loads.
    static LlamaEngine() => NativeLibraryConfig.All.WithLogCallback((_, _) => { });
    private readonly LlamaDecoder decoder;
    private readonly DecoderSampling sampling;

    private LlamaEngine(ModelConfig config, BpeTokenizer tokenizer, LLamaWeights weights, long cacheBytes)
    {
        (Config, Tokenizer, this.weights) = (config, tokenizer, weights);
        decoder = new LlamaDecoder(config, weights, cacheBytes);
        sampling = new DecoderSampling(config, tokenizer, decoder);
    }

    /// <inheritdoc/>
    public ModelConfig Config { get; }

    /// <inheritdoc/>
    public BpeTokenizer Tokenizer { get; }

    /// <summary>Opens a file.</summary>
    /// <param name="path">A GGUF file of an architecture and a tokenizer that this project knows, its weights of any type.</param>
    /// <param name="options">How much it may cache; null for the defaults.</param>
    /// <exception cref="InvalidDataException">It is no such file, or llama.cpp cannot load it.</exception>
    public static LlamaEngine Load(string path, EngineOptions? options = null)
    {
        if (!WeightFiles.IsGguf(path))
        {
            throw new InvalidDataException($"{path} is not a GGUF file, which llama.cpp reads: make one with 'model convert {path} NAME.gguf'.");
        }

        var (config, tokenizer) = CheckpointFolder.Open(path);
        LLamaWeights weights;
        try
        {
            weights = LLamaWeights.LoadFromFile(new ModelParams(path) { GpuLayerCount = -1 });
        }
        catch (Exception fault) when (fault is LLama.Exceptions.LoadWeightsFailedException or LLama.Exceptions.RuntimeError or TypeInitializationException)
        {
            throw new InvalidDataException($"{path}: llama.cpp cannot load it ({fault.InnerException?.Message ?? fault.Message}). Get the file again, or a newer LLamaSharp.", fault);
        }

        if (weights.Vocab.Count == config.VocabularySize)
        {
            return new LlamaEngine(config, tokenizer, weights, (options ?? new EngineOptions()).CacheBytes);
        }

        weights.Dispose();
        throw new InvalidDataException($"{path}: llama.cpp reads {weights.Vocab.Count} tokens, and its embedding has {config.VocabularySize} rows; get the file again.");
    }

    /// <inheritdoc/>
    public IReadOnlyList<SampledSequence> Sample(IReadOnlyList<SampleRequest> requests, SamplingOptions options, CancellationToken cancellationToken) =>
        sampling.Sample(requests, options, cancellationToken);

    /// <inheritdoc/>
    public void Dispose()
    {
        decoder.Dispose();
        sampling.Dispose();
        weights.Dispose();
    }
}
