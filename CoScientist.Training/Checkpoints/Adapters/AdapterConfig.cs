using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Core;
using CoScientist.Training.Model;

namespace CoScientist.Training.Checkpoints.Adapters;

/// <summary><c>adapter_config.json</c> of a PEFT adapter of type LoRA: W + s·B·A for some linear layers.</summary>
public sealed record AdapterConfig
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "adapter_config.json";

    // Fields that change nothing of what is computed, whatever they hold, and those that are read here.
    private static readonly HashSet<string> Harmless = new(StringComparer.Ordinal)
    {
        "peft_type", "r", "lora_alpha", "lora_dropout", "use_rslora", "target_modules", "bias", "fan_in_fan_out", "rank_pattern", "alpha_pattern",
        "base_model_name_or_path", "task_type", "auto_mapping", "revision", "inference_mode", "peft_version", "exclude_modules", "megatron_core", "qalora_group_size", "runtime_config",
    };

    private static readonly JsonSerializerOptions Writing = new() { WriteIndented = true };

    /// <summary>Rank r of the layers that <see cref="RankPattern"/> does not name.</summary>
    public required int Rank { get; init; }

    /// <summary>Strength α of the layers that <see cref="AlphaPattern"/> does not name.</summary>
    public required double Alpha { get; init; }

    /// <summary>Chance that an input was dropped in training. Default 0.</summary>
    public double Dropout { get; init; }

    /// <summary>Whether s = α/√r (rsLoRA) instead of α/r. Default false.</summary>
    public bool RankStabilised { get; init; }

    /// <summary>Ends of the names of the layers that have an adapter, or "all-linear".</summary>
    public required IReadOnlyList<string> TargetModules { get; init; }

    /// <summary>Other ranks, by the end of a layer's name.</summary>
    public IReadOnlyDictionary<string, int> RankPattern { get; init; } = new Dictionary<string, int>(StringComparer.Ordinal);

    /// <summary>Other strengths, by the end of a layer's name.</summary>
    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = new Dictionary<string, double>(StringComparer.Ordinal);

    /// <summary>What the adapter was trained on: a name or a folder; null when unknown.</summary>
    public string? BaseModel { get; init; }

    /// <summary>Rank of a layer.</summary>
    /// <param name="module">Its name ("model.layers.0.self_attn.q_proj").</param>
    public int RankOf(string module) => Match(RankPattern, module, Rank);

    /// <summary>Scale s of a layer.</summary>
    /// <param name="module">Its name.</param>
    public double ScaleOf(string module) => Match(AlphaPattern, module, Alpha) / (RankStabilised ? Math.Sqrt(RankOf(module)) : RankOf(module));

    /// <summary>The settings of an adapter that is trained here.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="baseModel">What it was trained on: a name or a folder; null when unknown.</param>
    public static AdapterConfig Of(LoraOptions options, string? baseModel)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new()
        {
            Rank = options.Rank,
            Alpha = options.Alpha,
            Dropout = options.Dropout,
            RankStabilised = options.RankStabilised,
            TargetModules = options.TargetModules,
            BaseModel = baseModel,
        };
    }

    /// <summary>Settings for training the adapter on.</summary>
    /// <exception cref="InvalidDataException">Its layers have several ranks or strengths, which is supported for merging only.</exception>
    public LoraOptions ToOptions() => RankPattern.Count == 0 && AlphaPattern.Count == 0
        ? new() { Rank = Rank, Alpha = Alpha, Dropout = Dropout, RankStabilised = RankStabilised, TargetModules = TargetModules }
        : throw new InvalidDataException("The adapter has rank_pattern or alpha_pattern: it can be merged, but not trained on.");

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">Another kind of adapter, an option that is not supported, or a field out of range; names every fault at once.</exception>
    public static AdapterConfig Read(string path)
    {
        using var document = JsonFile.Read(path);
        var fields = new ConfigFields(document.RootElement);
        var config = Read(document.RootElement, fields);
        return fields.Faults.Count == 0
            ? config
            : throw new InvalidDataException($"{path}: {FileText.Shown(string.Join("; ", fields.Faults))}. Use a plain LoRA adapter.");
    }

    internal string Write()
    {
        var json = new JsonObject
        {
            ["peft_type"] = "LORA",
            ["task_type"] = "CAUSAL_LM",
            ["base_model_name_or_path"] = BaseModel,
            ["r"] = Rank,
            ["lora_alpha"] = Alpha == Math.Truncate(Alpha) ? (long)Alpha : Alpha,
            ["lora_dropout"] = Dropout,
            ["use_rslora"] = RankStabilised,
            ["target_modules"] = TargetModules is ["all-linear"] ? "all-linear" : new JsonArray([.. TargetModules.Select(name => (JsonNode)name)]),
            ["bias"] = "none",
            ["fan_in_fan_out"] = false,
            ["rank_pattern"] = JsonSerializer.SerializeToNode(RankPattern),
            ["alpha_pattern"] = JsonSerializer.SerializeToNode(AlphaPattern),
            ["inference_mode"] = true,
        };
        return json.ToJsonString(Writing) + "\n";
    }

    private static AdapterConfig Read(JsonElement root, ConfigFields fields)
    {
        fields.Require(fields.Text("peft_type", "") == "LORA", $"peft_type is \"{fields.Text("peft_type", "")}\"; only LORA is supported");
        fields.Require(fields.Text("bias", "none") == "none", "bias is not \"none\"");
        fields.Require(!fields.Flag("fan_in_fan_out", fallback: false), "fan_in_fan_out is set");
        foreach (var field in root.ValueKind == JsonValueKind.Object ? root.EnumerateObject() : default)
        {
            // Some starts (PiSSA, say) also change the weights that the adapter is added to.
            var plain = field.Name == "init_lora_weights" ? field.Value.ToString() is "True" or "False" or "gaussian" or "orthogonal" or "eva" || IsUnset(field.Value) : IsUnset(field.Value);
            fields.Require(Harmless.Contains(field.Name) || plain, field.Name == "modules_to_save"
                ? $"modules_to_save is {FileText.Shown(field.Value.ToString())}: whole layers were trained beside the adapter, which is not supported; merge them with PEFT first"
                : $"{FileText.Shown(field.Name)} is set, which is not supported");
        }

        var config = new AdapterConfig
        {
            Rank = fields.Whole("r", 8),
            Alpha = fields.Number("lora_alpha", 8),
            Dropout = fields.Number("lora_dropout", 0),
            RankStabilised = fields.Flag("use_rslora", fallback: false),
            TargetModules = Targets(root, fields),
            RankPattern = Pattern<int>(root, fields, "rank_pattern", value => value.TryGetInt32(out var rank) && rank > 0 ? rank : (int?)null),
            AlphaPattern = Pattern<double>(root, fields, "alpha_pattern", value => value.TryGetDouble(out var alpha) && double.IsFinite(alpha) ? alpha : (double?)null),
            BaseModel = fields.Has("base_model_name_or_path") ? fields.Text("base_model_name_or_path", "") : null,
        };
        fields.Require(config.Rank is >= 1 and <= 65_536, $"r is {config.Rank}; 1 to 65536 is expected");
        fields.Require(double.IsFinite(config.Alpha), $"lora_alpha is {config.Alpha}; a finite number is expected");
        fields.Require(config.Dropout is >= 0 and < 1, $"lora_dropout is {config.Dropout}; 0 up to but not including 1 is expected");
        return config;
    }

    private static List<string> Targets(JsonElement root, ConfigFields fields)
    {
        if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("target_modules", out var targets))
        {
            if (targets.ValueKind == JsonValueKind.String)
            {
                return [targets.GetString()!];
            }

            if (targets.ValueKind == JsonValueKind.Array && targets.EnumerateArray().All(target => target.ValueKind == JsonValueKind.String))
            {
                return [.. targets.EnumerateArray().Select(target => target.GetString()!)];
            }
        }

        fields.Require(condition: false, "target_modules is missing or no list of texts");
        return [];
    }

    private static Dictionary<string, T> Pattern<T>(JsonElement root, ConfigFields fields, string name, Func<JsonElement, T?> read)
        where T : struct
    {
        var pattern = new Dictionary<string, T>(StringComparer.Ordinal);
        if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty(name, out var entries) && entries.ValueKind == JsonValueKind.Object)
        {
            foreach (var entry in entries.EnumerateObject())
            {
                // PEFT allows expressions here; the ends of names are what is used.
                var value = entry.Value.ValueKind == JsonValueKind.Number ? read(entry.Value) : null;
                fields.Require(value is not null && entry.Name.All(character => char.IsAsciiLetterOrDigit(character) || character is '_' or '.'), $"{name} has the entry {FileText.Shown(entry.Name)}, which is no name of a layer with a number");
                pattern[entry.Name] = value ?? default;
            }
        }

        return pattern;
    }

    private static T Match<T>(IReadOnlyDictionary<string, T> pattern, string module, T fallback)
    {
        foreach (var (name, value) in pattern)
        {
            if (module == name || module.EndsWith("." + name, StringComparison.Ordinal))
            {
                return value;
            }
        }

        return fallback;
    }

    private static bool IsUnset(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => true,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        JsonValueKind.Array => value.GetArrayLength() == 0,
        _ => false,
    };
}
