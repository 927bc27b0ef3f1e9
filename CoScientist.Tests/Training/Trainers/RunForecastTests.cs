using CoScientist.Core.Runs;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Model;
using CoScientist.Training.Sandbox;
using CoScientist.Training.Trainers;

namespace CoScientist.Tests.Training.Trainers;

public sealed class RunForecastTests
{
    private static readonly RunGoal s_goal = new("1", "ml", "study rare words .", null, "we split the data by time .", 1, [new RunItem("1", 0, "splits the data by time")]);
    private static readonly RunData s_data = new([s_goal], [s_goal], [s_goal]);

    [Fact]
    public void Of_MoreSteps_TakesMoreTimeAndDisk()
    {
        var once = Of(new RunSpec { Steps = 40 });
        var twice = Of(new RunSpec { Steps = 80 });
        var longer = Of(new RunSpec { Steps = 40_000, EvaluateEvery = 40_000 });

        Assert.True(twice.Duration > once.Duration && twice.Disk > once.Disk);
        Assert.InRange(longer.Duration / Of(new RunSpec { Steps = 20_000, EvaluateEvery = 20_000 }).Duration, 1.99, 2);
        Assert.False(once.UsesServer);
        Assert.True(Of(new RunSpec { Judge = "server:big" }).UsesServer);
    }

    [Fact]
    public void Of_EachMethod_CountsItsOwnWork()
    {
        var grpo = Of(new RunSpec()).Duration;
        var sft = Of(new RunSpec { Method = "sft" }).Duration;
        var halves = Of(new RunSpec { Method = "sequence", Stages = ["sft:20", "grpo:20"] }).Duration;

        Assert.True(sft < halves && halves < grpo);
        Assert.True(Of(new RunSpec { Grpo = new GrpoSpec { Epochs = 4 } }).Duration > grpo);
    }

    [Fact]
    public void Measure_SmallModel_GivesAPaceOfEachKindOfWork()
    {
        var config = new ModelConfig { VocabularySize = 512, HiddenSize = 32, Layers = 4, Heads = 2, KeyValueHeads = 1, HeadDim = 16, FeedForwardSize = 64 };

        var pace = MachinePace.Measure(config, Precision.Single, 1, TestContext.Current.CancellationToken);

        Assert.All((double[])[pace.Training, pace.Reading, pace.Sampling], rate => Assert.InRange(rate, 1e6, 1e13));
        Assert.Equal(2, MachinePace.Stand(config).Layers);
        MachinePace.Stand(config with { HiddenSize = 4096, Heads = 32, KeyValueHeads = 8, HeadDim = 128, FeedForwardSize = 12_288, VocabularySize = 150_000 }).Validate();
    }

    [Fact]
    public void OperationsPerToken_OfASmallModel_AreTwiceItsMatrices()
    {
        var config = new ModelConfig { VocabularySize = 512, HiddenSize = 32, Layers = 4, Heads = 2, KeyValueHeads = 1, HeadDim = 16, FeedForwardSize = 64 };

        Assert.Equal(2.0 * config.Tensors().Where(tensor => tensor.Shape.Length == 2).Sum(tensor => tensor.Count), MachinePace.OperationsPerToken(config));
    }

    private static RunForecast Of(RunSpec spec) => RunForecast.Of(spec, s_data, SandboxBaseModel.Directory, [], _ => new MachinePace(1e11, 1e11, 1e10, 2));
}
