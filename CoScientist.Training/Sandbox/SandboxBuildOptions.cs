namespace CoScientist.Training.Sandbox;

/// <summary>How the sandbox's base model is built. The defaults are those of the model that comes with the software.</summary>
public sealed record SandboxBuildOptions
{
    /// <summary>Optimizer steps.</summary>
    public int Steps { get; init; } = 3000;

    /// <summary>Grading examples a step (more while the curriculum keeps them short).</summary>
    public int GradingExamples { get; init; } = 12;

    /// <summary>Writing examples a step.</summary>
    public int WritingExamples { get; init; } = 14;

    /// <summary>Examples a step of writing with the rubric in sight.</summary>
    public int TeachingExamples { get; init; } = 4;

    /// <summary>Peak learning rate.</summary>
    public double LearningRate { get; init; } = 3e-3;

    /// <summary>Seed of weights and examples.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Share of the steps after which graders also see plans that the model itself has just written.</summary>
    public double OwnPlansFrom { get; init; } = 0.45;

    /// <summary>Width of the model.</summary>
    public int HiddenSize { get; init; } = 128;

    /// <summary>Layers of the model.</summary>
    public int Layers { get; init; } = 4;

    /// <summary>Width of its feed-forward layers.</summary>
    public int FeedForwardSize { get; init; } = 384;
}
