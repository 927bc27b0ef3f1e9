using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Checkpoints.Adapters;
using CoScientist.Training.Sandbox;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.Runs;

/// <summary>A folder that is a model of the library.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Folder">Where it lies.</param>
/// <param name="Sandbox">Whether it speaks the sandbox's language, and only that.</param>
/// <param name="ParameterCount">Its parameters.</param>
/// <param name="Report">What was looked at before it became one.</param>
internal sealed record ImportedModel(string Name, string Folder, bool Sandbox, long ParameterCount, IReadOnlyList<ModelCheckLine> Report);

/// <summary>Finds the folder of a checkpoint by its name.</summary>
internal sealed class ModelCatalog(RunCheckpointStore checkpoints, CoScientistOptions options)
{
    /// <summary>Name of the sandbox's base model.</summary>
    public const string SandboxBase = "sandbox-base";

    /// <summary>Path of checkpoints that come with the application.</summary>
    private const string BuiltIn = "builtin:";

    /// <summary>Folder of the data directory whose subfolders are base models of people's own, in Hugging Face layout.</summary>
    private const string OwnModels = "models";

    private const int LongestName = 64;

    /// <summary>Names with a meaning of their own, in specifications and in addresses of pages.</summary>
    private static readonly string[] s_reserved = [SandboxBase, RunSpec.InitialGrader, RunSpec.Oracle, "compare", "playground"];

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
            var (name, tokenizer) = (Path.GetFileName(folder), Path.Combine(folder, CheckpointFolder.TokenizerFile));
            if (name[0] != '.' && File.Exists(Path.Combine(folder, CheckpointFolder.ConfigFile)) && File.Exists(tokenizer) && await checkpoints.FindAsync(name, cancellationToken) is null or { DeletedAt: not null, RunId: null })
            {
                await checkpoints.RegisterBaseAsync(name, $"{OwnModels}/{name}", CompactProtocol.IsSpokenBy(tokenizer), cancellationToken);
            }
        }
    }

    /// <summary>Registers a folder of Hugging Face layout by a name, where it lies; a second time changes nothing.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="name">Its name; null for the folder's.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <param name="parent">Name of the model it was trained from; null for none that is known.</param>
    /// <exception cref="InvalidDataException">Nobody could use it, the name is taken or reserved, or there is no such parent; the message says what to do, and nothing has changed.</exception>
    public async Task<ImportedModel> ImportAsync(string folder, string? name, CancellationToken cancellationToken, string? parent = null)
    {
        var check = ModelCheck.Of(folder);
        if (check.Fault is { } fault)
        {
            throw new InvalidDataException(fault);
        }

        var path = check.Folder;
        name ??= Path.GetFileName(path);
        CheckName(name);
        CheckpointId? from = parent is null ? null
            : (await checkpoints.FindAsync(parent, cancellationToken))?.Id ?? throw new InvalidDataException($"There is no checkpoint \"{parent}\" that this one could be trained from: name one of the Models page with --parent, or register it first with 'model import'.");
        await checkpoints.RegisterBaseAsync(name, path, check.Sandbox, cancellationToken, from);
        var known = await checkpoints.FindAsync(name, cancellationToken);
        if (known is null || Directory(known.Path) != path)
        {
            throw new InvalidDataException($"There is a checkpoint \"{name}\" already, in {Directory(known!.Path)}: give this one another name with --name.");
        }

        return from is null || known.ParentId == from
            ? new ImportedModel(name, path, check.Sandbox, check.ParameterCount, check.Lines)
            : throw new InvalidDataException($"The checkpoint \"{name}\" is registered already, and not as trained from \"{parent}\": leave --parent out, or register the folder by another name with --name.");
    }

    /// <summary>Where a model of that name is made, inside the data directory.</summary>
    public string OwnDirectory(string name) => Path.Combine(options.DataDirectory, OwnModels, name);

    /// <summary>Refuses names that mean something else, or that files and addresses cannot carry.</summary>
    /// <exception cref="InvalidDataException">It is one.</exception>
    public static void CheckName(string name)
    {
        if (s_reserved.Contains(name) || name.Length is 0 or > LongestName || name[0] == '.' || !name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '-' or '_'))
        {
            throw new InvalidDataException($"\"{name}\" cannot be the name of a model: give another with --name, of at most {LongestName} letters, digits, dots, hyphens and underscores, and not {string.Join(", ", s_reserved)}.");
        }
    }

    /// <summary>The folder of a checkpoint's files. What a run kept as an adapter alone is made whole, which takes seconds for a large model.</summary>
    /// <param name="name">Name as on the Models page.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="InvalidDataException">There is no such checkpoint, or its files are gone.</exception>
    public async Task<string> ResolveAsync(string name, CancellationToken cancellationToken)
    {
        var checkpoint = await checkpoints.FindAsync(name, cancellationToken)
            ?? throw new InvalidDataException(name == SandboxBase
                ? $"The sandbox's base model is missing from {SandboxBaseModel.Directory}: make it with 'sandbox build --out', which takes about a quarter of an hour on two cores, or install the software again."
                : $"There is no checkpoint \"{name}\": choose one from the Models page, or register a folder with 'model import'.");
        if (checkpoint.DeletedAt is { } deleted)
        {
            throw new InvalidDataException($"Checkpoint \"{name}\" was deleted on {deleted:yyyy-MM-dd} from the Models page: choose another, or train it again{(checkpoint.RunId is null ? "" : $" with the specification of run {name.Split('@')[0]}")}.");
        }

        var folder = Directory(checkpoint.Path);
        if (!System.IO.Directory.Exists(folder) && AdapterOf(checkpoint) is { } adapter)
        {
            var parent = await checkpoints.ParentOfAsync(checkpoint, cancellationToken)
                ?? throw new InvalidDataException($"\"{name}\" is kept as an adapter, and the model that it was trained on is not in the library: register it with 'model import', or merge the two with 'model convert'.");
            var model = await ResolveAsync(parent.Name, cancellationToken);
            await Task.Run(() => AdapterCheckpoint.Merge(adapter, model, folder, cancellationToken), cancellationToken);
        }

        return System.IO.Directory.Exists(folder)
            ? folder
            : throw new InvalidDataException($"The files of checkpoint \"{name}\" are gone from {folder}: put the folder back, or choose another checkpoint.");
    }

    /// <summary>The adapter that a run kept of a checkpoint, beside its whole weights or in their place; null when there is none.</summary>
    public string? AdapterOf(Checkpoint checkpoint)
    {
        if (checkpoint.RunId is null)
        {
            return null;
        }

        // runs/NAME/checkpoints/step-000020 stands beside runs/NAME/adapters/step-000020.
        var adapter = Path.GetFullPath(Path.Combine(Directory(checkpoint.Path), "..", "..", RunFolder.AdapterDirectory(checkpoint.Step)));
        return System.IO.Directory.Exists(adapter) ? adapter : null;
    }

    /// <summary>The folder that a registered path stands for.</summary>
    public string Directory(string path) => path == BuiltIn + SandboxBase ? SandboxBaseModel.Directory : Path.GetFullPath(path, options.DataDirectory);
}
