using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Core.TextModels;

/// <summary>One server's budget, reserved by several processes on one database: a book each stands for a process.</summary>
[Trait("Database", "any")]
public sealed class SharedBudgetTests
{
    private const string Server = "judge";

    private static readonly ServerLimits s_limits = new() { TokenBudget = 100, MoneyBudget = 1 };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Reserve_BesideAnotherProcess_GetsWhatThatOneLeaves_AndMoreWhenItHasSettled()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var db = database.NewContext();
        if (!db.Database.IsNpgsql())
        {
            return; // One process has an SQLite file.
        }

        var (first, second) = (Book(database), Book(database));
        var held = await first.ReserveAsync(Server, s_limits, 60, 700_000, Token);
        Assert.NotNull(held.Reservation);
        Assert.Equal(new BudgetAnswer(null, default, false, true), await second.ReserveAsync(Server, s_limits, 41, 0, Token));
        Assert.Equal(new BudgetAnswer(null, default, true, false), await first.ReserveAsync(Server, s_limits, 0, 300_001, Token));
        Assert.NotNull((await second.ReserveAsync(Server, s_limits, 40, 300_000, Token)).Reservation);
        Assert.NotNull((await second.ReserveAsync("another", s_limits, 100, 0, Token)).Reservation);

        // It took less than it might have.
        await first.RecordAsync([Call(20, 1)], null, null, Token);
        await first.ReleaseAsync(held.Reservation.Value, Token);
        Assert.Null((await second.ReserveAsync(Server, s_limits, 41, 0, Token)).Reservation);
        Assert.NotNull((await second.ReserveAsync(Server, s_limits, 40, 0, Token)).Reservation);
    }

    [Fact]
    public async Task Gates_OfFourProcessesAtOnce_NeverExceedTheBudgetTogether()
    {
        await using var database = await TestDatabase.CreateAsync();
        var limits = new ServerLimits { TokenBudget = 100, Concurrency = 4 };
        await using var db = database.NewContext();
        var books = Enumerable.Range(0, db.Database.IsNpgsql() ? 4 : 1).Select(_ => Book(database)).ToList();
        var gates = books.ConvertAll(book => new ServerGate(Server, limits, new ImpatientTime(), book));
        var (underWay, most, refused) = (0, 0, 0);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async call =>
        {
            try
            {
                await using var pass = await gates[call % gates.Count].EnterAsync(10, 20, Token);
                var now = Interlocked.Increment(ref underWay);
                InterlockedMax(ref most, now);
                await Task.Yield();
                await books[call % books.Count].RecordAsync([Call(10, 0)], null, null, Token);
                Interlocked.Decrement(ref underWay);
                pass.Settle(10);
            }
            catch (TextModelException spent) when (spent.Outcome == CallOutcome.OverBudget)
            {
                Interlocked.Increment(ref refused);
            }
        }));

        // Ten each are taken, thirty reserved: the eighth is the last for which there is room.
        Assert.Equal(12, refused);
        Assert.InRange(most, 1, 3);
        Assert.Equal(80, (await books[0].SpentAsync(Server, DateTimeOffset.UnixEpoch, Token)).Tokens);
        Assert.Empty(await db.BudgetReservations.ToListAsync(Token));
        gates.ForEach(gate => gate.Dispose());
    }

    [Fact]
    public async Task ReservationOfAProcessThatDied_CountsNoMoreAfterTheLongestCall()
    {
        await using var database = await TestDatabase.CreateAsync();
        var (dead, alive) = (Book(database), Book(database));
        Assert.NotNull((await dead.ReserveAsync(Server, s_limits with { LongestCall = TimeSpan.Zero }, 100, 0, Token)).Reservation);

        Assert.NotNull((await alive.ReserveAsync(Server, s_limits, 100, 0, Token)).Reservation);
    }

    private static ModelCallStore Book(TestDatabase database) => new(database.Factory, database.Time);

    private static void InterlockedMax(ref int most, int now)
    {
        int seen;
        while ((seen = Volatile.Read(ref most)) < now && Interlocked.CompareExchange(ref most, now, seen) != seen)
        {
        }
    }

    private static ModelCall Call(int tokens, long cost) => new()
    {
        At = DateTimeOffset.UnixEpoch.AddDays(1),
        Server = Server,
        Model = "m",
        Role = ModelRole.Judge,
        Purpose = "",
        PromptVersion = "v",
        RequestKey = Guid.NewGuid().ToString("N"),
        Attempt = 1,
        PromptTokens = tokens,
        CompletionTokens = 0,
        Seconds = 0,
        CostMicros = cost,
        Outcome = CallOutcome.Answered,
    };
}
