using CoScientist.Core;
using CoScientist.Training.Model;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Checkpoints.Gguf;

/// <summary>The model of a GGUF file: its shape, and its weights under Hugging Face's names.</summary>
internal static class GgufModel
{
    /// <summary>Start of the keys of our own that keep the rule behind scaled rotary frequencies; other writers keep its result only.</summary>
    public const string RuleKey = "coscientist.rope.";

    private static readonly string[] Architectures = ["llama", "qwen2", "qwen3", "qwen3moe"];

    /// <summary>Reads the shape.</summary>
    /// <exception cref="InvalidDataException">Another architecture, or fields are missing or out of range.</exception>
    public static ModelConfig Config(GgufFile file)
    {
        var architecture = file.Find<string>("general.architecture") ?? throw file.Fault("general.architecture is missing; get the file again");
        if (!Architectures.Contains(architecture, StringComparer.Ordinal))
        {
            throw file.Fault($"general.architecture is \"{FileText.Shown(architecture)}\"; supported are {string.Join(", ", Architectures)}");
        }

        var (hidden, heads) = (Whole("embedding_length"), Whole("attention.head_count"));
        var headDim = file.Whole(Key("attention.key_length")) ?? hidden / Math.Max(1, heads);
        var embedding = Shape("token_embd.weight") ?? throw file.Fault("tensor 'token_embd.weight' is missing; get the file again");
        var moe = architecture == "qwen3moe";
        if ((file.Whole(Key("attention.value_length")) ?? headDim) != headDim || (file.Whole(Key("rope.dimension_count")) ?? headDim) != headDim)
        {
            throw file.Fault($"{Key("attention.value_length")} or {Key("rope.dimension_count")} differs from the width of a head, {headDim}, which is not supported");
        }

        if (architecture == "llama" && file.Whole(Key("expert_count")) is > 0)
        {
            throw file.Fault($"{Key("expert_count")} is set: mixtures of experts of architecture llama are not supported");
        }

        var config = new ModelConfig
        {
            VocabularySize = embedding[0],
            HiddenSize = hidden,
            Layers = Whole("block_count"),
            Heads = heads,
            KeyValueHeads = file.Whole(Key("attention.head_count_kv")) ?? heads,
            HeadDim = headDim,
            FeedForwardSize = moe ? file.Whole(Key("feed_forward_length")) ?? Whole("expert_feed_forward_length") : Whole("feed_forward_length"),
            MaxPositions = Whole("context_length"),
            RopeTheta = file.Number(Key("rope.freq_base")) ?? 10_000,
            RmsNormEpsilon = file.Number(Key("attention.layer_norm_rms_epsilon")) ?? throw file.Fault($"{Key("attention.layer_norm_rms_epsilon")} is missing; get the file again"),
            TiedEmbeddings = Shape("output.weight") is null,
            QkNorm = architecture.StartsWith("qwen3", StringComparison.Ordinal),
            AttentionBias = architecture == "qwen2",
            Experts = moe ? Whole("expert_count") : 0,
            ExpertsPerToken = moe ? Whole("expert_used_count") : 0,
            ExpertSize = moe ? Whole("expert_feed_forward_length") : 0,
            NormaliseExperts = moe,
        };
        config = config with { RopeScaling = Scaling(file, config, Key) };
        try
        {
            config.Validate();
            return config;
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidDataException($"{file.Path}: {exception.Message}", exception);
        }

        string Key(string name) => $"{architecture}.{name}";
        int Whole(string name) => file.Whole(Key(name)) ?? throw file.Fault($"{Key(name)} is missing; get the file again");
        int[]? Shape(string name) => file.Tensors.FirstOrDefault(tensor => tensor.Spec.Name == name)?.Spec.Shape;
    }

    /// <summary>The weights under Hugging Face's names and in its order of rows.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing, has another shape or an unsupported type, or is not of this model.</exception>
    public static List<StoredTensor> Weights(GgufFile file, ModelConfig config)
    {
        var stored = file.Tensors.ToDictionary(tensor => tensor.Spec.Name, StringComparer.Ordinal);
        var used = new HashSet<string>(StringComparer.Ordinal) { GgufName.RotaryDivisors };
        var weights = new List<StoredTensor>();
        foreach (var spec in config.Tensors())
        {
            var (name, expert, heads) = GgufName.Of(spec, config);
            var tensor = stored.GetValueOrDefault(name) ?? throw file.Fault($"tensor '{name}' is missing; get the file again");
            tensor.Check(expert is null ? spec.Shape : [config.Experts, .. spec.Shape]);
            used.Add(name);
            weights.Add(tensor.Part(spec, (long)(expert ?? 0) * spec.Shape[0], heads));
        }

        return stored.Keys.FirstOrDefault(name => !used.Contains(name)) is { } surplus
            ? throw file.Fault($"tensor '{FileText.Shown(surplus)}' is not of the architecture that the file names")
            : weights;
    }

    /// <summary>Divisors of the rotary frequencies, as files keep them for <see cref="RopeScalingKind.Llama3"/>, [D/2].</summary>
    public static float[] Divisors(RopeScaling scaling, ModelConfig config) =>
    [
        .. RopeScaling.Frequencies(null, config.HeadDim, config.RopeTheta)
            .Zip(RopeScaling.Frequencies(scaling, config.HeadDim, config.RopeTheta), (plain, scaled) => (float)(plain / scaled)),
    ];

    private static RopeScaling? Scaling(GgufFile file, ModelConfig config, Func<string, string> key)
    {
        if (file.Tensors.FirstOrDefault(tensor => tensor.Spec.Name == GgufName.RotaryDivisors) is { } tensor)
        {
            return Llama3(file, tensor, config);
        }

        var kind = file.Find<string>(key("rope.scaling.type"));
        if (kind is null or "none")
        {
            return null;
        }

        var scaling = new RopeScaling
        {
            Kind = kind switch
            {
                "linear" => RopeScalingKind.Linear,
                "yarn" => RopeScalingKind.Yarn,
                _ => throw file.Fault($"{key("rope.scaling.type")} is \"{FileText.Shown(kind)}\"; none, linear and yarn are supported"),
            },
            Factor = file.Number(key("rope.scaling.factor")) ?? throw file.Fault($"{key("rope.scaling.factor")} is missing; get the file again"),
        };
        return scaling with { OriginalMaxPositions = file.Whole(key("rope.scaling.original_context_length")) ?? scaling.OriginalMaxPositions };
    }

    // The file keeps what the rule gave, not the rule: it is found again and held against every value.
    private static RopeScaling Llama3(GgufFile file, StoredTensor tensor, ModelConfig config)
    {
        tensor.Check([config.HeadDim / 2]);
        var divisors = new float[config.HeadDim / 2];
        tensor.Read(0, divisors);
        var scaling = new RopeScaling
        {
            Kind = RopeScalingKind.Llama3,
            Factor = file.Number(RuleKey + "factor") ?? divisors.Max(),
            OriginalMaxPositions = file.Whole(RuleKey + "original_context_length") ?? 8192,
            LowFrequencyFactor = file.Number(RuleKey + "low_freq_factor") ?? 1,
            HighFrequencyFactor = file.Number(RuleKey + "high_freq_factor") ?? 4,
        };
        return double.IsFinite(scaling.Factor) && scaling.Factor >= 1 && Divisors(scaling, config).Zip(divisors).All(pair => MathF.Abs(pair.First - pair.Second) <= 1e-4f * pair.First)
            ? scaling
            : throw file.Fault($"tensor '{GgufName.RotaryDivisors}' is not the scaling of Llama 3 (8192 positions and factors 1 and 4, unless it says otherwise), the only one that is supported");
    }
}
