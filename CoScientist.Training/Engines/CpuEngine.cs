using CoScientist.Training.Checkpoints;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tensors;
using CoScientist.Training.Tokenization;

namespace CoScientist.Training.Engines;

/// <summary>The managed engine: one model on the processor's cores. One caller at a time.</summary>
public sealed unsafe partial class CpuEngine : IPolicyEngine
{
    private readonly EngineOptions options;
    private readonly Transformer model;
    private readonly bool ownsPool;
    private readonly Activations activations;
    private readonly LanguageHead head;
    private readonly Sampler sampler;
    private readonly ScratchBuffer hiddenGradient = new();
    private readonly ScratchBuffer targetMemory = new();
    private readonly MicroBatch microBatch = new();
    private WeightFiles? files;
    private Parameters? gradients;
    private Parameters? firstMoments;
    private Parameters? secondMoments;
    private int passes;

    /// <summary>An engine around a model with zero weights.</summary>
    /// <param name="config">Shape.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="pool">Threads; null makes a pool of all processors that the engine owns.</param>
    /// <param name="options">How it computes; null for the defaults.</param>
    public CpuEngine(ModelConfig config, BpeTokenizer tokenizer, WorkerPool? pool = null, EngineOptions? options = null)
        : this(config, tokenizer, pool, options, packedOnly: false)
    {
    }

    private CpuEngine(ModelConfig config, BpeTokenizer tokenizer, WorkerPool? pool, EngineOptions? options, bool packedOnly)
    {
        this.options = options ?? new EngineOptions();
        this.options.Validate();
        if (tokenizer.VocabularySize > config.VocabularySize)
        {
            throw new InvalidDataException($"The tokenizer has {tokenizer.VocabularySize} tokens and the model {config.VocabularySize}: they do not belong together.");
        }

        ownsPool = pool is null;
        Pool = pool ?? new WorkerPool();
        model = new Transformer(config, Pool, this.options.Precision, packedOnly);
        model.BalanceExperts((float)this.options.RouterBalance);
        Tokenizer = tokenizer;
        activations = new Activations(config, model.HalfActivations);
        head = new LanguageHead(model);
        sampler = new Sampler(model, id => tokenizer.IsSpecial(id) || id >= tokenizer.VocabularySize ? [] : tokenizer.TokenBytes(id), new SamplerLimits { CacheBytes = this.options.CacheBytes });
    }

    /// <inheritdoc/>
    public ModelConfig Config => model.Config;

    /// <inheritdoc/>
    public BpeTokenizer Tokenizer { get; }

    /// <inheritdoc/>
    public int Step { get; private set; }

    /// <summary>Its threads.</summary>
    public WorkerPool Pool { get; }

    /// <summary>The weights; call <see cref="WeightsChanged"/> after writing to them. A model that was loaded for reading only has no matrices here.</summary>
    public Parameters Weights => model.Weights;

    /// <summary>The accumulated gradients; null before the first accumulation.</summary>
    public Parameters? Gradients => gradients;

    /// <summary>Loads a folder of Hugging Face layout.</summary>
    /// <exception cref="InvalidDataException">Something in it is missing, malformed or does not fit; the message names it.</exception>
    public static CpuEngine Load(string directory, WorkerPool? pool = null, EngineOptions? options = null)
    {
        var (config, tokenizer) = CheckpointFolder.Open(directory);
        var engine = new CpuEngine(config, tokenizer, pool, options);
        try
        {
            CheckpointFolder.ReadWeights(directory, engine.Weights.Tensors());
            engine.WeightsChanged();
            return engine;
        }
        catch
        {
            engine.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Loads a folder, or a GGUF file, for sampling and grading only: matrices are held once, packed in the given precision, and
    /// there is no single-precision copy. Results are those of <see cref="Load"/> with the same precision, to the bit.
    /// </summary>
    /// <param name="directory">The folder or file; it stays open.</param>
    /// <param name="precision">Numbers of the matrices.</param>
    /// <param name="pool">Threads; null makes a pool of all processors that the engine owns.</param>
    /// <exception cref="InvalidDataException">Something in it is missing, malformed or does not fit; the message names it.</exception>
    public static CpuEngine LoadReadOnly(string directory, Precision precision, WorkerPool? pool = null) =>
        LoadReadOnly(directory, pool, new EngineOptions { Precision = precision });

    /// <summary>The same with all options; those of training do nothing.</summary>
    /// <param name="directory">The folder or file; it stays open.</param>
    /// <param name="pool">Threads; null makes a pool of all processors that the engine owns.</param>
    /// <param name="options">How it computes.</param>
    /// <exception cref="InvalidDataException">Something in it is missing, malformed or does not fit; the message names it.</exception>
    public static CpuEngine LoadReadOnly(string directory, WorkerPool? pool, EngineOptions options)
    {
        var (config, tokenizer) = CheckpointFolder.Open(directory);
        var engine = new CpuEngine(config, tokenizer, pool, options, packedOnly: true);
        try
        {
            engine.files = WeightFiles.Open(directory);
            engine.files.Check([.. config.Tensors()]);
            engine.model.LoadPacked(spec => SourceOf(engine.files.Find(spec)));
            return engine;
        }
        catch
        {
            engine.Dispose();
            throw;
        }
    }

    /// <summary>Bytes of packed weights that a token of a dense model reads.</summary>
    public long PackedBytes => model.PackedBytes;

    private static WeightSource SourceOf(StoredTensor stored)
    {
        if (stored is not { Type: TensorType.BF16, InOrder: true, Rows: > 0 })
        {
            return new WeightSource(stored.Read, 0);
        }

        // A mapped file does not move.
        fixed (byte* rows = stored.Row(0))
        {
            return new WeightSource(stored.Read, (nint)rows);
        }
    }

    /// <summary>Whether the engine was loaded to be read only: it samples and grades, and neither trains nor saves.</summary>
    public bool IsReadOnly => files is not null;

    /// <summary>A copy with weights of its own, an adapter merged into them, and no optimizer state, on the same threads: the frozen grader of a run.</summary>
    public CpuEngine FreezeCopy()
    {
        RequireWritable();
        var copy = new CpuEngine(Config, Tokenizer, Pool, options);
        WithMerged(() => copy.Weights.CopyFrom(Weights));
        return copy;
    }

    /// <summary>How training spread its tokens over experts since the last call, layer by layer; empty for a model without experts.</summary>
    public IReadOnlyList<ExpertLoad> TakeExpertLoads()
    {
        var loads = new List<ExpertLoad>();
        foreach (var (layer, experts) in model.Mixtures)
        {
            var all = Math.Max(1, experts.Load.Sum());
            loads.Add(new ExpertLoad(layer, [.. experts.Load.Select(count => (double)count / all)]));
            experts.ClearLoad();
        }

        return loads;
    }

    /// <summary>Says that weights were written from outside.</summary>
    public void WeightsChanged()
    {
        RequireWritable();
        model.WeightsChanged();
    }

    /// <inheritdoc/>
    public IReadOnlyList<SampledSequence> Sample(IReadOnlyList<SampleRequest> requests, SamplingOptions options, CancellationToken cancellationToken) =>
        sampler.Sample(requests, options, cancellationToken);

    /// <summary>Samples requests that come while others run (continuous batching across callers), until all are done and no more have come.</summary>
    /// <param name="arrivals">Looked at before every step for what has come since; must not wait.</param>
    /// <param name="cancellationToken">Ends the work between steps; what was not done is never reported.</param>
    public void SampleLive(Func<IReadOnlyList<LiveRequest>> arrivals, CancellationToken cancellationToken) =>
        sampler.SampleLive(arrivals, cancellationToken);

    /// <inheritdoc/>
    public float[][][] LogProbabilities(IReadOnlyList<TrainingGroup> groups, SamplingOptions options, CancellationToken cancellationToken)
    {
        var result = groups.Select(group => new float[group.Branches.Count][]).ToArray();
        for (var next = 0; next < groups.Count;)
        {
            next = microBatch.Fill(groups, next, this.options.MicroBatchTokens);
            cancellationToken.ThrowIfCancellationRequested();
            var values = Forward(microBatch, options, Keep.Nothing);
            foreach (var (group, branch, at, length) in microBatch.Spans)
            {
                result[group][branch] = values.LogProbabilities.Slice(at, length).ToArray();
            }
        }

        return result;
    }

    /// <summary>Logits after each token of one sequence, as [position][vocabulary], from a position on: for checks against other engines.</summary>
    /// <param name="tokens">The sequence, at least one token.</param>
    /// <param name="from">First position wanted.</param>
    public float[][] Logits(int[] tokens, int from)
    {
        var batch = new TokenBatch();
        batch.Add(tokens);
        var hidden = model.Forward(batch, activations, Keep.Nothing);
        using var memory = new ScratchBuffer();
        var row = memory.Get(MatMul.Padded(Config.VocabularySize));
        var logits = new float[tokens.Length - from][];
        for (var i = 0; i < logits.Length; i++)
        {
            head.Logits(hidden + ((long)(from + i) * Config.HiddenSize), 1, [], 1, row);
            logits[i] = new Span<float>(row, Config.VocabularySize).ToArray();
        }

        return logits;
    }

    /// <inheritdoc/>
    public void Save(string directory, IReadOnlyDictionary<string, string> manifest, string? like = null)
    {
        RequireWritable();
        WithMerged(() => CheckpointFolder.Write(directory, Config, Weights.Tensors(), Tokenizer, manifest, like: like));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        files?.Dispose();
        sampler.Dispose();
        head.Dispose();
        activations.Dispose();
        hiddenGradient.Dispose();
        targetMemory.Dispose();
        gradients?.Dispose();
        firstMoments?.Dispose();
        secondMoments?.Dispose();
        model.Dispose();
        if (ownsPool)
        {
            Pool.Dispose();
        }
    }

    // Greedy sampling has no distribution of its own: its log-probabilities are those at temperature 1.
    private static float Temperature(SamplingOptions options) => options.Temperature > 0 ? (float)options.Temperature : 1;

    private TargetValues Forward(MicroBatch part, SamplingOptions options, Keep keep)
    {
        var values = new TargetValues(targetMemory, part.Targets.Count);
        var hidden = model.Forward(part.Batch, activations, keep);
        head.LogProbabilities(hidden, part.Targets, options.BannedTokens, Temperature(options), keep == Keep.Everything, values.LogProbabilities, values.Entropies);
        return values;
    }

    /// <summary>What is known of each target of a micro-batch; valid until the next.</summary>
    private readonly ref struct TargetValues
    {
        public TargetValues(ScratchBuffer memory, int count)
        {
            var all = new Span<float>(memory.Get(4L * count), 4 * count);
            all.Clear();
            LogProbabilities = all[..count];
            Entropies = all.Slice(count, count);
            Gradient = all.Slice(2 * count, count);
            EntropyGradient = all.Slice(3 * count, count);
        }

        public readonly Span<float> LogProbabilities;
        public readonly Span<float> Entropies;

        // Of the loss with respect to the two above; zero at first.
        public readonly Span<float> Gradient;
        public readonly Span<float> EntropyGradient;

        public double LogProbabilitySum => Sum(LogProbabilities);

        public double EntropySum => Sum(Entropies);

        private static double Sum(ReadOnlySpan<float> values)
        {
            var sum = 0.0;
            foreach (var value in values)
            {
                sum += value;
            }

            return sum;
        }
    }
}
