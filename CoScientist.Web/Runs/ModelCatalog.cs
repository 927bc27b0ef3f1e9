using CoScientist.Core.Storage;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Sandbox;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.Runs;

/// <summary>Finds the folder of a checkpoint by its name.</summary>
internal sealed class ModelCatalog(RunCheckpointStore checkpoints, CoScientistOptions options)
{
    /// <summary>Name of the sandbox's base model.</summary>
    public const string SandboxBase = "sandbox-base";

    /// <summary>Path of checkpoints that come with the application.</summary>
    private const string BuiltIn = "builtin:";

    /// <summary>Folder of the data directory whose subfolders are base models of people's own, in Hugging Face layout.</summary>
    private const string OwnModels = "models";

    /// <summary>Registers the checkpoints that come with the application, and those that people have put into <c>models/</c>, by the names of their folders.</summary>
    public async Task RegisterBuiltInsAsync(CancellationToken cancellationToken)
    {
        if (System.IO.Directory.Exists(SandboxBaseModel.Directory))
        {
            await checkpoints.RegisterBaseAsync(SandboxBase, BuiltIn + SandboxBase, isSandbox: true, cancellationToken);
        }

        var own = Path.Combine(options.DataDirectory, OwnModels);
        foreach (var folder in System.IO.Directory.Exists(own) ? System.IO.Directory.GetDirectories(own) : [])
        {
            var tokenizer = Path.Combine(folder, CheckpointFolder.TokenizerFile);
            if (File.Exists(Path.Combine(folder, CheckpointFolder.ConfigFile)) && File.Exists(tokenizer))
            {
                var name = Path.GetFileName(folder);
                await checkpoints.RegisterBaseAsync(name, $"{OwnModels}/{name}", CompactProtocol.IsSpokenBy(tokenizer), cancellationToken);
            }
        }
    }

    /// <summary>The folder of a checkpoint's files.</summary>
    /// <param name="name">Name as on the Models page.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="InvalidDataException">There is no such checkpoint, or its files are gone.</exception>
    public async Task<string> ResolveAsync(string name, CancellationToken cancellationToken)
    {
        var checkpoint = await checkpoints.FindAsync(name, cancellationToken)
            ?? throw new InvalidDataException(name == SandboxBase
                ? $"The sandbox's base model is missing from {SandboxBaseModel.Directory}: make it with 'sandbox build --out', which takes about a quarter of an hour on two cores, or install the software again."
                : $"There is no checkpoint \"{name}\": choose one from the Models page.");
        var folder = Directory(checkpoint.Path);
        return System.IO.Directory.Exists(folder)
            ? folder
            : throw new InvalidDataException($"The files of checkpoint \"{name}\" are gone from {folder}: put the folder back, or choose another checkpoint.");
    }

    /// <summary>The folder that a registered path stands for.</summary>
    public string Directory(string path) => path == BuiltIn + SandboxBase ? SandboxBaseModel.Directory : Path.GetFullPath(path, options.DataDirectory);
}
