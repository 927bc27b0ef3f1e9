using System.CommandLine;
using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Commands;
using CoScientist.Web.Configuration;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Web.Commands;

[Trait("Database", "any")]
public sealed class PlanAndGradeCommandTests : IDisposable
{
    private readonly string data = Directory.CreateTempSubdirectory("coscientist-").FullName;
    private readonly StringWriter error = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        error.Dispose();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(data, recursive: true);
    }

    [Fact]
    public async Task PlanThenGrade_ShippedBaseModel_OracleAndGraderStandSideBySide()
    {
        Assert.Equal(0, await RunAsync("plan", "--model", "sandbox-base", "--count", "3", "--domain", "ml", "--temperature", "0"));
        Assert.Equal(0, await RunAsync("grade", "--grader", "oracle", "--writer", "sandbox-base"));
        Assert.Equal(0, await RunAsync("grade", "--grader", "sandbox-base", "--role", "self", "--goals", "test"));

        await using var db = Open();
        var plans = await db.Plans.Join(db.Goals, plan => plan.GoalId, goal => goal.Id, (plan, goal) => new { plan.Writer, plan.CheckpointId, goal.Domain, goal.Split }).ToListAsync(Cancellation);
        var gradings = await db.Gradings.GroupBy(grading => grading.Role).Select(role => new { role.Key, Count = role.Count(), Mean = role.Average(grading => grading.Score) }).ToDictionaryAsync(role => role.Key, Cancellation);
        Assert.Equal(3, plans.Count);
        Assert.All(plans, plan => Assert.Equal(("sandbox-base", true, "ml", GoalSplit.Test), (plan.Writer, plan.CheckpointId.HasValue, plan.Domain, plan.Split)));
        Assert.Equal([3, 3], new[] { gradings[GraderRole.Oracle].Count, gradings[GraderRole.SelfGrade].Count });

        // A trained model writes plans that meet something.
        Assert.True(gradings[GraderRole.Oracle].Mean > 0.1);
    }

    [Theory]
    [InlineData("There is no checkpoint or model server \"nobody\" (there are: sandbox-base)", "plan", "--model", "nobody")]
    [InlineData("There is no checkpoint or model server \"nobody\" (there are: sandbox-base)", "grade", "--grader", "nobody")]
    [InlineData("--count 0", "plan", "--model", "sandbox-base", "--count", "0")]
    [InlineData("--temperature 3", "plan", "--model", "sandbox-base", "--temperature", "3")]
    [InlineData("the oracle only ever judges", "grade", "--grader", "oracle", "--role", "self")]
    [InlineData("no plans for sandbox goals that match --goals all", "grade", "--grader", "oracle")]
    [InlineData("no sandbox goals that match --goals test --domain law: choose others (domains: ", "plan", "--model", "sandbox-base", "--domain", "law")]
    public async Task Run_BadChoice_IsOneSentenceWithTheRemedyAndChangesNothing(string message, params string[] arguments)
    {
        var code = await RunAsync(arguments);

        Assert.Equal(1, code);
        Assert.Contains(message, Assert.Single(error.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        if (File.Exists(Path.Combine(data, "coscientist.db")))
        {
            await using var db = Open();
            Assert.False(await db.Plans.AnyAsync(Cancellation) || await db.Gradings.AnyAsync(Cancellation));
        }
    }

    [Fact]
    public void Parse_UnknownPartOfTheData_IsRefused() =>
        Assert.NotEmpty(Root().Parse(["plan", "--model", "x", "--goals", "dev"]).Errors);

    private static RootCommand Root() => new() { CommandContext.Data, DatabaseSetting.Option, CommandContext.Json, PlanCommand.Create(), GradeCommand.Create() };

    private Task<int> RunAsync(params string[] arguments) => CommandRunner.RunAsync(Root(), [.. arguments, .. TestData.Arguments(data)], error);

    private CoScientistDb Open()
    {
        var options = new DbContextOptionsBuilder<CoScientistDb>();
        options.UseDatabase(TestData.Database(data));
        return new CoScientistDb(options.Options);
    }
}
