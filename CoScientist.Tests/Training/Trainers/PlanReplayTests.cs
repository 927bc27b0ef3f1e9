using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Core.Runs;
using CoScientist.Training.Engines;
using CoScientist.Training.Sampling;
using CoScientist.Training.Sandbox;
using CoScientist.Training.Trainers;
using CoScientist.Web.Runs;

namespace CoScientist.Tests.Training.Trainers;

public sealed class PlanReplayTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Read_APlanThatTheModelWrote_GivesTheProbabilitiesItWasDrawnWith()
    {
        var goal = SandboxWorld.Default.GoalText(SandboxWorld.Default.SampleGoal(new SeededRandom(4), GoalSplit.Test));
        var spec = new RunSpec { MaxNewTokens = 160, Threads = 1 };
        using var engine = CpuEngine.Load(SandboxBaseModel.Directory);
        var protocol = new CompactProtocol(engine.Tokenizer);
        var sampled = engine.Sample([new SampleRequest { Prompt = protocol.WritePrompt(goal), Seed = 5 }], Trainer.SamplingOf(spec, protocol), Cancellation)[0];
        Assert.True(sampled.Ended);

        var read = PlanReplay.Read(SandboxBaseModel.Directory, spec, goal, protocol.Read(sampled.Tokens, ended: true).Text, Cancellation);

        Assert.Equal(sampled.LogProbabilities.Select(p => (double)p), read.Select(token => token.LogProbability));
    }

    [Fact]
    public void AdvantageOf_APlanOfAGroup_IsItsRewardLessTheMean()
    {
        RunSample[] step = [Plan("a", 1), Plan("a", 0), Plan("b", .5), Plan("b", .5)];

        Assert.Equal(.5, SampleReader.AdvantageOf(new RunSpec(), step[0], step));
        Assert.Equal(0, SampleReader.AdvantageOf(new RunSpec(), step[3], step));
        Assert.Null(SampleReader.AdvantageOf(new RunSpec(), Plan("c", 1), step));
    }

    private static RunSample Plan(string goal, double reward) => new(3, "train", goal, goal, Guid.NewGuid().ToString(), reward, reward, null, []);
}
