namespace CoScientist.Training.Sandbox.Extractor;

/// <summary>How the model that extracts from papers of the sandbox is trained.</summary>
public sealed record SandboxExtractorOptions
{
    /// <summary>Folder of the model to start from: the shipped base, or one of these, which then learns on.</summary>
    public string Base { get; init; } = SandboxBaseModel.Directory;

    /// <summary>Optimizer steps.</summary>
    public int Steps { get; init; } = 500;

    /// <summary>Papers a step, each with all of its dialogues.</summary>
    public int PapersPerStep { get; init; } = 3;

    /// <summary>Papers whose words the tokenizer learns.</summary>
    public int PapersForTokenizer { get; init; } = 150;

    /// <summary>Peak learning rate.</summary>
    public double LearningRate { get; init; } = 2.5e-3;

    /// <summary>Steps over which the learning rate rises.</summary>
    public int WarmUp { get; init; } = 40;

    /// <summary>Share of the steps that practise the leak-resistant pipeline alone, whose prompts are the shorter ones; the rest practises all.</summary>
    public double ShortPromptsUntil { get; init; } = 0.6;

    /// <summary>Seed of new words' weights and of the papers.</summary>
    public long Seed { get; init; } = 1;
}
