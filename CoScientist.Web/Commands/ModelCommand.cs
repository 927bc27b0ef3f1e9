using System.CommandLine;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Checkpoints.Adapters;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Model;

namespace CoScientist.Web.Commands;

/// <summary>Looks into checkpoints, computes logits for parity checks, converts element types and layouts, and brings folders into the library.</summary>
internal static class ModelCommand
{
    public static Command Create() => new("model", "Register models, look into checkpoints, compute logits, convert") { ModelInspection.Create(), Logits(), Convert(), ModelFolders.Import(), ModelFolders.Random() };

    /// <summary>A checkpoint.</summary>
    internal static Argument<string> Source { get; } = new("MODEL") { Description = "Folder of the checkpoint (the one with config.json), or a GGUF file" };

    private static Command Logits()
    {
        var tokens = new Option<string>("--tokens") { Description = "Ids of the sequence, separated by commas", Required = true };
        var all = new Option<bool>("--all") { Description = "Logits after every token (default: after the last)" };
        var top = new Option<int?>("--top") { Description = "Only the N largest, each with its token", HelpName = "N" };
        var adapter = new Option<string?>("--adapter") { Description = "Folder of a PEFT adapter to add", HelpName = "DIR" };
        var dtype = Dtype.Create();
        var command = new Command("logits", "Logits after a sequence of ids") { Source, tokens, all, top, adapter, dtype };
        command.SetAction((parsed, _) =>
        {
            if (parsed.GetValue(top) is < 1)
            {
                throw new CommandException("--top: give a number of at least 1.");
            }

            using var engine = Load(Path.GetFullPath(parsed.GetValue(Source)!), parsed.GetValue(adapter), Dtype.Of(parsed.GetValue(dtype)!));
            var ids = Ids(parsed.GetValue(tokens)!, engine.Config);
            var from = parsed.GetValue(all) ? 0 : ids.Length - 1;
            var logits = engine.Logits(ids, from);
            if (parsed.GetValue(top) is { } count)
            {
                var best = logits.Select(row => row.Index().OrderByDescending(entry => entry.Item).Take(count)
                    .Select(entry => new { id = entry.Index, token = entry.Index < engine.Tokenizer.VocabularySize ? engine.Tokenizer.TokenText(entry.Index) : null, logit = entry.Item }).ToArray()).ToArray();
                CommandContext.Answer(
                    parsed,
                    new { tokens = ids, firstPosition = from, top = best },
                    best.SelectMany((row, i) => row.Select(entry => $"{from + i}: {entry.id} {entry.logit.ToString("G9")} {System.Text.Json.JsonSerializer.Serialize(entry.token)}")));
                return Task.FromResult(0);
            }

            CommandContext.Answer(
                parsed,
                new { tokens = ids, firstPosition = from, logits },
                logits.Select((row, i) => $"{from + i}: {string.Join(' ', row.Select(value => value.ToString("G9")))}"));
            return Task.FromResult(0);
        });
        return command;
    }

    /// <summary>A model to be read; only where an adapter is folded in are its weights held as they are stored.</summary>
    private static CpuEngine Load(string source, string? adapter, Precision precision)
    {
        if (adapter is null)
        {
            return CpuEngine.LoadReadOnly(source, precision);
        }

        using var change = AdapterFolder.Open(Path.GetFullPath(adapter));
        var engine = CpuEngine.Load(source, options: new EngineOptions { Precision = precision });
        try
        {
            AdapterMerge.Apply(engine.Weights.Tensors(), change);
            engine.WeightsChanged();
            return engine;
        }
        catch
        {
            engine.Dispose();
            throw;
        }
    }

    private static Command Convert()
    {
        var target = new Argument<string>("OUT") { Description = "Folder to make, or a file that ends in .gguf; must not exist" };
        var dtype = new Option<string>("--dtype") { Description = "Element type of the weights: f32, bf16, f16, or q8_0 (GGUF only)", Required = true };
        dtype.AcceptOnlyFromAmong("f32", "bf16", "f16", "q8_0");
        var format = new Option<string?>("--format") { Description = "hf (a folder) or gguf (default: by the name of OUT)" };
        format.AcceptOnlyFromAmong("hf", "gguf");
        var merge = new Option<string?>("--merge") { Description = "Folder of a PEFT adapter to fold into the weights", HelpName = "DIR" };
        var command = new Command("convert", "Write a checkpoint with another element type, in the other layout, or with an adapter folded in") { Source, target, dtype, format, merge };
        command.SetAction((parsed, cancellationToken) =>
        {
            var destination = Path.GetFullPath(parsed.GetValue(target)!);
            var gguf = destination.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase);
            if ((parsed.GetValue(format) ?? (gguf ? "gguf" : "hf")) != (gguf ? "gguf" : "hf"))
            {
                throw new CommandException($"{parsed.GetValue(target)}: a GGUF file ends in .gguf and a folder does not; change the name or --format.");
            }

            var type = Enum.Parse<TensorType>(parsed.GetValue(dtype)!, ignoreCase: true);
            if (type == TensorType.Q8_0 && !gguf)
            {
                throw new CommandException("--dtype q8_0 exists in GGUF files only: let OUT end in .gguf, or choose f32, bf16 or f16.");
            }

            var adapter = parsed.GetValue(merge) is { } directory ? Path.GetFullPath(directory) : null;
            using var bar = new PercentBar(Console.Error, bar: !Console.IsErrorRedirected);
            var count = ModelConversion.Convert(Path.GetFullPath(parsed.GetValue(Source)!), destination, type, adapter, bar, cancellationToken);
            bar.Dispose();
            CommandContext.Answer(parsed, new { directory = destination, type = type.ToString(), parameterCount = count }, [$"{destination}: {count:N0} parameters as {type}."]);
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
}
