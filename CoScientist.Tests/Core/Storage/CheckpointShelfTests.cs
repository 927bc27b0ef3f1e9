using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;

namespace CoScientist.Tests.Core.Storage;

[Trait("Database", "any")]
public sealed class CheckpointShelfTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task List_ByKindAndText_ShowsOriginAndPages()
    {
        await using var database = await TestDatabase.CreateAsync();
        var shelf = database.Store<CheckpointShelf>();
        var run = await RunAsync(database, "base", 10, 20, 30);
        var best = (await shelf.FindAsync("x-1@20", Cancellation))!.Checkpoint;
        await shelf.PromoteAsync(best.Id, promoted: true, Cancellation);
        Assert.Equal("gold second", await shelf.TagAsync(best.Id, " Second, gold gold", Cancellation));

        var (all, total) = await shelf.ListAsync(new CheckpointFilter(), 0, 3, Cancellation);

        Assert.Equal(4, total);
        Assert.Equal([("base", null, null, false), ("x-1@30", "base", run.Name, false), ("x-1@20", "base", run.Name, true)], all.Select(row => (row.Checkpoint.Name, row.Parent, row.Run, row.IsBest)));
        Assert.Equal(["x-1@10"], await NamesAsync(new CheckpointFilter(), 3));
        Assert.Equal(["x-1@20"], await NamesAsync(new CheckpointFilter("GOLD")));
        Assert.Equal(["x-1@30"], await NamesAsync(new CheckpointFilter("@30")));
        Assert.Equal(["x-1@20"], await NamesAsync(new CheckpointFilter(Kind: CheckpointKind.Promoted)));
        Assert.Equal(["x-1@20"], await NamesAsync(new CheckpointFilter(Kind: CheckpointKind.Best)));
        Assert.Equal(["base"], await NamesAsync(new CheckpointFilter(Kind: CheckpointKind.Base)));
        Assert.Empty(await NamesAsync(new CheckpointFilter(Kind: CheckpointKind.Deleted)));

        await shelf.PromoteAsync(best.Id, promoted: false, Cancellation);
        Assert.Empty(await NamesAsync(new CheckpointFilter(Kind: CheckpointKind.Promoted)));
        await Assert.ThrowsAsync<ArgumentException>(() => shelf.TagAsync(best.Id, new string('t', 300), Cancellation));

        async Task<IEnumerable<string>> NamesAsync(CheckpointFilter filter, int skip = 0) => (await shelf.ListAsync(filter, skip, 50, Cancellation)).Rows.Select(row => row.Checkpoint.Name);
    }

    [Theory]
    [InlineData("base")]
    [InlineData("x-1@10")]
    public async Task Delete_WhileARunNeedsIt_IsRefusedAndNamesTheRun(string name)
    {
        await using var database = await TestDatabase.CreateAsync();
        var shelf = database.Store<CheckpointShelf>();
        var run = await RunAsync(database, "base", 10);
        var checkpoint = (await shelf.FindAsync(name, Cancellation))!.Checkpoint;

        var refused = await Assert.ThrowsAsync<InvalidDataException>(() => shelf.MarkDeletedAsync(checkpoint, Cancellation));

        Assert.Contains("x-1 needs it", refused.Message, StringComparison.Ordinal);
        Assert.Null((await shelf.FindAsync(name, Cancellation))!.Checkpoint.DeletedAt);
        await database.Store<RunStore>().CancelAsync(run.Id, Cancellation);
        await shelf.MarkDeletedAsync(checkpoint, Cancellation);
        Assert.NotNull((await shelf.FindAsync(name, Cancellation))!.Checkpoint.DeletedAt);
        Assert.DoesNotContain(name, (await database.Store<RunCheckpointStore>().ListAsync(Cancellation)).Select(listed => listed.Name));
    }

    [Fact]
    public async Task Uses_OfAModelThatWasUsed_NamesAllThatHangsOnIt()
    {
        await using var database = await TestDatabase.CreateAsync();
        var shelf = database.Store<CheckpointShelf>();
        var run = await RunAsync(database, "base", 10);
        await database.Store<RunStore>().CancelAsync(run.Id, Cancellation);
        var judged = await database.Store<RunStore>().CreateAsync(new RunSpec { Name = "y", Model = "other", Judge = "x-1@10" }, null, _ => false, Cancellation);
        var checkpoint = (await shelf.FindAsync("x-1@10", Cancellation))!.Checkpoint;
        var goal = new Goal { Id = database.NewId<GoalId>(), Domain = "ml", Text = "aim", Origin = "dataset", CreatedAt = database.Time.GetUtcNow() };
        await using (var db = database.NewContext())
        {
            db.Goals.Add(goal);
            db.Plans.Add(new Plan { Id = database.NewId<PlanId>(), GoalId = goal.Id, Writer = "x-1@10", CheckpointId = checkpoint.Id, Text = "plan", CreatedAt = database.Time.GetUtcNow() });
            await db.SaveChangesAsync(Cancellation);
        }

        var child = await shelf.UsesAsync((await shelf.FindAsync("base", Cancellation))!.Checkpoint, Cancellation);
        var uses = await shelf.UsesAsync(checkpoint, Cancellation);

        Assert.Equal(["x-1"], child.UsedBy);
        Assert.Equal(["x-1@10"], child.Children);
        Assert.Equal(0, child.Plans);
        Assert.Equal([judged.Name], uses.NeededBy);
        Assert.Equal((1, false), (uses.Plans, uses.IsFree));
    }

    private static async Task<Run> RunAsync(TestDatabase database, string model, params int[] steps)
    {
        var checkpoints = database.Store<RunCheckpointStore>();
        await checkpoints.RegisterBaseAsync(model, "models/" + model, isSandbox: true, Cancellation);
        var run = await database.Store<RunStore>().CreateAsync(new RunSpec { Name = "x", Model = model }, null, _ => false, Cancellation);
        foreach (var step in steps)
        {
            await checkpoints.RegisterAsync(run, new RunCheckpoint(step, RunFolder.CheckpointDirectory(step), step / 100.0, IsBest: step == 20), Cancellation);
        }

        return run;
    }
}
