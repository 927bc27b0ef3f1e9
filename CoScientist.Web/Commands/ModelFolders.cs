using System.CommandLine;
using CoScientist.Training.Checkpoints;
using CoScientist.Web.Runs;

namespace CoScientist.Web.Commands;

/// <summary><c>model import</c> and <c>model random</c>: a folder becomes a model that runs can name; a folder of random weights to try that with.</summary>
internal static class ModelFolders
{
    /// <summary>Makes <c>model import</c>.</summary>
    public static Command Import()
    {
        var folder = new Argument<string>("FOLDER") { Description = "Folder of Hugging Face layout; it stays where it is" };
        var name = new Option<string?>("--name") { Description = "Name for runs and verbs (default: the folder's)" };
        var parent = new Option<string?>("--parent") { Description = "Model of the library that it was trained from, as for a checkpoint fetched by hand from a cluster", HelpName = "NAME" };
        var command = new Command("import", "Register a folder as a model, so that runs and verbs can name it") { folder, name, parent };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var services = await CommandContext.OpenAsync(parsed, DataUse.Writes, cancellationToken);
            var model = await services.GetRequiredService<ModelCatalog>().ImportAsync(parsed.GetValue(folder)!, parsed.GetValue(name), cancellationToken, parsed.GetValue(parent));
            CommandContext.Answer(
                parsed,
                new { model.Name, Directory = model.Folder, Parent = parsed.GetValue(parent), model.Sandbox, model.ParameterCount, model.Report },
                [.. model.Report.Select(line => $"{line.What,-13} {line.Detail}"), $"{model.Name}: {model.ParameterCount:N0} parameters in {model.Folder}. Train it with: train --preset grpo-lora --set model={model.Name} --set judge=…"]);
            return 0;
        });
        return command;
    }

    /// <summary>Makes <c>model random</c>.</summary>
    public static Command Random()
    {
        var target = new Argument<string>("OUT") { Description = "Folder to make; must not exist" };
        var like = new Option<string>("--like") { Description = $"Shape: {string.Join(" or ", RandomCheckpoint.Shapes.Keys)}", DefaultValueFactory = _ => "qwen3-0.6b" };
        like.AcceptOnlyFromAmong([.. RandomCheckpoint.Shapes.Keys]);
        var seed = new Option<long>("--seed") { Description = "Seed of the weights", DefaultValueFactory = _ => 1 };
        var dtype = new Option<string>("--dtype") { Description = "Element type of the weights: f32, bf16 or f16", DefaultValueFactory = _ => "bf16" };
        dtype.AcceptOnlyFromAmong("f32", "bf16", "f16");
        var command = new Command("random", "Make a folder of random weights in a published shape, to try memory and time on: it has learnt nothing") { target, like, seed, dtype };
        command.SetAction((parsed, cancellationToken) =>
        {
            var (directory, shape) = (Path.GetFullPath(parsed.GetValue(target)!), parsed.GetValue(like)!);
            RandomCheckpoint.Write(directory, shape, parsed.GetValue(seed), Enum.Parse<TensorType>(parsed.GetValue(dtype)!, ignoreCase: true), cancellationToken);
            var count = RandomCheckpoint.Shapes[shape].ParameterCount;
            CommandContext.Answer(
                parsed,
                new { directory, shape, seed = parsed.GetValue(seed), parameterCount = count },
                [$"{directory}: {count:N0} random parameters in the shape of {shape}. It has learnt nothing; register it with: model import {directory}"]);
            return Task.FromResult(0);
        });
        return command;
    }
}
