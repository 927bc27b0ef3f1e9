using CoScientist.Core.Runs;
using CoScientist.Core.Storage;

namespace CoScientist.Tests.Core.Storage;

[Trait("Database", "any")]
public sealed class RunSteeringTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task MoveInQueue_AnyPlace_KeepsTheOrderOfTheOthers()
    {
        await using var database = await TestDatabase.CreateAsync();
        var store = database.Store<RunStore>();
        var (first, second, third) = (await AddAsync(store), await AddAsync(store), await AddAsync(store));

        Assert.Equal([first.Name, second.Name, third.Name], await QueueAsync(store));
        await store.MoveInQueueAsync(third.Id, -1, Cancellation);
        Assert.Equal([first.Name, third.Name, second.Name], await QueueAsync(store));
        await store.MoveInQueueAsync(second.Id, int.MinValue, Cancellation);
        await store.MoveInQueueAsync(second.Id, -1, Cancellation);
        Assert.Equal([second.Name, first.Name, third.Name], await QueueAsync(store));
        var fourth = await AddAsync(store);
        await store.HoldAsync(second.Id, Cancellation);
        await store.ResumeAsync(second.Id, Cancellation);
        Assert.Equal([first.Name, third.Name, fourth.Name, second.Name], await QueueAsync(store));
    }

    [Fact]
    public async Task ChangeSteps_OfAWaitingRun_ChangesSpecificationAndTotal()
    {
        await using var database = await TestDatabase.CreateAsync();
        var store = database.Store<RunStore>();
        var run = await AddAsync(store);

        await store.ChangeStepsAsync(run.Id, 3, Cancellation);
        var changed = (await store.FindAsync(run.Name, Cancellation))!;

        Assert.Equal((3, 3, 3), (changed.TotalSteps, changed.Spec.Steps, changed.Spec.WarmupSteps));
        Assert.Equal(RunState.Pending, changed.State);
        await store.TakeAsync(run.Id, "here:1", Cancellation);
        await Assert.ThrowsAsync<RunStateException>(() => store.ChangeStepsAsync(run.Id, 9, Cancellation));
    }

    [Fact]
    public void WithSteps_FewerThanDoneOrASequence_IsRefusedOrChangesItsLastPart()
    {
        var run = Of(new RunSpec { Steps = 40 }, 12);
        var sequence = Of(new RunSpec { Method = "sequence", Stages = ["opsd:12", "grpo:34"], Steps = 46 }, 3);

        Assert.Contains("steps must be above 12, which are done, is 12", Assert.Throws<RunSpecException>(() => RunStore.WithSteps(run, 12)).Message, StringComparison.Ordinal);
        Assert.Contains("must be 1 to 100000", Assert.Throws<RunSpecException>(() => RunStore.WithSteps(run, 200_000)).Message, StringComparison.Ordinal);
        Assert.Equal(["opsd:12", "grpo:8"], RunStore.WithSteps(sequence, 20).Stages);
        Assert.Contains("must be above 12, which the earlier parts of the sequence take", Assert.Throws<RunSpecException>(() => RunStore.WithSteps(sequence, 12)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Notices_OfRuns_AreNewUntilTheAccountHasSeenThem()
    {
        await using var database = await TestDatabase.CreateAsync();
        var (runs, notices) = (database.Store<RunStore>(), database.Store<RunNoticeStore>());
        await using (var db = database.NewContext())
        {
            db.Users.Add(new Account { Id = "ada", UserName = "ada" });
            await db.SaveChangesAsync(Cancellation);
        }

        var run = await AddAsync(runs);
        await notices.AddAsync(run.Id, RunNoticeKind.Parted, "they part", Cancellation);
        await notices.AddAsync(run.Id, RunNoticeKind.Failed, "it failed", Cancellation);

        Assert.Equal(2, await notices.CountNewAsync("ada", Cancellation));
        Assert.Equal([("it failed", true), ("they part", true)], (await notices.NewestAsync("ada", 5, Cancellation)).Select(notice => (notice.Text, notice.IsNew)));
        await notices.SeeAsync("ada", Cancellation);
        await notices.AddAsync(run.Id, RunNoticeKind.Finished, "it finished", Cancellation);
        Assert.Equal([true, false, false], (await notices.NewestAsync("ada", 5, Cancellation)).Select(notice => notice.IsNew));
        await notices.SeeAsync("ada", Cancellation);
        Assert.Equal((0, 3), (await notices.CountNewAsync("ada", Cancellation), await notices.CountNewAsync("eve", Cancellation)));
    }

    private static Run Of(RunSpec spec, int step) => new()
    {
        Id = default,
        Name = "x-1",
        SpecJson = System.Text.Json.JsonSerializer.Serialize(spec, RunSpec.JsonOptions),
        Step = step,
        CreatedAt = default,
    };

    private static Task<Run> AddAsync(RunStore store) => store.CreateAsync(new RunSpec { Name = "x" }, null, _ => false, Cancellation);

    private static async Task<IEnumerable<string>> QueueAsync(RunStore store) => (await store.InStateAsync(RunState.Pending, Cancellation)).Select(run => run.Name);
}
