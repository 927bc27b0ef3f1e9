using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Model;
using TorchSharp;
using static TorchSharp.torch;

namespace CoScientist.Training.Engines.Torch;

/// <summary>What attends to what: the tokens at hand, and what a query of theirs sees.</summary>
internal abstract class TorchView
{
    /// <summary>Cosines of the tokens' rotations, [B, T, 1, D].</summary>
    public required Tensor Cos { get; init; }

    /// <summary>Their sines, [B, T, 1, D].</summary>
    public required Tensor Sin { get; init; }

    /// <summary>Attention of a layer: queries [B, H, T, D], keys and values [B, H/g, T, D], to [B, H, T, D].</summary>
    public abstract Tensor Attend(int layer, Tensor queries, Tensor keys, Tensor values);
}

/// <summary>The decoder of <see cref="ModelConfig"/> in tensors of libtorch; the formulas are those of the managed model.</summary>
/// <param name="config">Shape.</param>
/// <param name="weights">Weights by Hugging Face name.</param>
/// <param name="precision">Numbers of the products with weights: single precision or bfloat16.</param>
internal sealed class TorchModel(ModelConfig config, IReadOnlyDictionary<string, Tensor> weights, Precision precision)
{
    // As low as the managed engine's; the largest negative number would make rows without any key NaN.
    private const float Hidden = -1e30f;

    private readonly double[] frequencies = RopeScaling.Frequencies(config.RopeScaling, config.HeadDim, config.RopeTheta);
    private readonly double magnitude = config.RopeScaling?.Magnitude ?? 1;

    /// <summary>Name of the head's matrix.</summary>
    public string HeadName { get; } = config.TiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";

    /// <summary>Where tensors live.</summary>
    public Device Device => weights["model.norm.weight"].device;

    /// <summary>Embeddings of tokens [B, T], [B, T, C].</summary>
    public Tensor Embed(Tensor tokens) => weights["model.embed_tokens.weight"].index_select(0, tokens.reshape(-1)).reshape(tokens.shape[0], tokens.shape[1], config.HiddenSize);

    /// <summary>One layer, [B, T, C] to the same.</summary>
    public Tensor Layer(int layer, Tensor x, TorchView view)
    {
        var prefix = FormattableString.Invariant($"model.layers.{layer}.");
        x = x + Attention(layer, prefix + "self_attn.", Norm(x, prefix + "input_layernorm"), view);
        var normed = Norm(x, prefix + "post_attention_layernorm");
        return x + (config.HasExperts(layer) ? Experts(normed, prefix + "mlp.") : FeedForward(normed, prefix + "mlp."));
    }

    /// <summary>RMSNorm over the last dimension.</summary>
    public Tensor Norm(Tensor x, string name) => x * (x.pow(2).mean([-1], keepdim: true) + config.RmsNormEpsilon).rsqrt() * weights[name + ".weight"];

    /// <summary>Logits of normed rows [N, C], [N, V].</summary>
    public Tensor Logits(Tensor rows) => Product(rows, weights[HeadName]);

    /// <summary>Cosines and sines of positions [B, T].</summary>
    public (Tensor Cos, Tensor Sin) Rotations(long[] positions, int rows)
    {
        var (length, half, width) = (positions.Length / rows, config.HeadDim / 2, config.HeadDim);
        var (cos, sin) = (new float[positions.Length * width], new float[positions.Length * width]);
        for (var i = 0; i < positions.Length; i++)
        {
            for (var d = 0; d < width; d++)
            {
                var angle = positions[i] * frequencies[d % half];
                cos[(i * width) + d] = (float)(Math.Cos(angle) * magnitude);
                sin[(i * width) + d] = (float)(Math.Sin(angle) * magnitude);
            }
        }

        long[] shape = [rows, length, 1, width];
        return (tensor(cos, shape, device: Device), tensor(sin, shape, device: Device));
    }

    /// <summary>softmax(q·kᵀ/√D)·v over the keys that are not hidden; key heads are shared by groups of query heads.</summary>
    /// <param name="queries">[B, H, T, D].</param>
    /// <param name="keys">[B, H/g, S, D].</param>
    /// <param name="values">Likewise.</param>
    /// <param name="hidden">Whether a query does not see a key, shaped like or broadcast to [B, H, T, S].</param>
    public Tensor Attend(Tensor queries, Tensor keys, Tensor values, Tensor hidden)
    {
        var group = config.Heads / config.KeyValueHeads;
        var scores = queries.matmul(Shared(keys).transpose(2, 3)) * (1 / Math.Sqrt(config.HeadDim));
        return scores.masked_fill(hidden, Hidden).softmax(-1).matmul(Shared(values));

        Tensor Shared(Tensor heads)
        {
            var (b, s) = (heads.shape[0], heads.shape[2]);
            return heads.unsqueeze(2).expand(b, config.KeyValueHeads, group, s, config.HeadDim).reshape(b, config.Heads, s, config.HeadDim);
        }
    }

    /// <summary>Whether queries at some positions [T] do not see keys at others [S] of their own sequence, [T, S].</summary>
    public Tensor HiddenFrom(int layer, Tensor queryPositions, Tensor keyPositions)
    {
        var ahead = keyPositions.unsqueeze(0) - queryPositions.unsqueeze(1);
        return config.Window(layer) is > 0 and var window ? ahead.gt(0).logical_or(ahead.le(-window)) : ahead.gt(0);
    }

    private Tensor Attention(int layer, string prefix, Tensor x, TorchView view)
    {
        var (b, t) = (x.shape[0], x.shape[1]);
        var attended = view.Attend(layer, Heads("q"), Heads("k"), Heads("v"));
        return Linear(attended.transpose(1, 2).reshape(b, t, config.QueryWidth), prefix + "o_proj");

        Tensor Heads(string part)
        {
            var heads = Linear(x, $"{prefix}{part}_proj").reshape(b, t, -1, config.HeadDim);
            if (part == "v")
            {
                return heads.transpose(1, 2);
            }

            heads = config.QkNorm ? Norm(heads, $"{prefix}{part}_norm") : heads;
            return Rotate(heads, view).transpose(1, 2);
        }
    }

    // The first half of a head is turned against the second.
    private Tensor Rotate(Tensor heads, TorchView view)
    {
        var half = config.HeadDim / 2;
        var turned = cat([heads.narrow(3, half, half).neg(), heads.narrow(3, 0, half)], 3);
        return (heads * view.Cos) + (turned * view.Sin);
    }

    private Tensor FeedForward(Tensor x, string prefix)
    {
        var gate = Linear(x, prefix + "gate_proj");
        return Linear(gate * gate.sigmoid() * Linear(x, prefix + "up_proj"), prefix + "down_proj");
    }

    private Tensor Experts(Tensor x, string prefix)
    {
        var rows = x.reshape(-1, config.HiddenSize);
        var (shares, chosen) = Linear(rows, prefix + "gate").softmax(-1).topk(config.ExpertsPerToken, -1);
        shares = config.NormaliseExperts ? shares / shares.sum([-1], keepdim: true) : shares;
        var result = zeros_like(rows);
        for (var e = 0; e < config.Experts; e++)
        {
            // An expert that nobody chose gets no rows, and a gradient of zero.
            var slots = chosen.eq(e);
            var sent = slots.any(-1).nonzero().reshape(-1);
            var share = shares.masked_fill(slots.logical_not(), 0).sum([-1]).index_select(0, sent);
            result = result.index_add(0, sent, FeedForward(rows.index_select(0, sent), FormattableString.Invariant($"{prefix}experts.{e}.")) * share.unsqueeze(1), 1);
        }

        return result.reshape(x.shape);
    }

    private Tensor Linear(Tensor x, string name)
    {
        var y = Product(x, weights[name + ".weight"]);
        return weights.TryGetValue(name + ".bias", out var bias) ? y + bias : y;
    }

    private Tensor Product(Tensor x, Tensor weight) => precision == Precision.Bfloat16
        ? x.to_type(ScalarType.BFloat16).matmul(weight.to_type(ScalarType.BFloat16).t()).to_type(ScalarType.Float32)
        : x.matmul(weight.t());
}
