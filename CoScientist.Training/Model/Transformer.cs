using CoScientist.Core;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>The decoder: weights, and its layers forward and backward over the rows of a <see cref="TokenBatch"/>.</summary>
public sealed unsafe class Transformer : IDisposable
{
    /// <summary>Name of the output head where it is not the embedding.</summary>
    internal const string UntiedHead = "lm_head";

    /// <summary>Name of the embedding.</summary>
    internal const string Embedding = "model.embed_tokens";

    private readonly DecoderLayer[] layers;
    private readonly Linear[] linears;
    private readonly Norm finalNorm;
    private readonly LinearWorkspace workspace;
    private ReadRows? embeddingRows;

    /// <summary>A model with zero weights, whose matrices are multiplied in the given precision.</summary>
    /// <param name="config">Its shape.</param>
    /// <param name="pool">Threads.</param>
    /// <param name="precision">Numbers of the products.</param>
    /// <param name="packedOnly">Whether it has no matrices of its own and waits for <see cref="LoadPacked"/>. Default: no.</param>
    /// <exception cref="InvalidDataException">The configuration is unusable.</exception>
    public Transformer(ModelConfig config, WorkerPool pool, Precision precision = Precision.Single, bool packedOnly = false)
    {
        config.Validate();
        Config = config;
        Pool = pool;
        workspace = new LinearWorkspace(pool, precision);
        Shape = new AttentionShape(config.Heads, config.KeyValueHeads, config.HeadDim);
        Weights = new Parameters(config.Tensors().Where(tensor => !packedOnly || tensor.Shape.Length == 1));
        Rope = new Rope(RopeScaling.Frequencies(config.RopeScaling, config.HeadDim, config.RopeTheta), config.MaxPositions, config.RopeScaling?.Magnitude ?? 1);
        layers = [.. Enumerable.Range(0, config.Layers).Select(index => new DecoderLayer(workspace, config, Weights, Rope, index))];
        finalNorm = new Norm(pool, Weights, "model.norm.weight", config.HiddenSize, config.RmsNormEpsilon);
        Head = new Linear(workspace, Weights, HeadName, config.VocabularySize, config.HiddenSize);
        linears = [.. layers.SelectMany(layer => layer.Linears), Head];
    }

    /// <summary>Shape of the model.</summary>
    public ModelConfig Config { get; }

    /// <summary>Its weights; call <see cref="WeightsChanged"/> after writing to them.</summary>
    public Parameters Weights { get; }

    /// <summary>Threads it works on.</summary>
    public WorkerPool Pool { get; }

    /// <summary>Numbers in which its matrices are multiplied.</summary>
    internal Precision Precision => workspace.Precision;

    /// <summary>Whether its activations are in bfloat16, the residual stream aside.</summary>
    internal bool HalfActivations => workspace.HalfActivations;

    /// <summary>Whether a step makes several passes, for which weights are kept packed in both directions; see <see cref="PackedWeight"/>. Default false.</summary>
    internal bool SeveralPasses { get; set; }

    /// <summary>Tensors of the adapters under PEFT's names; null without adapters.</summary>
    public Parameters? Adapters { get; private set; }

    /// <summary>Which adapters work, and what decides their dropped inputs.</summary>
    internal LoraState Lora { get; } = new();

    internal Rope Rope { get; }

    /// <summary>Sizes of attention, the same in all layers.</summary>
    internal AttentionShape Shape { get; }

    internal Linear Head { get; }

    private string HeadWeight => Config.TiedEmbeddings ? Embedding + ".weight" : UntiedHead + ".weight";

    private string HeadName => Config.TiedEmbeddings ? Embedding : UntiedHead;

    /// <summary>Takes the weights for reading only: matrices go straight into their packed form, rows of the embedding are read where they lie.</summary>
    /// <param name="find">Gives each tensor; what it gives must stay valid as long as the model.</param>
    internal void LoadPacked(Func<TensorSpec, WeightSource> find)
    {
        var matrices = linears.ToDictionary(linear => linear.Name + ".weight", StringComparer.Ordinal);
        foreach (var spec in Config.Tensors())
        {
            if (matrices.TryGetValue(spec.Name, out var linear))
            {
                linear.PackFrom(find(spec));
            }

            if (spec.Name == Embedding + ".weight")
            {
                embeddingRows = find(spec).Read;
            }
            else if (linear is null)
            {
                find(spec).Read(0, new Span<float>(Weights.Get(spec.Name), checked((int)spec.Count)));
            }
        }
    }

    /// <summary>Bytes of weights that a token passes through: the packed matrices, all experts included.</summary>
    internal long PackedBytes => linears.Sum(linear => linear.PackedBytes);

    /// <summary>Says that what is trained was written: the adapters where there are some, else the weights.</summary>
    internal void TrainedChanged()
    {
        if (Adapters is null)
        {
            WeightsChanged();
            return;
        }

        foreach (var linear in linears)
        {
            linear.Adapter?.Changed();
        }
    }

    /// <summary>Says that weights were written: packed copies are made again at their next use.</summary>
    public void WeightsChanged()
    {
        foreach (var linear in linears)
        {
            linear.Changed();
        }
    }

    /// <summary>Sizes of a layer's attention with its window, where it has one.</summary>
    internal AttentionShape ShapeOf(int layer) => layers[layer].Attention.Shape;

    /// <summary>The layers of experts with their indices.</summary>
    internal IEnumerable<(int Layer, MixtureOfExperts Experts)> Mixtures =>
        layers.Select((layer, index) => (index, layer.FeedForward as MixtureOfExperts)).Where(pair => pair.Item2 is not null)!;

    /// <summary>Adds a load-balancing loss of this strength to every backward pass; see <see cref="MixtureOfExperts"/>.</summary>
    internal void BalanceExperts(float coefficient)
    {
        foreach (var (_, experts) in Mixtures)
        {
            experts.BalanceCoefficient = coefficient;
        }
    }

    /// <summary>Gives linear layers adapters; A starts uniform in ±1/√K as PEFT's, B at zero, so that the model is unchanged.</summary>
    /// <exception cref="InvalidDataException">The options are unusable, or name no layer.</exception>
    /// <exception cref="InvalidOperationException">The model has adapters already.</exception>
    internal void AddAdapters(LoraOptions options)
    {
        options.Validate();
        if (Adapters is not null)
        {
            throw new InvalidOperationException("The model has an adapter already: merge it and save the model, then load that.");
        }

        var targets = linears.Where(linear => options.Targets(linear.Name)).ToList();
        var idle = options.TargetModules.Where(target => !targets.Exists(linear => (options with { TargetModules = [target] }).Targets(linear.Name))).ToList();
        if (idle.Count > 0)
        {
            throw new InvalidDataException($"The model has no linear layer whose name ends with {string.Join(" or ", idle.Select(name => $"'{name}'"))}{WhyNot(idle)}: correct {nameof(options.TargetModules)}.");
        }

        Adapters = new Parameters(targets.SelectMany(linear => LoraAdapter.Tensors(linear.Name, linear.Outputs, linear.Inputs, options.Rank)));
        for (var i = 0; i < targets.Count; i++)
        {
            targets[i].Adapter = new LoraAdapter(workspace, Adapters, targets[i], options, Lora, i);
            var random = new SeededRandom(options.Seed, i);
            foreach (ref var value in new Span<float>(Adapters.Get(Adapters.Specs[2 * i].Name), options.Rank * targets[i].Inputs))
            {
                value = (float)(((2 * random.NextDouble()) - 1) / Math.Sqrt(targets[i].Inputs));
            }
        }
    }

    private string WhyNot(List<string> names) =>
        names.Contains(UntiedHead) && Config.TiedEmbeddings ? " (its output head is the embedding, which an adapter of the head would change too)"
        : names.Exists(name => name == Embedding || Embedding.EndsWith("." + name, StringComparison.Ordinal)) ? " (adapters of the embedding are not supported)"
        : "";

    /// <summary>Writes the adapters into the weights they change, or puts the original weights back, to the bit.</summary>
    internal void Merge(bool merged)
    {
        foreach (var linear in linears)
        {
            if (merged)
            {
                linear.Merge();
            }
            else
            {
                linear.Unmerge();
            }
        }
    }

    /// <summary>Runs all layers.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="a">Memory of the pass.</param>
    /// <param name="keep">What is kept for a backward pass.</param>
    /// <returns>Hidden states after the final norm, [N, C], valid until the activations are used again.</returns>
    internal float* Forward(TokenBatch batch, Activations a, Keep keep)
    {
        a.Begin(batch, keep);
        Embed(batch, a.Input(0));
        workspace.KeepPacked = SeveralPasses;
        Lora.Training = keep != Keep.Nothing;
        for (var layer = 0; layer < Config.Layers; layer++)
        {
            layers[layer].Forward(a.Layer(layer), batch, a.Positions, a.Input(layer), a.Input(layer + 1));
        }

        return FinalNorm(a, batch.Count);
    }

    /// <summary>The first half of a layer when sampling: normalised, rotated queries and keys, and values.</summary>
    internal void Project(int layer, LayerActivations at, float* x, int* positions, int rows)
    {
        workspace.KeepPacked = true;
        Lora.Training = false;
        layers[layer].Project(at, x, positions, rows);
    }

    /// <summary>The second half: output projection and feed-forward, each added to the residual stream.</summary>
    internal void Finish(int layer, LayerActivations at, float* x, float* next, int rows) => layers[layer].Finish(at, x, next, rows);

    /// <summary>Hidden states after the final norm, [N, C], from the stream after the last layer.</summary>
    internal float* FinalNorm(Activations a, int rows)
    {
        finalNorm.Forward(a.Input(Config.Layers), a.Final, a.FinalRoots, rows);
        return a.Final;
    }

    /// <summary>Adds the gradients of all weights to <paramref name="gradients"/>, given that of the hidden states after the final norm.</summary>
    /// <param name="batch">The batch of the forward pass.</param>
    /// <param name="a">Its activations.</param>
    /// <param name="dFinal">Gradient of the hidden states, [N, C]; overwritten.</param>
    /// <param name="gradients">Gradients of the tensors to be trained.</param>
    internal void Backward(TokenBatch batch, Activations a, float* dFinal, Parameters gradients)
    {
        var (n, c) = (batch.Count, Config.HiddenSize);
        var t = a.Temporary;
        workspace.KeepPacked = SeveralPasses;
        finalNorm.Backward(a.Input(Config.Layers), a.FinalRoots, dFinal, dFinal, n, gradients, t.Norms, accumulate: false);
        for (var layer = Config.Layers - 1; layer >= 0; layer--)
        {
            var at = a.Layer(layer);
            if (a.Keeping == Keep.LayerInputs)
            {
                layers[layer].Recompute(at, batch, a.Positions, a.Input(layer));
            }

            layers[layer].Backward(at, t, batch, a.Positions, a.Input(layer), dFinal, gradients);
        }

        if (gradients.Find(Embedding + ".weight") is var embedding && embedding is not null)
        {
            EmbeddingTable.AddGradient(Pool, batch, dFinal, embedding, c);
        }
    }

    /// <summary>The tensor of the output head in gradients; null where it is frozen.</summary>
    internal float* HeadOf(Parameters parameters) => parameters.Find(HeadWeight);

    /// <summary>x [N, C] = rows of the embedding.</summary>
    internal void Embed(TokenBatch batch, float* x)
    {
        for (var row = 0; row < batch.Count; row++)
        {
            EmbedRow(batch.Tokens[row], x + ((long)row * Config.HiddenSize));
        }
    }

    /// <summary>One row of the embedding.</summary>
    internal void EmbedRow(int token, float* x)
    {
        if ((uint)token >= (uint)Config.VocabularySize)
        {
            throw new ArgumentOutOfRangeException(nameof(token), token, $"The model has {Config.VocabularySize} tokens.");
        }

        if (embeddingRows is not null)
        {
            embeddingRows(token, new Span<float>(x, Config.HiddenSize));
            return;
        }

        var row = new ReadOnlySpan<float>(Weights.Get(Embedding + ".weight") + ((long)token * Config.HiddenSize), Config.HiddenSize);
        row.CopyTo(new Span<float>(x, Config.HiddenSize));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Weights.Dispose();
        Rope.Dispose();
        Adapters?.Dispose();
        workspace.Dispose();
        foreach (var linear in linears)
        {
            linear.Dispose();
        }
    }
}
