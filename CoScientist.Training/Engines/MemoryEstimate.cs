using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Engines;

/// <summary>What an engine is to do, as far as its memory depends on it.</summary>
public sealed record MemoryShape
{
    /// <summary>Most tokens of one micro-batch that is trained on. Default 0: no training.</summary>
    public int TrainedTokens { get; init; }

    /// <summary>Tokens of the longest group, prompt and branches together. Default 0: all of <see cref="TrainedTokens"/>.</summary>
    public int LongestGroup { get; init; }

    /// <summary>The adapter that is trained in place of the weights; null trains them all.</summary>
    public LoraOptions? Lora { get; init; }

    /// <summary>Most tokens whose keys and values are held while sampling. Default 0: no sampling.</summary>
    public int CachedTokens { get; init; }

    /// <summary>Most rows of one sampling step. Default 256.</summary>
    public int SampledRows { get; init; } = 256;

    /// <summary>Whether the model is loaded for reading only, as by <see cref="CpuEngine.LoadReadOnly(string, Precision, WorkerPool?)"/>: its matrices are held packed, and nothing is trained. Default false.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Whether a step is trained in several passes, for which weights are kept packed in both directions. Default false.</summary>
    public bool SeveralPasses { get; init; }

    /// <summary>Threads, each with working memory of its own. Default: every processor.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;
}

/// <summary>
/// Native memory that an engine takes, in bytes, from the very plans that its passes follow. The process itself (the
/// runtime, the pages) comes on top: about 60 MB.
/// </summary>
public sealed record MemoryEstimate
{
    /// <summary>The weights; of a model that is only read, those that are no matrices.</summary>
    public required long Weights { get; init; }

    /// <summary>The adapter.</summary>
    public required long Adapter { get; init; }

    /// <summary>Gradients of what is trained.</summary>
    public required long Gradients { get; init; }

    /// <summary>Both moments of AdamW.</summary>
    public required long Moments { get; init; }

    /// <summary>What passes compute: kept for the backward pass, shared by layers, and the output head's.</summary>
    public required long Activations { get; init; }

    /// <summary>Copies of weights in the order in which products read them: of the head and of one layer at a time when training, of all when sampling, of all in both directions when a step is trained in several passes.</summary>
    public required long Packed { get; init; }

    /// <summary>Cached keys and values, in the pieces in which they are taken.</summary>
    public required long Cache { get; init; }

    /// <summary>Working memory of threads.</summary>
    public required long Threads { get; init; }

    /// <summary>That of no model.</summary>
    public static MemoryEstimate Nothing { get; } = new() { Weights = 0, Adapter = 0, Gradients = 0, Moments = 0, Activations = 0, Packed = 0, Cache = 0, Threads = 0 };

    /// <summary>Weights, adapter, gradients, moments and activations: what no plan could do without.</summary>
    public long Needed => Weights + Adapter + Gradients + Moments + Activations;

    /// <summary>All of it.</summary>
    public long Total => Needed + Packed + Cache + Threads;

    /// <summary>Estimates for a model, an engine's options and what it is to do.</summary>
    public static MemoryEstimate Of(ModelConfig config, EngineOptions options, MemoryShape shape)
    {
        config.Validate();
        var (precision, half) = (options.Precision, options.Precision == Precision.Bfloat16);
        var linears = config.Tensors().Where(tensor => tensor.Shape.Length == 2 && (Module(tensor) != Transformer.Embedding || config.TiedEmbeddings)).ToList();
        var adapters = Adapters(linears, shape.Lora).ToList();
        var weights = Length(config.Tensors().Where(tensor => !shape.ReadOnly || tensor.Shape.Length == 1));
        var (train, sample) = (shape.TrainedTokens > 0, shape.CachedTokens > 0);
        var keep = sample || shape.ReadOnly || (train && shape.SeveralPasses);
        var trained = !train ? 0 : shape.Lora is null ? weights : Length(adapters);

        var (activations, threads, packed) = (0L, 0L, 0L);
        if (train)
        {
            var longest = shape.LongestGroup > 0 ? shape.LongestGroup : shape.TrainedTokens;
            activations += Model.Activations.Length(config, shape.TrainedTokens, options.GradientCheckpointing ? Keep.LayerInputs : Keep.Everything, half)
                + (2L * shape.TrainedTokens * config.HiddenSize) + LanguageHead.BackwardLength(config, shape.TrainedTokens, keep: !options.GradientCheckpointing);
            activations += linears.Where(tensor => Targets(shape.Lora, tensor)).Select(tensor => LoraAdapter.ScratchLength(tensor.Shape[1], shape.Lora!.Rank, shape.TrainedTokens)).DefaultIfEmpty().Max();
            activations += half ? linears.Where(tensor => Targets(shape.Lora, tensor) && !IsHead(tensor)).Select(tensor => (long)shape.TrainedTokens * Math.Max(tensor.Shape[0], tensor.Shape[1])).DefaultIfEmpty().Max() : 0;
            activations += precision == Precision.Single ? 0 : LeftLength(config, shape, shape.Lora is null ? linears : adapters);
            threads += LanguageHead.ThreadLength(config) + AttentionLength(config, longest);
            List<TensorSpec> multiplied = [.. linears, .. adapters];
            var backward = multiplied.Select(tensor => PackedMatrix.Length(precision, tensor.Shape[0], tensor.Shape[1]));
            packed += shape.SeveralPasses ? backward.Sum() : backward.Max();
            packed += keep ? 0 : multiplied.Where(tensor => !IsHead(tensor)).Max(tensor => PackedMatrix.Length(precision, tensor.Shape[1], tensor.Shape[0]));
        }

        // The head's packed form is kept whatever happens, those of other layers where they are sampled with.
        packed += linears.Concat(adapters).Where(tensor => keep || IsHead(tensor)).Sum(tensor => PackedMatrix.Length(precision, tensor.Shape[1], tensor.Shape[0]));
        if (sample)
        {
            activations += Model.Activations.Length(config, shape.SampledRows, Keep.Nothing, half);
            threads += 2L * MatMul.Padded(config.VocabularySize);
        }

        var cache = shape.CachedTokens * CacheBytesPerToken(config, precision);
        return new MemoryEstimate
        {
            Weights = Bytes(weights),
            Adapter = Bytes(Length(adapters)),
            Gradients = Bytes(trained),
            Moments = Bytes(2 * trained),
            Activations = Bytes(activations),
            Packed = Bytes(packed),
            Cache = (cache + PagePool.SlabBytes - 1) / PagePool.SlabBytes * PagePool.SlabBytes,
            Threads = Bytes(shape.Threads * threads),
        };
    }

    /// <summary>Bytes of keys and values that a sampler caches for a token.</summary>
    internal static long CacheBytesPerToken(ModelConfig config, Precision precision) =>
        Bytes((long)config.Layers * config.KeyValueHeads * PagePool.TokenFloats(config.HeadDim, half: precision == Precision.Bfloat16));

    private static bool Targets(LoraOptions? options, TensorSpec tensor) => options?.Targets(Module(tensor)) == true;

    private static IEnumerable<TensorSpec> Adapters(List<TensorSpec> linears, LoraOptions? options) =>
        linears.Where(tensor => Targets(options, tensor)).SelectMany(tensor => LoraAdapter.Tensors(Module(tensor), tensor.Shape[0], tensor.Shape[1], options!.Rank));

    /// <summary>Whether a matrix makes logits: the head, or the second of its adapter.</summary>
    private static bool IsHead(TensorSpec tensor) => Module(tensor) is Transformer.Embedding or Transformer.UntiedHead || tensor.Name == $"{LoraAdapter.Prefix}{Transformer.UntiedHead}.lora_B.weight";

    /// <summary>Left side of the widest gradient of a weight, which bfloat16 packs. Experts see their share of the rows.</summary>
    private static long LeftLength(ModelConfig config, MemoryShape shape, List<TensorSpec> trained) => trained.Max(tensor =>
    {
        var rows = IsHead(tensor) ? Math.Min(shape.TrainedTokens, LanguageHead.BackwardRows)
            : tensor.Name.Contains(".experts.", StringComparison.Ordinal) ? (int)((long)shape.TrainedTokens * config.ExpertsPerToken / config.Experts)
            : shape.TrainedTokens;
        return Bf16MatMul.PackedLeftLength(rows, tensor.Shape[0]) / 2;
    });

    private static string Module(TensorSpec tensor) => tensor.Name[..^".weight".Length];

    private static long Length(IEnumerable<TensorSpec> specs) => specs.Sum(spec => spec.Count);

    private static long Bytes(long floats) => floats * sizeof(float);

    /// <summary>Keys and values of one head in both orders with their gradients, and the scores of a block of queries, for the longest group.</summary>
    private static long AttentionLength(ModelConfig config, int longest) =>
        (2L * config.HeadDim * (longest + MatMul.PanelWidth)) + (4L * longest * MatMul.Padded(config.HeadDim)) + (128L * (longest + MatMul.PanelWidth));
}
