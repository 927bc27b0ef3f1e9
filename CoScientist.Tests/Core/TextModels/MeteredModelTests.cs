using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Core.TextModels;

[Trait("Database", "any")]
public sealed class MeteredModelTests : IAsyncLifetime
{
    private static readonly TextSamplingOptions Options = new() { Temperature = 0.5, MaxTokens = 100, Seed = 7 };

    private readonly ImpatientTime time = new();
    private TestDatabase database = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ModelCallStore Records => database.Store<ModelCallStore>();

    public async ValueTask InitializeAsync() => database = await TestDatabase.CreateAsync();

    public async ValueTask DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Complete_Batch_IsAnsweredInOrderAndStandsInTheLedger()
    {
        var wire = new WireModel((prompt, _) => WireModel.Answer(prompt.User.ToUpperInvariant()));
        using var gate = Gate(new ServerLimits { PriceIn = 2, PriceOut = 0.5m });

        var answers = await Model(wire, gate).CompleteAsync([Prompt("a") with { Subject = "paper A" }, Prompt("b") with { Version = "v7" }], Options, Cancellation);

        Assert.Equal(["A", "B"], answers.Select(answer => answer.Text));
        var calls = await LedgerAsync();
        Assert.Equal(["job", "job paper A"], calls.Select(call => call.Purpose).Order());
        Assert.Contains("v7", calls.Select(call => call.PromptVersion));
        Assert.All(calls, call => Assert.Equal(("here", "m", ModelRole.Judge, CallOutcome.Answered, 1, 10, 20, 30L), (call.Server, call.Model, call.Role, call.Outcome, call.Attempt, call.PromptTokens, call.CompletionTokens, call.CostMicros)));
    }

    [Fact]
    public async Task Complete_AskedAgain_IsKnownAndFree_WhateverElseIsAskedFor()
    {
        var wire = new WireModel((prompt, _) => WireModel.Answer(prompt.User + "!"));
        using var gate = Gate();
        await Model(wire, gate).CompleteAsync([Prompt("a"), Prompt("b"), Prompt("c")], Options, Cancellation);

        var again = await Model(wire, gate).CompleteAsync([Prompt("new"), Prompt("c"), Prompt("b")], Options, Cancellation);

        Assert.Equal(["new!", "c!", "b!"], again.Select(answer => answer.Text));
        Assert.Equal(4, wire.Calls.Count);
        var cached = (await LedgerAsync()).Where(call => call.Outcome == CallOutcome.Cached).ToList();
        Assert.Equal(2, cached.Count);
        Assert.All(cached, call => Assert.Equal((0, 0, 0L, 0), (call.PromptTokens, call.CompletionTokens, call.CostMicros, call.Attempt)));
    }

    [Fact]
    public async Task Complete_SamePromptTwice_IsSampledTwice()
    {
        var wire = new WireModel((_, attempt) => WireModel.Answer($"{attempt}"));
        using var gate = Gate();

        var answers = await Model(wire, gate).CompleteAsync([Prompt("a"), Prompt("a")], Options, Cancellation);

        Assert.Equal(["1", "2"], answers.Select(answer => answer.Text).Order());
        Assert.Equal([7L, 8L], wire.Calls.Select(call => call.Options.Seed).Order());
    }

    [Theory]
    [InlineData("model")]
    [InlineData("seed")]
    [InlineData("temperature")]
    [InlineData("length")]
    [InlineData("system")]
    [InlineData("fresh")]
    public async Task Complete_AnythingElse_IsAskedAnew(string changed)
    {
        var wire = new WireModel((_, _) => WireModel.Answer());
        using var gate = Gate();
        await Model(wire, gate).CompleteAsync([Prompt("a")], Options, Cancellation);

        var model = Model(wire, gate, options => changed switch { "model" => options with { Model = "other" }, "fresh" => options with { Fresh = true }, _ => options });
        await model.CompleteAsync([changed == "system" ? new TextPrompt("Other.", "a") : Prompt("a")], Options with
        {
            Seed = changed == "seed" ? 8 : 7,
            Temperature = changed == "temperature" ? 0.6 : 0.5,
            MaxTokens = changed == "length" ? 101 : 100,
        }, Cancellation);

        Assert.Equal(2, wire.Calls.Count);
    }

    [Theory]
    [InlineData(CallOutcome.Busy)]
    [InlineData(CallOutcome.ServerError)]
    [InlineData(CallOutcome.TimedOut)]
    [InlineData(CallOutcome.Dropped)]
    [InlineData(CallOutcome.Malformed)]
    [InlineData(CallOutcome.Unreachable)]
    public async Task Complete_FaultThatPasses_IsTriedAgainLater(CallOutcome outcome)
    {
        var wire = new WireModel((_, attempt) => attempt < 4 ? throw WireModel.Fault(outcome) : WireModel.Answer("at last"));
        using var gate = Gate();

        var answer = (await Model(wire, gate).CompleteAsync([Prompt("a")], Options, Cancellation))[0];

        Assert.Equal(("at last", null), (answer.Text, answer.Failure));
        Assert.Equal([outcome, outcome, outcome, CallOutcome.Answered], (await LedgerAsync()).Select(call => call.Outcome));
        Assert.Equal(3, time.Waits.Count);
        Assert.All(time.Waits.Zip([1.0, 2, 4]), wait => Assert.InRange(wait.First.TotalSeconds, wait.Second / 2, wait.Second * 1.5));
        Assert.Empty(await Records.FailuresAsync(10, Cancellation));
    }

    [Theory]
    [InlineData(CallOutcome.Busy, 4)]
    [InlineData(CallOutcome.TimedOut, 4)]
    [InlineData(CallOutcome.Malformed, 4)]
    [InlineData(CallOutcome.Refused, 1)]
    public async Task Complete_FaultOfOnePrompt_FailsThatPromptAloneAndCanBeRetried(CallOutcome outcome, int tries)
    {
        var ill = true;
        var wire = new WireModel((prompt, _) => ill && prompt.User == "bad" ? throw WireModel.Fault(outcome) : WireModel.Answer(prompt.User + "!"));
        using var gate = Gate();
        var model = Model(wire, gate);

        var answers = await model.CompleteAsync([Prompt("good"), Prompt("bad"), Prompt("fine")], Options, Cancellation);

        Assert.Equal(["good!", "", "fine!"], answers.Select(answer => answer.Text));
        Assert.Equal([null, $"it is {outcome}. Mend it", null], answers.Select(answer => answer.Failure));
        Assert.Equal(tries, (await LedgerAsync()).Count(call => call.Outcome == outcome && call.Error is not null));
        var failure = Assert.Single(await Records.FailuresAsync(10, Cancellation));
        Assert.Equal(("bad", outcome, "here", ModelRole.Judge), (failure.User, failure.Outcome, failure.Name, failure.Role));

        ill = false;
        Assert.Equal("bad!", (await model.RetryAsync(failure, Cancellation)).Text);
        Assert.Empty(await Records.FailuresAsync(10, Cancellation));

        // The job that is begun again finds it.
        var calls = wire.Calls.Count;
        Assert.Equal(["good!", "bad!", "fine!"], (await model.CompleteAsync([Prompt("good"), Prompt("bad"), Prompt("fine")], Options, Cancellation)).Select(answer => answer.Text));
        Assert.Equal(calls, wire.Calls.Count);
    }

    [Theory]
    [InlineData(CallOutcome.Denied, 1)]
    [InlineData(CallOutcome.Unreachable, 4)]
    public async Task Complete_FaultOfTheServer_StopsAndLosesNothing(CallOutcome outcome, int tries)
    {
        var under = new TaskCompletionSource();
        var wire = new WireModel(async (prompt, _, _) =>
        {
            if (prompt.User == "bad")
            {
                throw WireModel.Fault(outcome);
            }

            if (prompt.User == "good")
            {
                await under.Task;
            }

            return WireModel.Answer(prompt.User + "!");
        });
        using var gate = Gate(new ServerLimits { Concurrency = 2 });

        var batch = Model(wire, gate).CompleteAsync([Prompt("good"), Prompt("bad"), Prompt("late"), Prompt("later")], Options, Cancellation);
        while ((await Records.FailuresAsync(10, Cancellation)).Count == 0)
        {
            await Task.Yield();
        }

        under.SetResult();
        var fault = await Assert.ThrowsAsync<TextModelException>(() => batch);

        Assert.Equal(outcome, fault.Outcome);
        Assert.Equal(tries, wire.Calls.Count(call => call.Prompt.User == "bad"));

        // The call that was under way was waited for, and what was paid for is known.
        var answered = (await LedgerAsync()).Count(call => call.Outcome == CallOutcome.Answered);
        Assert.Equal(answered, await CountAsync(db => db.ModelAnswers));
        var calls = wire.Calls.Count;
        Assert.Equal("good!", (await Model(wire, gate).CompleteAsync([Prompt("good")], Options, Cancellation))[0].Text);
        Assert.Equal(calls, wire.Calls.Count);
    }

    [Fact]
    public async Task Complete_TruncatedAnswer_GetsTwiceTheRoom()
    {
        var wire = new WireModel((_, options, _) => Task.FromResult(WireModel.Answer(completionTokens: options.MaxTokens, finish: options.MaxTokens < 400 ? FinishReason.Length : FinishReason.Stop)));
        using var gate = Gate();

        var answer = (await Model(wire, gate).CompleteAsync([Prompt("a")], Options, Cancellation))[0];

        Assert.Equal((FinishReason.Stop, null), (answer.Finish, answer.Failure));
        Assert.Equal([100, 200, 400], wire.Calls.Select(call => call.Options.MaxTokens));
        // What was cut off was paid for.
        Assert.Equal([100, 200, 400], (await LedgerAsync()).Select(call => call.CompletionTokens));
    }

    [Fact]
    public async Task Complete_AlwaysTruncated_FailsAfterThree_ButAPolicysPlanIsTakenAsItComes()
    {
        var wire = new WireModel((_, _) => WireModel.Answer("half", finish: FinishReason.Length));
        using var gate = Gate();

        var judged = (await Model(wire, gate).CompleteAsync([Prompt("a")], Options, Cancellation))[0];
        var written = (await Model(wire, gate, options => options with { Role = ModelRole.Policy }).CompleteAsync([Prompt("b")], Options, Cancellation))[0];

        Assert.Contains("cut off", judged.Failure, StringComparison.Ordinal);
        Assert.Equal((null, FinishReason.Length, "half"), (written.Failure, written.Finish, written.Text));
        Assert.Equal(4, wire.Calls.Count);
    }

    [Fact]
    public async Task Complete_ServerAsksToWait_AllCallersWait()
    {
        var wire = new WireModel((prompt, attempt) => attempt == 1 && prompt.User == "a" ? throw WireModel.Fault(CallOutcome.Busy, TimeSpan.FromSeconds(90)) : WireModel.Answer());
        using var gate = Gate();
        var model = Model(wire, gate);

        var begun = time.GetUtcNow();
        await model.CompleteAsync([Prompt("a")], Options, Cancellation);

        Assert.InRange((time.GetUtcNow() - begun).TotalSeconds, 90, 92);
        Assert.InRange(Assert.Single(time.Waits).TotalSeconds, 90, 91.5);
    }

    [Fact]
    public async Task Complete_ServerAsksToWaitForHours_FailsAtOnce()
    {
        var wire = new WireModel((_, _) => throw WireModel.Fault(CallOutcome.Busy, TimeSpan.FromHours(3)));
        using var gate = Gate();

        Assert.NotNull((await Model(wire, gate).CompleteAsync([Prompt("a")], Options, Cancellation))[0].Failure);
        Assert.Single(wire.Calls);
    }

    [Fact]
    public async Task Complete_Cancelled_IsInTheLedger()
    {
        using var cancel = new CancellationTokenSource();
        var wire = new WireModel(async (_, _, _) =>
        {
            await cancel.CancelAsync();
            throw new OperationCanceledException(cancel.Token);
        });
        using var gate = Gate();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Model(wire, gate).CompleteAsync([Prompt("a"), Prompt("b")], Options, cancel.Token));

        Assert.All(await LedgerAsync(), call => Assert.Equal(CallOutcome.Cancelled, call.Outcome));
        Assert.Empty(await Records.FailuresAsync(10, Cancellation));
    }

    [Fact]
    public async Task Complete_ServerThatDoesNotCount_IsCountedFor()
    {
        var wire = new WireModel((_, _) => WireModel.Answer("123456789", 0, 0));
        using var gate = Gate();

        await Model(wire, gate).CompleteAsync([new TextPrompt("abc", "abcdef")], Options, Cancellation);

        Assert.Equal([(3, 3)], (await LedgerAsync()).Select(call => (call.PromptTokens, call.CompletionTokens)));
    }

    [Fact]
    public async Task Reject_AnswerThatCannotBeUsed_IsAskedAnewAndListed()
    {
        var wire = new WireModel((_, attempt) => WireModel.Answer(attempt == 1 ? "hm" : "clear"));
        using var gate = Gate();
        var model = Model(wire, gate);

        var answer = (await model.CompleteAsync([Prompt("a")], Options, Cancellation))[0];
        await answer.RejectAsync("it says hm", Cancellation);

        Assert.Equal("The answer could not be used: it says hm.", Assert.Single(await Records.FailuresAsync(10, Cancellation)).Error);
        Assert.Equal("clear", (await model.CompleteAsync([Prompt("a")], Options, Cancellation))[0].Text);
        Assert.Empty(await Records.FailuresAsync(10, Cancellation));
    }

    [Fact]
    public async Task Sweep_MoreThanTheBound_ForgetsTheOldest()
    {
        var wire = new WireModel((prompt, _) => WireModel.Answer(new string('x', 100)));
        using var gate = Gate();
        var records = new ModelCallStore(database.Factory, database.Time) { LargestCache = 450 };
        var model = new MeteredModel(new MeteredModelOptions { Name = "here", Server = "here", Model = "m", Role = ModelRole.Judge }, wire, gate, records, time);
        for (var i = 0; i < 8; i++)
        {
            await model.CompleteAsync([Prompt($"{i}")], Options, Cancellation);
            time.Advance(TimeSpan.FromSeconds(1));
        }

        await records.SweepAsync(Cancellation);

        await model.CompleteAsync([.. Enumerable.Range(4, 4).Select(i => Prompt($"{i}"))], Options, Cancellation);
        Assert.Equal(8, wire.Calls.Count);
        Assert.Equal(4, await CountAsync(db => db.ModelAnswers));
    }

    [Fact]
    public async Task Complete_RoleWithSettings_SamplesByThem()
    {
        var wire = new WireModel((_, _) => WireModel.Answer());
        using var gate = Gate();

        await Model(wire, gate, options => options with { Sampling = new RoleSampling(0.1, null, 50) }).CompleteAsync([Prompt("a")], Options with { TopP = 0.9 }, Cancellation);

        var used = wire.Calls.Single().Options;
        Assert.Equal((0.1, 0.9, 50), (used.Temperature, used.TopP, used.MaxTokens));
    }

    [Fact]
    public async Task Complete_BudgetUnderConcurrency_IsNeverOverspentAndNothingIsLost()
    {
        // Each call takes 30 of the 102 tokens that it may take at most.
        var wire = new WireModel(async (_, _, _) =>
        {
            await Task.Yield();
            return WireModel.Answer();
        });
        using var gate = Gate(new ServerLimits { Concurrency = 8, TokenBudget = 500 });
        TextPrompt[] prompts = [.. Enumerable.Range(0, 40).Select(i => Prompt($"{i:00}"))];

        var fault = await Assert.ThrowsAsync<TextModelException>(() => Model(wire, gate).CompleteAsync(prompts, Options, Cancellation));

        Assert.Equal(CallOutcome.OverBudget, fault.Outcome);
        Assert.Contains("the budget of 500 tokens", fault.Message, StringComparison.Ordinal);
        Assert.Contains("Raise it or start it anew", fault.Message, StringComparison.Ordinal);
        var spent = (await Records.SpentAsync("here", DateTimeOffset.UnixEpoch, Cancellation)).Tokens;
        Assert.Equal(wire.Calls.Count * 30, spent);
        Assert.InRange(spent, 500 - 102 - 30 + 1, 500);

        // With more money the work goes on, and what was answered is not asked for again.
        using var more = Gate(new ServerLimits { Concurrency = 8, TokenBudget = 5000 });
        Assert.Equal(40, (await Model(wire, more).CompleteAsync(prompts, Options, Cancellation)).Count);
        Assert.Equal(40, wire.Calls.Count);
    }

    private static TextPrompt Prompt(string user) => new("S", user);

    private ServerGate Gate(ServerLimits? limits = null) => new("here", limits ?? new ServerLimits(), time, Records);

    private MeteredModel Model(ITextModel wire, ServerGate gate, Func<MeteredModelOptions, MeteredModelOptions>? change = null)
    {
        var options = new MeteredModelOptions { Name = "here", Server = "here", Model = "m", Role = ModelRole.Judge, Purpose = "job" };
        return new MeteredModel(change?.Invoke(options) ?? options, wire, gate, Records, time);
    }

    private async Task<IReadOnlyList<ModelCall>> LedgerAsync() => [.. (await Records.LedgerAsync(0, 1000, Cancellation)).Calls.Reverse()];

    private async Task<int> CountAsync<T>(Func<CoScientistDb, DbSet<T>> set)
        where T : class
    {
        await using var db = database.NewContext();
        return await set(db).CountAsync(Cancellation);
    }
}
