using System.CommandLine;
using CoScientist.Core.Goals;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Tests.Shared;
using CoScientist.Training.Sandbox;
using CoScientist.Web.Commands;
using CoScientist.Web.Configuration;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Web.Commands;

[Trait("Database", "any")]
public sealed class SandboxExpertsTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("coscientist-experts-").FullName;
    private readonly StringWriter error = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        error.Dispose();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Experts_TwoWritersOfTheSandbox_AnswerAClosedStudyToTrainOn()
    {
        Assert.True(0 == await RunAsync("plan", "--model", "sandbox-base", "--goals", "train", "--count", "6"), error.ToString());

        Assert.True(0 == await RunAsync("sandbox", "experts", "--arm1", "sandbox-base", "--arm2", "reference", "--goals", "6", "--experts", "2", "--careless", "0.2"), error.ToString());

        var options = new DbContextOptionsBuilder<CoScientistDb>();
        options.UseDatabase(TestData.Database(folder));
        await using var db = new CoScientistDb(options.Options);
        var study = await db.Studies.SingleAsync(Cancellation);
        Assert.Equal((StudyState.Closed, true), (study.State, study.IsSandbox));
        Assert.Contains("no person's", study.Guidelines, StringComparison.Ordinal);
        Assert.Equal(12, await db.Preferences.CountAsync(Cancellation));
        Assert.Equal(["simulated-expert-1", "simulated-expert-2"], await db.Assignments.Select(assignment => assignment.ExpertId).Distinct().Order().ToListAsync(Cancellation));
        Assert.Equal(1, await RunAsync("sandbox", "experts", "--arm1", "sandbox-base", "--arm2", "reference", "--experts", "0"));
        Assert.Contains("--experts 0 --careless 0: ask for at least one expert", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Compare_PlansOfAnyOrder_PrefersTheOraclesUnlessCareless()
    {
        var goal = SandboxLibrary.Goals.First(goal => goal.Split == GoalSplit.Train);
        var good = SandboxGrammar.Render(SandboxWorld.Default.Writer.Reference(goal, new CoScientist.Core.SeededRandom(1)), new CoScientist.Core.SeededRandom(1));
        var (right, wrong) = (new SimulatedExpert(SandboxWorld.Default, 0, 1), new SimulatedExpert(SandboxWorld.Default, 1, 1));

        Assert.Equal((PreferenceChoice.A, PreferenceChoice.B, PreferenceChoice.Tie), (right.Compare(goal, good, "we plan ."), right.Compare(goal, "we plan .", good), right.Compare(goal, good, good)));
        Assert.Equal((PreferenceChoice.B, PreferenceChoice.Tie), (wrong.Compare(goal, good, "we plan ."), wrong.Compare(goal, "we plan .", "we plan .")));
    }

    private Task<int> RunAsync(params string[] arguments)
    {
        var root = new RootCommand { CommandContext.Data, DatabaseSetting.Option, CommandContext.Json, PlanCommand.Create(), SandboxCommand.Create() };
        return CommandRunner.RunAsync(root, [.. arguments, .. TestData.Arguments(folder)], error);
    }
}
