using CoScientist.Core.TextModels;
using CoScientist.Tests.Shared;

namespace CoScientist.Tests.Core.TextModels;

public sealed class ServerGateTests
{
    private readonly ImpatientTime time = new();
    private Spending spent;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Enter_AsManyAsAllowed_TheNextWaitsForOneToLeave()
    {
        using var gate = Gate(new ServerLimits { Concurrency = 2 });
        var first = await gate.EnterAsync(1, 1, Cancellation);
        await gate.EnterAsync(1, 1, Cancellation);

        var third = gate.EnterAsync(1, 1, Cancellation);
        Assert.False(third.IsCompleted);
        await first.DisposeAsync();

        await third;
    }

    [Fact]
    public async Task Enter_RequestsPerMinute_HoldInEveryMinute()
    {
        using var gate = Gate(new ServerLimits { RequestsPerMinute = 3 });
        var begun = new List<DateTimeOffset>();
        for (var call = 0; call < 10; call++)
        {
            await using var pass = await gate.EnterAsync(1, 1, Cancellation);
            begun.Add(time.GetUtcNow());
            time.Advance(TimeSpan.FromSeconds(7));
        }

        Assert.All(begun.Skip(3).Zip(begun), pair => Assert.True(pair.First - pair.Second >= TimeSpan.FromMinutes(1)));
        Assert.Equal(3, time.Waits.Count);
    }

    [Fact]
    public async Task Enter_TokensPerMinute_CountWhatCallsReallyTook()
    {
        using var gate = Gate(new ServerLimits { TokensPerMinute = 100 });
        for (var call = 0; call < 5; call++)
        {
            await using var pass = await gate.EnterAsync(10, 50, Cancellation);
            pass.Settle(10);
        }

        // 5 × 10 are behind, 60 more would pass 100; one larger than the limit goes alone.
        Assert.Empty(time.Waits);
        await using (await gate.EnterAsync(10, 50, Cancellation))
        {
        }

        Assert.Single(time.Waits);
        await using (await gate.EnterAsync(1000, 1000, Cancellation))
        {
        }

        Assert.Equal(2, time.Waits.Count);
    }

    [Fact]
    public async Task Enter_BudgetReservedByOthers_WaitsForThemBeforeItGivesUp()
    {
        using var gate = Gate(new ServerLimits { TokenBudget = 100 });
        var first = await gate.EnterAsync(0, 80, Cancellation);
        var second = gate.EnterAsync(0, 60, Cancellation);
        Assert.False(second.IsCompleted);

        // The first took less than it might have.
        spent = new Spending(30, 0);
        await first.DisposeAsync();
        await (await second).DisposeAsync();

        spent = new Spending(90, 0);
        var fault = await Assert.ThrowsAsync<TextModelException>(() => gate.EnterAsync(5, 6, Cancellation));
        Assert.Contains("100 tokens (90 used, and the next call may take 11) is spent", fault.Message, StringComparison.Ordinal);
        await (await gate.EnterAsync(5, 5, Cancellation)).DisposeAsync();
    }

    [Fact]
    public async Task Enter_MoneyBudget_IsReservedToTheMillionth()
    {
        // 1,000 read at 3 and 500 written at 15 per million: 0.0105.
        using var gate = Gate(new ServerLimits { MoneyBudget = 0.05m, PriceIn = 3, PriceOut = 15 });
        spent = new Spending(0, 50_000 - 10_500);
        await (await gate.EnterAsync(1000, 500, Cancellation)).DisposeAsync();

        spent = new Spending(0, 50_000 - 10_500 + 1);
        var fault = await Assert.ThrowsAsync<TextModelException>(() => gate.EnterAsync(1000, 500, Cancellation));

        Assert.Equal(CallOutcome.OverBudget, fault.Outcome);
        Assert.Contains("0.05 in money (0.039501 spent, and the next call may cost 0.0105)", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hold_ServerAsksForIt_NobodyBeginsBefore()
    {
        using var gate = Gate(new ServerLimits());
        await gate.HoldAsync(TimeSpan.FromSeconds(20));
        await gate.HoldAsync(TimeSpan.FromSeconds(5));

        await using var pass = await gate.EnterAsync(1, 1, Cancellation);

        Assert.Equal(20, Assert.Single(time.Waits).TotalSeconds);
    }

    [Theory]
    [InlineData(1, null, 0.0, 0.5)]
    [InlineData(1, null, 0.5, 1)]
    [InlineData(3, null, 0.5, 4)]
    [InlineData(20, null, 0.9, 60)]
    [InlineData(1, 30.0, 0.5, 30.5)]
    public void After_FaultOnAttempt_DoublesWithJitterAndHeedsTheServer(int attempt, double? asked, double jitter, double expected) =>
        Assert.Equal(expected, RetryDelays.After(TimeSpan.FromSeconds(1), attempt, asked is { } seconds ? TimeSpan.FromSeconds(seconds) : null, jitter).TotalSeconds);

    private ServerGate Gate(ServerLimits limits) => new("here", limits, time, new Book(() => spent));

    /// <summary>A book of one process.</summary>
    private sealed class Book(Func<Spending> spent) : IBudgetBook
    {
        private readonly Dictionary<long, (long Tokens, long CostMicros)> held = [];

        public Task<BudgetAnswer> ReserveAsync(string server, ServerLimits limits, long tokens, long costMicros, CancellationToken cancellationToken)
        {
            var used = spent();
            var fits = used.Tokens + held.Values.Sum(call => call.Tokens) + tokens <= (limits.TokenBudget ?? long.MaxValue) && used.CostMicros + held.Values.Sum(call => call.CostMicros) + costMicros <= (limits.MoneyBudget * 1_000_000 ?? decimal.MaxValue);
            var answer = new BudgetAnswer(fits ? held.Count + 1 : null, used, held.Count > 0, false);
            if (fits)
            {
                held.Add(held.Count + 1, (tokens, costMicros));
            }

            return Task.FromResult(answer);
        }

        public Task ReleaseAsync(long reservation, CancellationToken cancellationToken)
        {
            held.Remove(reservation);
            return Task.CompletedTask;
        }
    }
}
