using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Core.Runs;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Model;
using CoScientist.Training.Sandbox;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Shared;

/// <summary>An untrained sandbox model of a few thousand values: knows nothing, but does everything that a trained one does.</summary>
internal static class TinyPolicy
{
    public static BpeTokenizer Tokenizer { get; } = new SandboxBuilder(SandboxWorld.Default, new SandboxBuildOptions()).TrainTokenizer();

    public static ModelConfig Config { get; } = new()
    {
        VocabularySize = Tokenizer.VocabularySize,
        HiddenSize = 24,
        Layers = 2,
        Heads = 4,
        KeyValueHeads = 2,
        HeadDim = 6,
        FeedForwardSize = 40,
        MaxPositions = 512,
    };

    public static CpuEngine Create(WorkerPool pool, long seed = 1)
    {
        var engine = new CpuEngine(Config, Tokenizer, pool);
        engine.Weights.Initialise(Config, seed);
        engine.WeightsChanged();
        return engine;
    }

    /// <summary>Saves such a model; its folder.</summary>
    public static string Write(string directory, long seed = 1)
    {
        using var pool = new WorkerPool(1);
        using var engine = Create(pool, seed);
        engine.Save(directory, new Dictionary<string, string>(StringComparer.Ordinal));
        return directory;
    }

    public static RunData Data(int train, int validation, int test) => new(Goals(GoalSplit.Train, train), Goals(GoalSplit.Validation, validation), Goals(GoalSplit.Test, test));

    private static RunGoal[] Goals(GoalSplit split, int count) =>
        [.. SandboxLibrary.Goals.Where(goal => goal.Split == split).Take(count).Select(goal => new RunGoal(
            goal.ToKey(),
            goal.DomainName,
            SandboxWorld.Default.GoalText(goal),
            goal.ToKey(),
            SandboxGrammar.Render(SandboxWorld.Default.Writer.Reference(goal, new SeededRandom(1)), new SeededRandom(1)),
            1,
            [.. SandboxWorld.Default.ItemTexts(goal).Select((text, i) => new RunItem($"{goal.ToKey()}#{i}", i, text))]))];
}
