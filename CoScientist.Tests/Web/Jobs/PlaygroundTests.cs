using CoScientist.Core.Goals;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Configuration;
using CoScientist.Web.Jobs;
using CoScientist.Web.Runs;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Web.Jobs;

[Trait("Database", "any")]
public sealed class PlaygroundTests : IAsyncLifetime
{
    private TestDatabase database = null!;
    private Playground playground = null!;
    private Goal goal = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        var checkpoints = database.Store<RunCheckpointStore>();
        var catalog = new ModelCatalog(checkpoints, new CoScientistOptions { DataDirectory = database.Folder });
        playground = new Playground(new ModelRoles(catalog, checkpoints, TestServers.Of(database)));
        TinyPolicy.Write(Path.Combine(database.Folder, "models", "one"), seed: 1);
        TinyPolicy.Write(Path.Combine(database.Folder, "models", "two"), seed: 2);
        goal = (await database.AddSandboxGoalsAsync(1))[0];
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task Run_TwoModels_WriteFromTheSameSeedAndAreGradedItemByItem()
    {
        var told = new List<string>();

        var result = await RunAsync(["one", "two"], ModelRoles.Oracle, told);

        Assert.Equal(["one", "two"], result.Sides.Select(side => side.Model));
        Assert.NotEqual(result.Sides[0].Plan.Text, result.Sides[1].Plan.Text);
        Assert.All(result.Sides, side => Assert.Equal(result.Goal.Items.Count, side.Grade!.Verdicts.Count));
        Assert.Contains(told, line => line.Contains("two writes", StringComparison.Ordinal));
        await using var db = database.NewContext();
        Assert.Equal((0, 0), (await db.Plans.CountAsync(Cancellation), await db.Gradings.CountAsync(Cancellation)));
    }

    [Fact]
    public async Task Run_OneModelTwice_WritesTheSamePlan()
    {
        var result = await RunAsync(["one", "one"], grader: null, []);

        Assert.Equal(result.Sides[0].Plan, result.Sides[1].Plan);
        Assert.All(result.Sides, side => Assert.Null(side.Grade));
    }

    [Fact]
    public async Task Run_RealGoalWithAModelOfTheSandbox_IsRefusedWithTheRemedy()
    {
        goal = new Goal { Id = database.NewId<GoalId>(), Domain = "ml", Text = "aim", Origin = "dataset", CreatedAt = database.Time.GetUtcNow() };

        var refused = await Assert.ThrowsAsync<InvalidDataException>(() => RunAsync(["one", "two"], null, []));

        Assert.Contains("one only speaks the sandbox's language", refused.Message, StringComparison.Ordinal);
    }

    private Task<PlaygroundResult> RunAsync(string[] models, string? grader, List<string> told) => playground.RunAsync(goal, models, grader, temperature: 1, seed: 3, told.Add, Cancellation);
}
