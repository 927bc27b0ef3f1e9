using CoScientist.Training.Kernels;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>
/// The decoder: weights, and its layers forward and backward over the rows of a <see cref="TokenBatch"/>. With x the residual
/// stream [N, C], each layer does x += Wₒ·attention(rope(norm(Wq n)), rope(norm(Wk n)), Wv n) with n = norm(x), then
/// x += W_down·(silu(W_gate n) ⊙ W_up n) with n = norm(x).
/// </summary>
public sealed unsafe class Transformer : IDisposable
{
    private readonly LayerTensors[] weights;
    private readonly LayerLinears[] linears;
    private readonly Linear head;
    private readonly AttentionShape shape;

    /// <summary>A model with zero weights.</summary>
    /// <exception cref="InvalidDataException">The configuration is unusable.</exception>
    public Transformer(ModelConfig config, WorkerPool pool)
    {
        config.Validate();
        if (config.AttentionBias)
        {
            throw new InvalidDataException("Models with biases on query, key and value (Qwen2) are not supported yet: use a Qwen3- or Llama-shaped model.");
        }

        Config = config;
        Pool = pool;
        Weights = new Parameters(config);
        Rope = new Rope(config.HeadDim, config.MaxPositions, config.RopeTheta);
        shape = new AttentionShape(config.Heads, config.KeyValueHeads, config.HeadDim);
        weights = Enumerable.Range(0, config.Layers).Select(layer => new LayerTensors(Weights, layer)).ToArray();
        linears = weights.Select(layer => new LayerLinears(pool, config, layer)).ToArray();
        head = new Linear(pool, HeadOf(Weights), config.VocabularySize, config.HiddenSize);
    }

    /// <summary>Shape of the model.</summary>
    public ModelConfig Config { get; }

    /// <summary>Its weights; call <see cref="WeightsChanged"/> after writing to them.</summary>
    public Parameters Weights { get; }

    /// <summary>Threads it works on.</summary>
    public WorkerPool Pool { get; }

    internal Rope Rope { get; }

    internal AttentionShape Shape => shape;

    internal Linear Head => head;

    /// <summary>Says that weights were written: packed copies are made again at their next use.</summary>
    public void WeightsChanged()
    {
        head.Changed();
        foreach (var layer in linears)
        {
            layer.Changed();
        }
    }

    /// <summary>Runs all layers and keeps what the backward pass needs.</summary>
    /// <returns>Hidden states after the final norm, [N, C], valid until the activations are used again.</returns>
    internal float* Forward(TokenBatch batch, Activations a)
    {
        a.Begin(batch, keepLayers: true);
        Embed(batch, a.Input(0));
        for (var layer = 0; layer < Config.Layers; layer++)
        {
            var at = a.Layer(layer);
            Project(layer, at, a.Input(layer), a.Positions, batch.Count);
            Attention.Forward(Pool, batch, shape, at.Query, at.Key, at.Value, at.Attended);
            Finish(layer, at, a.Input(layer), a.Input(layer + 1), batch.Count);
        }

        RmsNorm.Forward(Pool, a.Input(Config.Layers), Weights.Get("model.norm.weight"), a.Final, a.FinalRoots, batch.Count, Config.HiddenSize, (float)Config.RmsNormEpsilon);
        return a.Final;
    }

    /// <summary>The first half of a layer: normalised, rotated queries and keys, and values.</summary>
    internal void Project(int layer, LayerActivations at, float* x, int* positions, int rows)
    {
        var (w, l, epsilon) = (weights[layer], linears[layer], (float)Config.RmsNormEpsilon);
        RmsNorm.Forward(Pool, x, w.InputNorm, at.Normed, at.Roots, rows, Config.HiddenSize, epsilon);
        l.Query.Forward(at.Normed, at.RawQuery, rows);
        l.Key.Forward(at.Normed, at.RawKey, rows);
        l.Value.Forward(at.Normed, at.Value, rows);
        if (Config.QkNorm)
        {
            RmsNorm.Forward(Pool, at.RawQuery, w.QueryNorm, at.Query, at.QueryRoots, rows * shape.Heads, shape.HeadDim, epsilon);
            RmsNorm.Forward(Pool, at.RawKey, w.KeyNorm, at.Key, at.KeyRoots, rows * shape.KeyValueHeads, shape.HeadDim, epsilon);
        }
        else
        {
            Copy(at.RawQuery, at.Query, (long)rows * shape.QueryWidth);
            Copy(at.RawKey, at.Key, (long)rows * shape.KeyWidth);
        }

        Rope.Apply(Pool, at.Query, positions, rows, shape.Heads, inverse: false);
        Rope.Apply(Pool, at.Key, positions, rows, shape.KeyValueHeads, inverse: false);
    }

    /// <summary>The second half: output projection and feed-forward, each added to the residual stream.</summary>
    internal void Finish(int layer, LayerActivations at, float* x, float* next, int rows)
    {
        var (w, l) = (weights[layer], linears[layer]);
        Copy(x, at.Middle, (long)rows * Config.HiddenSize);
        l.Output.Forward(at.Attended, at.Middle, rows, accumulate: true);
        RmsNorm.Forward(Pool, at.Middle, w.PostNorm, at.PostNormed, at.PostRoots, rows, Config.HiddenSize, (float)Config.RmsNormEpsilon);
        l.Gate.Forward(at.PostNormed, at.Gate, rows);
        l.Up.Forward(at.PostNormed, at.Up, rows);
        SwiGlu.Forward(Pool, at.Gate, at.Up, at.Active, (long)rows * Config.FeedForwardSize);
        Copy(at.Middle, next, (long)rows * Config.HiddenSize);
        l.Down.Forward(at.Active, next, rows, accumulate: true);
    }

    /// <summary>Adds the gradients of all weights to <paramref name="gradients"/>, given that of the hidden states after the final norm.</summary>
    /// <param name="batch">The batch of the forward pass.</param>
    /// <param name="a">Its activations.</param>
    /// <param name="dFinal">Gradient of the hidden states, [N, C]; overwritten.</param>
    /// <param name="gradients">Gradients, in the layout of the weights.</param>
    internal void Backward(TokenBatch batch, Activations a, float* dFinal, Parameters gradients)
    {
        var (n, c) = (batch.Count, Config.HiddenSize);
        var t = a.Temporary;
        RmsNorm.Backward(Pool, a.Input(Config.Layers), Weights.Get("model.norm.weight"), a.FinalRoots, dFinal, dFinal, gradients.Get("model.norm.weight"), t.Partials, n, c, accumulate: false);
        for (var layer = Config.Layers - 1; layer >= 0; layer--)
        {
            BackwardLayer(layer, batch, a.Layer(layer), a.Input(layer), dFinal, t, a.Positions, new LayerTensors(gradients, layer));
        }

        // Rows in order, on one thread: two rows may hold the same token.
        var embedding = gradients.Get("model.embed_tokens.weight");
        for (var row = 0; row < n; row++)
        {
            VectorMath.AddScaled(dFinal + ((long)row * c), 1, embedding + ((long)batch.Tokens[row] * c), c);
        }
    }

    /// <summary>The tensor of the output head in weights or gradients.</summary>
    internal float* HeadOf(Parameters parameters) => parameters.Get(Config.TiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight");

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

        Copy(Weights.Get("model.embed_tokens.weight") + ((long)token * Config.HiddenSize), x, Config.HiddenSize);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Weights.Dispose();
        Rope.Dispose();
        head.Dispose();
        foreach (var layer in linears)
        {
            layer.Dispose();
        }
    }

    private void BackwardLayer(int layer, TokenBatch batch, LayerActivations at, float* x, float* dx, BackwardMemory t, int* positions, LayerTensors g)
    {
        var (w, l, n, c, f) = (weights[layer], linears[layer], batch.Count, Config.HiddenSize, Config.FeedForwardSize);

        // Feed-forward: dx is the gradient of the layer's output and, through the residual path, of its middle.
        WeightGradient(l.Down, dx, at.Active, g.Down, n, t);
        l.Down.Backward(dx, t.Active, n);
        SwiGlu.Backward(Pool, at.Gate, at.Up, t.Active, at.Gate, at.Up, (long)n * f);
        MatMul.PackRows(Pool, at.PostNormed, n, c, c, t.Packed);
        l.Gate.WeightGradient(at.Gate, t.Packed, g.Gate, n);
        l.Up.WeightGradient(at.Up, t.Packed, g.Up, n);
        l.Gate.Backward(at.Gate, t.Hidden, n);
        l.Up.Backward(at.Up, t.Hidden, n, accumulate: true);
        RmsNorm.Backward(Pool, at.Middle, w.PostNorm, at.PostRoots, t.Hidden, dx, g.PostNorm, t.Partials, n, c, accumulate: true);

        // Attention.
        WeightGradient(l.Output, dx, at.Attended, g.Output, n, t);
        l.Output.Backward(dx, t.Attended, n);
        Attention.Backward(Pool, batch, shape, at.Query, at.Key, at.Value, t.Attended, t.Query, t.Key, t.Value);
        Rope.Apply(Pool, t.Query, positions, n, shape.Heads, inverse: true);
        Rope.Apply(Pool, t.Key, positions, n, shape.KeyValueHeads, inverse: true);
        if (Config.QkNorm)
        {
            RmsNorm.Backward(Pool, at.RawQuery, w.QueryNorm, at.QueryRoots, t.Query, t.Query, g.QueryNorm, t.Partials, n * shape.Heads, shape.HeadDim, accumulate: false);
            RmsNorm.Backward(Pool, at.RawKey, w.KeyNorm, at.KeyRoots, t.Key, t.Key, g.KeyNorm, t.Partials, n * shape.KeyValueHeads, shape.HeadDim, accumulate: false);
        }

        MatMul.PackRows(Pool, at.Normed, n, c, c, t.Packed);
        l.Query.WeightGradient(t.Query, t.Packed, g.Query, n);
        l.Key.WeightGradient(t.Key, t.Packed, g.Key, n);
        l.Value.WeightGradient(t.Value, t.Packed, g.Value, n);
        l.Query.Backward(t.Query, t.Hidden, n);
        l.Key.Backward(t.Key, t.Hidden, n, accumulate: true);
        l.Value.Backward(t.Value, t.Hidden, n, accumulate: true);
        RmsNorm.Backward(Pool, x, w.InputNorm, at.Roots, t.Hidden, dx, g.InputNorm, t.Partials, n, c, accumulate: true);
    }

    private void WeightGradient(Linear linear, float* dy, float* x, float* dw, int rows, BackwardMemory t)
    {
        MatMul.PackRows(Pool, x, rows, linear.Inputs, linear.Inputs, t.Packed);
        linear.WeightGradient(dy, t.Packed, dw, rows);
    }

    private static void Copy(float* source, float* target, long count) =>
        Buffer.MemoryCopy(source, target, count * sizeof(float), count * sizeof(float));

    private sealed class LayerLinears(WorkerPool pool, ModelConfig config, LayerTensors w) : IDisposable
    {
        public Linear Query { get; } = new(pool, w.Query, config.QueryWidth, config.HiddenSize);

        public Linear Key { get; } = new(pool, w.Key, config.KeyValueWidth, config.HiddenSize);

        public Linear Value { get; } = new(pool, w.Value, config.KeyValueWidth, config.HiddenSize);

        public Linear Output { get; } = new(pool, w.Output, config.HiddenSize, config.QueryWidth);

        public Linear Gate { get; } = new(pool, w.Gate, config.FeedForwardSize, config.HiddenSize);

        public Linear Up { get; } = new(pool, w.Up, config.FeedForwardSize, config.HiddenSize);

        public Linear Down { get; } = new(pool, w.Down, config.HiddenSize, config.FeedForwardSize);

        private Linear[] All => [Query, Key, Value, Output, Gate, Up, Down];

        public void Changed()
        {
            foreach (var linear in All)
            {
                linear.Changed();
            }
        }

        public void Dispose()
        {
            foreach (var linear in All)
            {
                linear.Dispose();
            }
        }
    }
}
