using System.CommandLine;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Model;
using CoScientist.Training.Tensors;

namespace CoScientist.Web.Commands;

/// <summary>Looks into checkpoint folders, computes logits for parity checks, and converts element types.</summary>
internal static class ModelCommand
{
    public static Command Create() => new("model", "Look into checkpoints, compute logits, convert") { Inspect(), Logits(), Convert() };

    private static Argument<string> Directory { get; } = new("DIR") { Description = "Folder of the checkpoint (the one with config.json)" };

    private static Command Inspect()
    {
        var command = new Command("inspect", "Check a checkpoint and tell what it is") { Directory };
        command.SetAction((parsed, _) =>
        {
            var directory = Path.GetFullPath(parsed.GetValue(Directory)!);
            var (config, tokenizer) = CheckpointFolder.Open(directory);
            using var weights = WeightFiles.Open(directory);
            weights.Check([.. config.Tensors()]);
            var manifest = CheckpointManifest.Read(directory);
            var tensors = weights.Tensors.Select(tensor => new { tensor.Spec.Name, Type = tensor.TypeName, tensor.Spec.Shape }).ToList();
            var types = tensors.CountBy(tensor => tensor.Type).OrderBy(type => type.Key, StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);
            CommandContext.Answer(
                parsed,
                new { directory, config, config.ParameterCount, types, tokenizer = new { tokenizer.VocabularySize, special = tokenizer.SpecialTokens }, manifest, tensors },
                Summary(config)
                    .Append($"tokenizer    {tokenizer.VocabularySize} ids; special: {string.Join(' ', tokenizer.SpecialTokens)}")
                    .Append($"weights      {string.Join(", ", types.Select(type => $"{type.Value} tensors as {type.Key}"))}")
                    .Append(manifest is null ? "manifest     none: made elsewhere, nothing to verify the files by" : $"manifest     {manifest.Files.Count} files verified; {string.Join(", ", manifest.Origin.Select(fact => $"{fact.Key} {fact.Value}"))}")
                    .Concat(weights.Tensors.Select(tensor => $"  {tensor.Spec.Name}  {tensor.TypeName}  {tensor.Spec.ShapeText}")));
            return Task.FromResult(0);
        });
        return command;
    }

    private static Command Logits()
    {
        var tokens = new Option<string>("--tokens") { Description = "Ids of the sequence, separated by commas", Required = true };
        var all = new Option<bool>("--all") { Description = "Logits after every token (default: after the last)" };
        var command = new Command("logits", "Logits after a sequence of ids") { Directory, tokens, all };
        command.SetAction((parsed, _) =>
        {
            using var engine = CpuEngine.Load(Path.GetFullPath(parsed.GetValue(Directory)!));
            var ids = Ids(parsed.GetValue(tokens)!, engine.Config);
            var from = parsed.GetValue(all) ? 0 : ids.Length - 1;
            var logits = engine.Logits(ids, from);
            CommandContext.Answer(
                parsed,
                new { tokens = ids, firstPosition = from, logits },
                logits.Select((row, i) => $"{from + i}: {string.Join(' ', row.Select(value => value.ToString("G9")))}"));
            return Task.FromResult(0);
        });
        return command;
    }

    private static Command Convert()
    {
        var target = new Argument<string>("OUT") { Description = "Folder to make; must not exist" };
        var dtype = new Option<string>("--dtype") { Description = "Element type of the weights: f32, bf16 or f16", Required = true };
        dtype.AcceptOnlyFromAmong("f32", "bf16", "f16");
        var command = new Command("convert", "Write a checkpoint with another element type") { Directory, target, dtype };
        command.SetAction((parsed, _) =>
        {
            var source = Path.GetFullPath(parsed.GetValue(Directory)!);
            var destination = Path.GetFullPath(parsed.GetValue(target)!);
            var type = Enum.Parse<TensorType>(parsed.GetValue(dtype)!, ignoreCase: true);
            var (config, tokenizer) = CheckpointFolder.Open(source);
            var tensors = config.Tensors().Select(spec => new NamedTensor(spec.Name, spec.Shape, new float[spec.Count])).ToList();
            CheckpointFolder.ReadWeights(source, tensors);
            var origin = CheckpointManifest.Read(source)?.Origin ?? new Dictionary<string, string>(StringComparer.Ordinal) { ["parent"] = Path.GetFileName(source) };
            CheckpointFolder.Write(destination, config, tensors, tokenizer, origin, type, source);
            CommandContext.Answer(parsed, new { directory = destination, type = type.ToString(), config.ParameterCount }, [$"{destination}: {config.ParameterCount:N0} parameters as {type}."]);
            return Task.FromResult(0);
        });
        return command;
    }

    private static int[] Ids(string text, ModelConfig config)
    {
        var ids = text.Split(',', StringSplitOptions.TrimEntries).Select(part => int.TryParse(part, out var id) && id >= 0 && id < config.VocabularySize
            ? id
            : throw new CommandException($"--tokens: '{part}' is no id of this model; give whole numbers from 0 to {config.VocabularySize - 1}, separated by commas.")).ToArray();
        return ids.Length <= config.MaxPositions
            ? ids
            : throw new CommandException($"--tokens: {ids.Length} ids are more than the model's {config.MaxPositions} positions; give fewer.");
    }

    private static IEnumerable<string> Summary(ModelConfig config) =>
    [
        $"parameters   {config.ParameterCount:N0}",
        $"shape        {config.Layers} layers, width {config.HiddenSize}, {config.Heads} heads and {config.KeyValueHeads} key-value heads of {config.HeadDim}, feed-forward {config.FeedForwardSize}",
        $"vocabulary   {config.VocabularySize}, head {(config.TiedEmbeddings ? "tied" : "untied")}",
        $"positions    {config.MaxPositions}, rotary base {config.RopeTheta}, norm epsilon {config.RmsNormEpsilon}{(config.QkNorm ? ", query and key norms" : "")}{(config.AttentionBias ? ", attention biases" : "")}",
    ];
}
