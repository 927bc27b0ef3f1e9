using CoScientist.Training.Checkpoints;
using CoScientist.Training.Model;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sandbox;

namespace CoScientist.Web.Runs;

/// <summary>One thing that was looked at before a folder becomes a model.</summary>
/// <param name="What">What was looked at.</param>
/// <param name="Passed">Whether it is as it must be.</param>
/// <param name="Detail">What was found, or what is wrong and what to do.</param>
internal sealed record ModelCheckLine(string What, bool Passed, string Detail);

/// <summary>Whether a folder of Hugging Face layout can be used here, and what it is. Reads everything but the weights' values.</summary>
internal sealed class ModelCheck
{
    private readonly List<ModelCheckLine> lines = [];

    private ModelCheck(string folder) => Folder = folder;

    /// <summary>The folder, in full.</summary>
    public string Folder { get; }

    /// <summary>What was looked at, in order; the first fault is the last line.</summary>
    public IReadOnlyList<ModelCheckLine> Lines => lines;

    /// <summary>What is wrong; null when it can be used.</summary>
    public string? Fault => lines.Find(line => !line.Passed)?.Detail;

    /// <summary>Whether it speaks the sandbox's language, and only that.</summary>
    public bool Sandbox { get; private set; }

    /// <summary>Its parameters; 0 when its configuration could not be read.</summary>
    public long ParameterCount { get; private set; }

    /// <summary>Looks at a folder.</summary>
    /// <param name="folder">The folder as given.</param>
    public static ModelCheck Of(string folder)
    {
        var check = new ModelCheck(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        try
        {
            check.Look();
        }
        catch (Exception fault) when (fault is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            check.lines.Add(new ModelCheckLine("Fault", Passed: false, fault.Message));
        }

        return check;
    }

    private void Look()
    {
        if (File.Exists(Folder))
        {
            throw new InvalidDataException($"{Folder} is a file: convert it into a folder with 'model convert {Folder} OUT --dtype bf16', add the chat template of the model's page, and import that.");
        }

        var (config, tokenizer) = CheckpointFolder.Open(Folder);
        ParameterCount = config.ParameterCount;
        Add("Configuration", $"{config.Layers} layers of width {config.HiddenSize}, {config.Heads} heads, {config.MaxPositions:N0} positions: {config.ParameterCount:N0} parameters");
        Add("Tokenizer", $"{tokenizer.VocabularySize:N0} ids for {config.VocabularySize:N0} embeddings");
        CheckWeights(config);
        var tokenizerFile = Path.Combine(Folder, CheckpointFolder.TokenizerFile);
        Sandbox = CompactProtocol.IsSpokenBy(tokenizerFile);
        if (!Sandbox)
        {
            _ = ChatFormat.Load(Folder, tokenizer, config.VocabularySize);
        }

        Add("Language", Sandbox ? "speaks the sandbox's language, and only that" : "its chat template can be rendered");
        var manifest = CheckpointManifest.Read(Folder);
        Add("Manifest", manifest is null ? "none: made elsewhere, so that damage to the files would go unnoticed" : $"{manifest.Files.Count} files are those that were written");
    }

    private void CheckWeights(ModelConfig config)
    {
        using var weights = WeightFiles.Open(Folder);
        weights.Check([.. config.Tensors()]);
        var types = weights.Tensors.GroupBy(tensor => tensor.TypeName).OrderByDescending(type => type.Count()).Select(type => type.Key);
        Add("Weights", $"{weights.Tensors.Count:N0} tensors as {string.Join(", ", types)}, none missing, all of the right shape");
    }

    private void Add(string what, string detail) => lines.Add(new ModelCheckLine(what, Passed: true, detail));
}
