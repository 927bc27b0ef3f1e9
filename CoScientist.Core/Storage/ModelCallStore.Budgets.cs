using CoScientist.Core.TextModels;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <content>Budgets of servers, reserved for calls under way: in the database, since several processes may call the same server.</content>
public sealed partial class ModelCallStore
{
    private const long MicrosPerUnit = 1_000_000;

    /// <summary>This process, as reservations name it.</summary>
    private readonly string holder = Guid.NewGuid().ToString("N");

    /// <inheritdoc/>
    public async Task<BudgetAnswer> ReserveAsync(string server, ServerLimits limits, long tokens, long costMicros, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(limits);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginAloneAsync($"budget {server}", cancellationToken);
        var now = await db.Database.NowAsync(time, cancellationToken);
        var isShared = db.Database.IsNpgsql();

        // One process works with an SQLite file: what another reserved, it left behind when it died.
        await db.BudgetReservations.Where(held => held.Server == server && (held.Until <= now || (!isShared && held.Holder != holder))).ExecuteDeleteAsync(cancellationToken);

        // Before the ledger: a call that ends between the two is counted twice, never not at all.
        var reserved = await db.BudgetReservations.AsNoTracking().Where(held => held.Server == server).ToListAsync(cancellationToken);
        var used = await SpentAsync(db, server, limits.BudgetFrom, cancellationToken);
        BudgetReservation? reservation = null;
        if (used.Tokens + reserved.Sum(held => held.Tokens) + tokens <= (limits.TokenBudget ?? long.MaxValue)
            && used.CostMicros + reserved.Sum(held => held.CostMicros) + costMicros <= (limits.MoneyBudget * MicrosPerUnit ?? decimal.MaxValue))
        {
            reservation = new BudgetReservation { Server = server, Holder = holder, Tokens = tokens, CostMicros = costMicros, Until = now + limits.LongestCall };
            db.BudgetReservations.Add(reservation);
            await db.SaveChangesAsync(cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        return new BudgetAnswer(reservation?.Id, used, reserved.Exists(held => held.Holder == holder), reserved.Exists(held => held.Holder != holder));
    }

    /// <inheritdoc/>
    public async Task ReleaseAsync(long reservation, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await db.BudgetReservations.Where(held => held.Id == reservation).ExecuteDeleteAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<Spending> SpentAsync(string server, DateTimeOffset since, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await SpentAsync(db, server, since, cancellationToken);
    }

    private static async Task<Spending> SpentAsync(CoScientistDb db, string server, DateTimeOffset since, CancellationToken cancellationToken)
    {
        var calls = db.ModelCalls.Where(call => call.Server == server && call.At >= since);
        var tokens = await calls.SumAsync(call => (long)call.PromptTokens + call.CompletionTokens, cancellationToken);
        return new Spending(tokens, await calls.SumAsync(call => call.CostMicros, cancellationToken));
    }
}
