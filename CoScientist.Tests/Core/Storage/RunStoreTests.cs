using CoScientist.Core.Runs;
using CoScientist.Core.Storage;

namespace CoScientist.Tests.Core.Storage;

[Trait("Database", "any")]
public sealed class RunStoreTests
{
    private const string Me = "here:1";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Create_SameFamilyTwice_NamesAreNumberedAndNewestIsFirst()
    {
        await using var database = await TestDatabase.CreateAsync();
        var runs = database.Store<RunStore>();

        var first = await Create(runs, "sandbox-grpo");
        var second = await Create(runs, "sandbox-grpo");
        var other = await Create(runs, "sandbox");

        Assert.Equal(["sandbox-grpo-1", "sandbox-grpo-2", "sandbox-1"], [first.Name, second.Name, other.Name]);
        Assert.Equal(["sandbox-1", "sandbox-grpo-2", "sandbox-grpo-1"], (await runs.ListAsync(Cancellation)).Select(run => run.Name));
        var found = (await runs.FindAsync("sandbox-grpo-1", Cancellation))!;
        Assert.Equal((RunState.Pending, first.SpecJson, 40), (found.State, found.SpecJson, found.TotalSteps));
    }

    [Fact]
    public async Task Create_FolderLeftBehind_NameIsPassedOver()
    {
        await using var database = await TestDatabase.CreateAsync();

        var run = await database.Store<RunStore>().CreateAsync(new RunSpec { Name = "x" }, null, name => name is "x-1" or "x-2", Cancellation);

        Assert.Equal("x-3", run.Name);
    }

    [Fact]
    public async Task Create_AtTheSameTime_EveryRunGetsItsOwnName()
    {
        await using var database = await TestDatabase.CreateAsync();
        var runs = database.Store<RunStore>();

        var made = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => Task.Run(() => Create(runs, "x"), Cancellation)));

        Assert.Equal(5, made.Select(run => run.Name).Distinct().Count());
    }

    [Fact]
    public async Task Move_EveryStateThatDoesNotAllowIt_IsRefusedAndNothingChanges()
    {
        await using var database = await TestDatabase.CreateAsync();
        var runs = database.Store<RunStore>();
        Dictionary<string, RunState[]> allowed = new()
        {
            ["take"] = [RunState.Pending],
            ["resume"] = [RunState.Paused, RunState.Failed, RunState.Interrupted],
            ["hold"] = [RunState.Pending],
            ["cancel"] = [RunState.Pending, RunState.Paused, RunState.Failed, RunState.Interrupted],
            ["finish"] = [RunState.Running],
            ["pause"] = [RunState.Running],
            ["fail"] = [RunState.Running],
            ["stop"] = [RunState.Running],
            ["interrupt"] = [RunState.Running],
        };
        foreach (var state in Enum.GetValues<RunState>())
        {
            var (id, name) = await InState(runs, state);
            foreach (var (move, _) in allowed.Where(entry => !entry.Value.Contains(state)))
            {
                var fault = await Assert.ThrowsAsync<RunStateException>(() => Move(runs, id, move));

                Assert.Equal((name, state), (fault.Run, fault.State));
                Assert.Contains(name, fault.Message, StringComparison.Ordinal);
                Assert.Equal(state, (await runs.FindAsync(name, Cancellation))!.State);
            }
        }
    }

    [Fact]
    public async Task Move_EveryStateThatAllowsIt_Succeeds()
    {
        await using var database = await TestDatabase.CreateAsync();
        var runs = database.Store<RunStore>();
        foreach (var (from, move, to) in ((RunState, string, RunState)[])[
            (RunState.Pending, "hold", RunState.Paused),
            (RunState.Pending, "cancel", RunState.Cancelled),
            (RunState.Paused, "resume", RunState.Pending),
            (RunState.Failed, "resume", RunState.Pending),
            (RunState.Interrupted, "resume", RunState.Pending),
            (RunState.Paused, "cancel", RunState.Cancelled),
            (RunState.Failed, "cancel", RunState.Cancelled),
            (RunState.Interrupted, "cancel", RunState.Cancelled)])
        {
            var (id, name) = await InState(runs, from);

            await Move(runs, id, move);

            Assert.Equal(to, (await runs.FindAsync(name, Cancellation))!.State);
        }
    }

    [Fact]
    public async Task Release_RunOfAnotherWorker_IsRefused()
    {
        await using var database = await TestDatabase.CreateAsync();
        var runs = database.Store<RunStore>();
        var (id, name) = await InState(runs, RunState.Running);

        await Assert.ThrowsAsync<RunStateException>(() => runs.ReleaseAsync(id, "elsewhere:9", RunState.Finished, null, null, Cancellation));

        Assert.False(await runs.ProgressAsync(id, "elsewhere:9", 3, Cancellation));
        Assert.True(await runs.ProgressAsync(id, Me, 4, Cancellation));
        Assert.Equal(4, (await runs.FindAsync(name, Cancellation))!.Step);
    }

    [Fact]
    public async Task Take_ByManyAtOnce_OneGetsIt()
    {
        await using var database = await TestDatabase.CreateAsync();
        var runs = database.Store<RunStore>();
        var run = await Create(runs, "x");

        var taken = await Task.WhenAll(Enumerable.Range(0, 4).Select(number => Task.Run(
            async () =>
            {
                try
                {
                    await runs.TakeAsync(run.Id, $"here:{number}", Cancellation);
                    return true;
                }
                catch (RunStateException)
                {
                    return false;
                }
            },
            Cancellation)));

        Assert.Single(taken, won => won);
    }

    [Fact]
    public async Task Resume_AfterFailure_ForgetsTheErrorWhenTakenAndKeepsTheFirstStart()
    {
        await using var database = await TestDatabase.CreateAsync();
        var runs = database.Store<RunStore>();
        var (id, _) = await InState(runs, RunState.Failed);
        var failed = (await runs.FindAsync("x-1", Cancellation))!;
        Assert.Equal("broke", failed.Error);
        Assert.NotNull(failed.EndedAt);

        await runs.ResumeAsync(id, Cancellation);
        await runs.TakeAsync(id, Me, Cancellation);

        var again = (await runs.FindAsync("x-1", Cancellation))!;
        Assert.Equal((RunState.Running, null, null, failed.StartedAt), (again.State, again.Error, again.EndedAt, again.StartedAt));
    }

    [Fact]
    public async Task Register_SameCheckpointTwice_OneRowWithTheLastScoreAndItsParent()
    {
        await using var database = await TestDatabase.CreateAsync();
        var (runs, checkpoints) = (database.Store<RunStore>(), database.Store<RunCheckpointStore>());
        await checkpoints.RegisterBaseAsync("sandbox-base", "builtin:sandbox-base", isSandbox: true, Cancellation);
        await checkpoints.RegisterBaseAsync("sandbox-base", "builtin:sandbox-base", isSandbox: true, Cancellation);
        var run = await Create(runs, "x");

        await checkpoints.RegisterAsync(run, new RunCheckpoint(10, RunFolder.CheckpointDirectory(10), null, IsBest: false), Cancellation);
        await checkpoints.RegisterAsync(run, new RunCheckpoint(10, RunFolder.CheckpointDirectory(10), 0.5, IsBest: true), Cancellation);

        var written = Assert.Single(await checkpoints.OfRunAsync(run.Id, Cancellation));
        Assert.Equal(("x-1@10", "runs/x-1/checkpoints/step-000010", 0.5), (written.Name, written.Path, written.JudgeScore));
        Assert.Equal((await checkpoints.FindAsync("sandbox-base", Cancellation))!.Id, written.ParentId);
        Assert.Equal(10, (await runs.FindAsync("x-1", Cancellation))!.BestStep);
        Assert.Equal(["sandbox-base", "x-1@10"], (await checkpoints.ListAsync(Cancellation)).Select(checkpoint => checkpoint.Name));
    }

    private static Task<Run> Create(RunStore runs, string family) => runs.CreateAsync(new RunSpec { Name = family }, null, _ => false, Cancellation);

    private static async Task<(RunId Id, string Name)> InState(RunStore runs, RunState state)
    {
        var run = await Create(runs, "x");
        var id = run.Id;
        if (state == RunState.Pending)
        {
            return (id, run.Name);
        }

        await runs.TakeAsync(id, Me, Cancellation);
        if (state != RunState.Running)
        {
            await runs.ReleaseAsync(id, Me, state, state == RunState.Failed ? "broke" : null, null, Cancellation);
        }

        return (id, run.Name);
    }

    private static Task Move(RunStore runs, RunId id, string move) => move switch
    {
        "take" => runs.TakeAsync(id, Me, Cancellation),
        "resume" => runs.ResumeAsync(id, Cancellation),
        "hold" => runs.HoldAsync(id, Cancellation),
        "cancel" => runs.CancelAsync(id, Cancellation),
        "finish" => runs.ReleaseAsync(id, Me, RunState.Finished, null, null, Cancellation),
        "pause" => runs.ReleaseAsync(id, Me, RunState.Paused, null, null, Cancellation),
        "fail" => runs.ReleaseAsync(id, Me, RunState.Failed, "no", null, Cancellation),
        "stop" => runs.ReleaseAsync(id, Me, RunState.Cancelled, null, null, Cancellation),
        _ => runs.ReleaseAsync(id, Me, RunState.Interrupted, null, null, Cancellation),
    };
}
