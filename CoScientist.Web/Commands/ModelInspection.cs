using System.CommandLine;
using System.Text.Json.Nodes;
using CoScientist.Core;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Checkpoints.Adapters;
using CoScientist.Training.Model;

namespace CoScientist.Web.Commands;

/// <summary><c>model inspect</c>: checks a checkpoint, an adapter or a file of tensors, and tells what it is.</summary>
internal static class ModelInspection
{
    /// <summary>Makes the verb.</summary>
    public static Command Create()
    {
        var source = new Argument<string>("PATH") { Description = "Folder of a checkpoint or of a PEFT adapter, a GGUF file or a safetensors file" };
        var command = new Command("inspect", "Check a checkpoint and tell what it is") { source };
        command.SetAction((parsed, _) =>
        {
            var path = Path.GetFullPath(parsed.GetValue(source)!);
            if (AdapterFolder.IsAdapter(path))
            {
                Adapter(parsed, path);
            }
            else if (path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) && File.Exists(path))
            {
                using var file = SafetensorsFile.Open(path);
                CommandContext.Answer(parsed, new { path, bytes = Bytes(file.Tensors), types = Types(file.Tensors), tensors = Listed(file.Tensors) }, Lines(file.Tensors));
            }
            else
            {
                Model(parsed, path);
            }

            return Task.FromResult(0);
        });
        return command;
    }

    private static void Model(ParseResult parsed, string directory)
    {
        var (config, tokenizer) = CheckpointFolder.Open(directory);
        using var weights = WeightFiles.Open(directory);
        weights.Check([.. config.Tensors()]);
        var gguf = WeightFiles.IsGguf(directory);
        var manifest = gguf ? null : CheckpointManifest.Read(directory);
        var template = gguf ? null : Template(directory);
        CommandContext.Answer(
            parsed,
            new
            {
                directory,
                format = gguf ? "gguf" : "hf",
                config,
                config.ParameterCount,
                bytes = Bytes(weights.Tensors),
                types = Types(weights.Tensors),
                tokenizer = new { tokenizer.VocabularySize, special = tokenizer.SpecialTokens },
                chatTemplate = template,
                manifest,
                tensors = Listed(weights.Tensors),
            },
            Summary(config)
                .Append($"tokenizer    {tokenizer.VocabularySize} ids; special: {string.Join(' ', tokenizer.SpecialTokens)}")
                .Append($"template     {template ?? (gguf ? "as the file has it" : "none")}")
                .Append(manifest is null ? "manifest     none: made elsewhere, nothing to verify the files by" : $"manifest     {manifest.Files.Count} files verified; {Facts(manifest)}")
                .Concat(Lines(weights.Tensors)));
    }

    private static void Adapter(ParseResult parsed, string directory)
    {
        using var adapter = AdapterFolder.Open(directory);
        var manifest = CheckpointManifest.Read(directory);
        var count = adapter.Tensors.Sum(tensor => tensor.Spec.Count);
        CommandContext.Answer(
            parsed,
            new { directory, format = "peft", adapter.Config, parameterCount = count, bytes = Bytes(adapter.Tensors), types = Types(adapter.Tensors), manifest, tensors = Listed(adapter.Tensors) },
            new[]
            {
                $"adapter      LoRA of rank {adapter.Config.Rank}, alpha {adapter.Config.Alpha}{(adapter.Config.RankStabilised ? ", rank-stabilised" : "")}, on {adapter.Modules.Count} layers",
                $"parameters   {count:N0}",
                $"base         {adapter.Config.BaseModel ?? "not named"}",
                manifest is null ? "manifest     none: made elsewhere" : $"manifest     {manifest.Files.Count} files verified; {Facts(manifest)}",
            }.Concat(Lines(adapter.Tensors)));
    }

    private static IEnumerable<string> Summary(ModelConfig config) =>
    [
        $"parameters   {config.ParameterCount:N0}",
        $"shape        {config.Layers} layers, width {config.HiddenSize}, {config.Heads} heads and {config.KeyValueHeads} key-value heads of {config.HeadDim}, feed-forward {config.FeedForwardSize}",
        .. config.Experts > 0 ? new[] { $"experts      {config.Experts}, {config.ExpertsPerToken} for each token, of width {config.ExpertSize}" } : [],
        $"vocabulary   {config.VocabularySize}, head {(config.TiedEmbeddings ? "tied" : "untied")}",
        $"positions    {config.MaxPositions}, rotary base {config.RopeTheta}{(config.RopeScaling is { } scaling ? $" scaled ({scaling.Kind}, {scaling.Factor})" : "")}, norm epsilon {config.RmsNormEpsilon}{(config.QkNorm ? ", query and key norms" : "")}{(config.AttentionBias ? ", attention biases" : "")}{(config.OutputBias ? ", output bias" : "")}{(config.FeedForwardBias ? ", feed-forward biases" : "")}",
    ];

    private static string? Template(string directory)
    {
        if (File.Exists(Path.Combine(directory, "chat_template.jinja")))
        {
            return "chat_template.jinja";
        }

        var settings = Path.Combine(directory, CheckpointFolder.TokenizerConfigFile);
        return File.Exists(settings) && JsonFile.ReadNode(settings) is JsonObject json && json["chat_template"] is not null ? "in " + CheckpointFolder.TokenizerConfigFile : null;
    }

    private static string Facts(CheckpointManifest manifest) => string.Join(", ", manifest.Origin.Select(fact => $"{fact.Key} {fact.Value}"));

    private static long Bytes(IEnumerable<StoredTensor> tensors) => tensors.Sum(tensor => tensor.ByteCount);

    private static Dictionary<string, int> Types(IEnumerable<StoredTensor> tensors) =>
        tensors.CountBy(tensor => tensor.TypeName, StringComparer.Ordinal).OrderBy(type => type.Key, StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);

    private static object Listed(IEnumerable<StoredTensor> tensors) => tensors.Select(tensor => new { tensor.Spec.Name, Type = tensor.TypeName, tensor.Spec.Shape }).ToList();

    private static IEnumerable<string> Lines(IReadOnlyList<StoredTensor> tensors) =>
        tensors.Select(tensor => $"  {tensor.Spec.Name}  {tensor.TypeName}  {tensor.Spec.ShapeText}")
            .Prepend($"weights      {Bytes(tensors):N0} bytes: {string.Join(", ", Types(tensors).Select(type => $"{type.Value} tensors as {type.Key}"))}");
}
