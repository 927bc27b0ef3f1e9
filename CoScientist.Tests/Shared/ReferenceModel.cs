using CoScientist.Core;
using CoScientist.Training.Kernels.Reference;
using CoScientist.Training.Model;

namespace CoScientist.Tests.Shared;

/// <summary>
/// The whole decoder in double precision, composed of the plain reference operations: the standard of the fast model.
/// <see cref="Logits"/> keeps what <see cref="Backward"/> needs; gradients are added until <see cref="ClearGradients"/>.
/// </summary>
internal sealed class ReferenceModel
{
    private readonly ModelConfig config;
    private readonly List<Layer> layers = [];
    private int[] tokens = [];
    private SegmentVisibility visibility = new([]);
    private double[] lastHidden = [];
    private double[] normedHidden = [];

    /// <summary>A model with seeded weights: gains near 1, projections that keep the scale, small biases.</summary>
    public ReferenceModel(ModelConfig config, long seed)
    {
        this.config = config;
        var random = new SeededRandom(seed);
        foreach (var tensor in config.Tensors())
        {
            var values = new double[tensor.Count];
            var (mean, scale) = tensor switch
            {
                { Shape.Length: 2, Name: "model.embed_tokens.weight" } => (0.0, 1.0),
                { Shape.Length: 2 } => (0.0, 1 / Math.Sqrt(tensor.Shape[1])),
                _ when tensor.Name.EndsWith("bias", StringComparison.Ordinal) => (0.0, 0.3),
                _ => (1.0, 0.3),
            };
            for (var i = 0; i < values.Length; i++)
            {
                // Rounded to float, so that a fast model can start from exactly the same weights.
                values[i] = (float)(mean + (scale * random.NextNormal()));
            }

            Parameters.Add(tensor.Name, values);
            Gradients.Add(tensor.Name, new double[values.Length]);
        }
    }

    /// <summary>Weights by Hugging Face name.</summary>
    public Dictionary<string, double[]> Parameters { get; } = new(StringComparer.Ordinal);

    /// <summary>Gradients by the same names.</summary>
    public Dictionary<string, double[]> Gradients { get; } = new(StringComparer.Ordinal);

    /// <summary>Adapters that its linear layers carry; null for none.</summary>
    public ReferenceLora? Lora { get; set; }

    /// <summary>Strength of the load-balancing loss, added to what <see cref="Backward"/> differentiates.</summary>
    public double BalanceCoefficient { get; set; }

    /// <summary>The load-balancing loss of the last logits, summed over layers.</summary>
    public double Balance => layers.Sum(layer => layer.Balance);

    private string HeadName => config.TiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";

    /// <summary>Sets every gradient to zero.</summary>
    public void ClearGradients()
    {
        foreach (var gradient in Gradients.Values)
        {
            Array.Clear(gradient);
        }
    }

    /// <summary>Writes the weights, which floats hold exactly, into a fast model's.</summary>
    public unsafe void CopyTo(Parameters target)
    {
        foreach (var (name, values) in Parameters)
        {
            var pointer = target.Get(name);
            for (var i = 0; i < values.Length; i++)
            {
                pointer[i] = (float)values[i];
            }
        }
    }

    /// <summary>Logits of every row, [rows, vocabulary].</summary>
    public double[] Logits(int[] batchTokens, SegmentVisibility batchVisibility)
    {
        Assert.Equal(batchVisibility.Rows, batchTokens.Length);
        (tokens, visibility) = (batchTokens, batchVisibility);
        layers.Clear();
        var x = new double[tokens.Length * config.HiddenSize];
        EmbeddingReference.Forward<double>(tokens, Parameters["model.embed_tokens.weight"], x, config.HiddenSize);
        for (var i = 0; i < config.Layers; i++)
        {
            var layer = new Layer(this, i);
            x = layer.Forward(x);
            layers.Add(layer);
        }

        lastHidden = x;
        normedHidden = Norm(x, "model.norm", config.HiddenSize);
        return Linear(normedHidden, HeadName, config.HiddenSize, config.VocabularySize);
    }

    /// <summary>Adds the gradient of every weight, given that of the last logits.</summary>
    public void Backward(double[] dlogits)
    {
        var dnormed = LinearBackward(dlogits, normedHidden, HeadName, config.HiddenSize, config.VocabularySize);
        var dx = NormBackward(dnormed, lastHidden, "model.norm", config.HiddenSize);
        for (var i = layers.Count - 1; i >= 0; i--)
        {
            dx = layers[i].Backward(dx);
        }

        EmbeddingReference.Backward<double>(tokens, dx, Gradients["model.embed_tokens.weight"], config.HiddenSize);
    }

    /// <summary>
    /// Log-probabilities of each row's target under softmax(logits / temperature) over the tokens that are not banned.
    /// Adds the gradient of Σₙ upstream[n] log p(targets[n]) to <see cref="Gradients"/>; a cross-entropy has upstream = −weights.
    /// </summary>
    public double[] LogProbabilities(int[] batchTokens, SegmentVisibility batchVisibility, int[] targets, double[] upstream, double temperature = 1, params int[] banned)
    {
        var logits = Distribution(batchTokens, batchVisibility, temperature, banned);
        var logProbabilities = new double[targets.Length];
        SoftmaxReference.LogProbabilities<double>(logits, targets, logProbabilities, config.VocabularySize);
        var dlogits = new double[logits.Length];
        SoftmaxReference.LogProbabilitiesBackward<double>(logits, targets, upstream, dlogits, config.VocabularySize);
        Backward([.. dlogits.Select(d => d / temperature)]);
        return logProbabilities;
    }

    /// <summary>Logits of the distribution that is sampled from: divided by the temperature, −∞ where banned.</summary>
    public double[] Distribution(int[] batchTokens, SegmentVisibility batchVisibility, double temperature = 1, params int[] banned)
    {
        double[] logits = [.. Logits(batchTokens, batchVisibility).Select(logit => logit / temperature)];
        for (var n = 0; n < batchTokens.Length; n++)
        {
            foreach (var token in banned)
            {
                logits[(n * config.VocabularySize) + token] = double.NegativeInfinity;
            }
        }

        return logits;
    }

    private double[] Linear(double[] x, string name, int inputs, int outputs)
    {
        var rows = x.Length / inputs;
        var y = new double[rows * outputs];
        MatMulReference.Forward<double>(x, Parameters[name], y, rows, inputs, outputs);
        if (Parameters.TryGetValue(Bias(name), out var bias))
        {
            MatMulReference.AddBias<double>(y, bias, rows);
        }

        Lora?.Forward(name[..^".weight".Length], x, y, inputs, outputs);
        return y;
    }

    private double[] LinearBackward(double[] dy, double[] x, string name, int inputs, int outputs)
    {
        var rows = x.Length / inputs;
        var dx = new double[x.Length];
        MatMulReference.InputGradient<double>(dy, Parameters[name], dx, rows, inputs, outputs);
        MatMulReference.WeightGradient<double>(dy, x, Gradients[name], rows, inputs, outputs);
        if (Gradients.TryGetValue(Bias(name), out var bias))
        {
            MatMulReference.BiasGradient<double>(dy, bias, rows);
        }

        Lora?.Backward(name[..^".weight".Length], dy, x, dx, inputs, outputs);
        return dx;
    }

    private static string Bias(string weight) => weight[..^"weight".Length] + "bias";

    private double[] Norm(double[] x, string name, int width)
    {
        var y = new double[x.Length];
        RmsNormReference.Forward(x, Parameters[name + ".weight"], y, x.Length / width, width, config.RmsNormEpsilon);
        return y;
    }

    private double[] NormBackward(double[] dy, double[] x, string name, int width)
    {
        var dx = new double[x.Length];
        RmsNormReference.Backward(x, Parameters[name + ".weight"], dy, dx, Gradients[name + ".weight"], x.Length / width, width, config.RmsNormEpsilon);
        return dx;
    }

    private static double[] Sum(double[] a, double[] b) => [.. a.Zip(b, (left, right) => left + right)];

    /// <summary>One decoder layer: x + Wo attention(norm x), then x + Wdown SwiGLU(norm x).</summary>
    private sealed class Layer(ReferenceModel model, int index)
    {
        private readonly string prefix = $"model.layers.{index}.";
        private readonly ModelConfig config = model.config;
        private readonly SegmentVisibility visibility = model.visibility.Within(model.config.Window(index));
        private readonly double[] frequencies = RopeScaling.Frequencies(model.config.RopeScaling, model.config.HeadDim, model.config.RopeTheta);
        private readonly double magnitude = model.config.RopeScaling?.Magnitude ?? 1;
        private readonly ReferenceExperts? experts = model.config.HasExperts(index) ? new(model, model.config, $"model.layers.{index}.mlp.") : null;
        private double[] x = [], normed = [], rawQ = [], rawK = [], q = [], k = [], v = [], attended = [];
        private double[] middle = [], middleNormed = [], gate = [], up = [], gated = [];

        public double Balance => experts?.Balance ?? 0;

        public double[] Forward(double[] input)
        {
            x = input;
            normed = model.Norm(x, prefix + "input_layernorm", config.HiddenSize);
            rawQ = Project("q", config.QueryWidth);
            rawK = Project("k", config.KeyValueWidth);
            v = Project("v", config.KeyValueWidth);
            q = Turn("q", rawQ, config.Heads);
            k = Turn("k", rawK, config.KeyValueHeads);
            attended = new double[q.Length];
            AttentionReference.Forward<double>(q, k, v, attended, visibility, config.Heads, config.KeyValueHeads, config.HeadDim);
            middle = Sum(x, model.Linear(attended, prefix + "self_attn.o_proj.weight", config.QueryWidth, config.HiddenSize));

            middleNormed = model.Norm(middle, prefix + "post_attention_layernorm", config.HiddenSize);
            if (experts is not null)
            {
                return Sum(middle, experts.Forward(middleNormed));
            }

            gate = model.Linear(middleNormed, prefix + "mlp.gate_proj.weight", config.HiddenSize, config.FeedForwardSize);
            up = model.Linear(middleNormed, prefix + "mlp.up_proj.weight", config.HiddenSize, config.FeedForwardSize);
            gated = new double[gate.Length];
            SwiGluReference.Forward<double>(gate, up, gated);
            return Sum(middle, model.Linear(gated, prefix + "mlp.down_proj.weight", config.FeedForwardSize, config.HiddenSize));
        }

        public double[] Backward(double[] dy)
        {
            var dmiddleNormed = experts?.Backward(dy, model.BalanceCoefficient) ?? FeedForwardBackward(dy);
            var dmiddle = Sum(dy, model.NormBackward(dmiddleNormed, middle, prefix + "post_attention_layernorm", config.HiddenSize));

            var dattended = model.LinearBackward(dmiddle, attended, prefix + "self_attn.o_proj.weight", config.QueryWidth, config.HiddenSize);
            var (dq, dk, dv) = (new double[q.Length], new double[k.Length], new double[v.Length]);
            AttentionReference.Backward<double>(q, k, v, dattended, dq, dk, dv, visibility, config.Heads, config.KeyValueHeads, config.HeadDim);
            var dnormed = ProjectBackward("q", TurnBackward("q", dq, rawQ, config.Heads), config.QueryWidth);
            dnormed = Sum(dnormed, ProjectBackward("k", TurnBackward("k", dk, rawK, config.KeyValueHeads), config.KeyValueWidth));
            dnormed = Sum(dnormed, ProjectBackward("v", dv, config.KeyValueWidth));
            return Sum(dmiddle, model.NormBackward(dnormed, x, prefix + "input_layernorm", config.HiddenSize));
        }

        private double[] FeedForwardBackward(double[] dy)
        {
            var dgated = model.LinearBackward(dy, gated, prefix + "mlp.down_proj.weight", config.FeedForwardSize, config.HiddenSize);
            var (dgate, dup) = (new double[gate.Length], new double[up.Length]);
            SwiGluReference.Backward<double>(gate, up, dgated, dgate, dup);
            return Sum(
                model.LinearBackward(dgate, middleNormed, prefix + "mlp.gate_proj.weight", config.HiddenSize, config.FeedForwardSize),
                model.LinearBackward(dup, middleNormed, prefix + "mlp.up_proj.weight", config.HiddenSize, config.FeedForwardSize));
        }

        private double[] Project(string part, int width) => model.Linear(normed, $"{prefix}self_attn.{part}_proj.weight", config.HiddenSize, width);

        private double[] ProjectBackward(string part, double[] dy, int width) =>
            model.LinearBackward(dy, normed, $"{prefix}self_attn.{part}_proj.weight", config.HiddenSize, width);

        /// <summary>The norm over each head, where the model has one, then the rotation.</summary>
        private double[] Turn(string part, double[] raw, int heads)
        {
            var y = config.QkNorm ? model.Norm(raw, $"{prefix}self_attn.{part}_norm", config.HeadDim) : (double[])raw.Clone();
            RopeReference.Rotate(y, visibility.Positions, heads, frequencies, magnitude, 1);
            return y;
        }

        private double[] TurnBackward(string part, double[] dy, double[] raw, int heads)
        {
            RopeReference.Rotate(dy, visibility.Positions, heads, frequencies, magnitude, -1);
            return config.QkNorm ? model.NormBackward(dy, raw, $"{prefix}self_attn.{part}_norm", config.HeadDim) : dy;
        }
    }
}
