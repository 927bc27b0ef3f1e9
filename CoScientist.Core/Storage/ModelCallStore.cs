using CoScientist.Core.TextModels;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>The books of calls: the ledger, which only grows, the answers that are kept, up to a bound, and the failures that are open.</summary>
/// <param name="factory">Opens the database.</param>
/// <param name="time">The clock, where the database has none of its own.</param>
public sealed partial class ModelCallStore(IDbContextFactory<CoScientistDb> factory, TimeProvider time) : ICallRecords
{
    private const int SweepEvery = 200;
    private int kept;

    /// <summary>Most characters of all kept answers together; the oldest make room. Default 256 million, about 20,000 long answers.</summary>
    public long LargestCache { get; init; } = 256_000_000;

    /// <inheritdoc/>
    public async Task<IReadOnlyDictionary<string, TextCompletion>> FindAnswersAsync(IReadOnlyCollection<string> keys, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var answers = await db.ModelAnswers.AsNoTracking().Where(answer => keys.Contains(answer.RequestKey)).ToListAsync(cancellationToken);
        return answers.ToDictionary(answer => answer.RequestKey, answer => new TextCompletion(answer.Text, answer.Finish, answer.PromptTokens, answer.CompletionTokens), StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public async Task RecordAsync(IReadOnlyList<ModelCall> calls, ModelAnswer? answer, ModelFailure? failure, CancellationToken cancellationToken)
    {
        await WriteAsync(calls, answer, failure, forget: answer is not null, cancellationToken);
        if (answer is not null && Interlocked.Increment(ref kept) % SweepEvery == 0)
        {
            await SweepAsync(cancellationToken);
        }
    }

    /// <inheritdoc/>
    public Task RejectAsync(ModelFailure failure, CancellationToken cancellationToken) => WriteAsync([], null, failure, forget: true, cancellationToken);

    private async Task WriteAsync(IReadOnlyList<ModelCall> calls, ModelAnswer? answer, ModelFailure? failure, bool forget, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        db.AddRange(calls);
        if ((answer?.RequestKey ?? failure?.RequestKey) is { } key)
        {
            // Several may have asked the same.
            await db.Database.WaitForTurnAsync($"request {key}", cancellationToken);
            await db.ModelFailures.Where(open => open.RequestKey == key).ExecuteDeleteAsync(cancellationToken);
            _ = forget ? await db.ModelAnswers.Where(known => known.RequestKey == key).ExecuteDeleteAsync(cancellationToken) : 0;
        }

        db.AddRange(new object?[] { answer, failure }.OfType<object>());
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>Forgets the oldest answers until the rest keeps within <see cref="LargestCache"/>.</summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var total = await db.ModelAnswers.SumAsync(answer => (long)answer.Size, cancellationToken);
        while (total > LargestCache)
        {
            var oldest = await db.ModelAnswers.AsNoTracking().OrderBy(answer => answer.At).Take(SweepEvery).Select(answer => new { answer.RequestKey, answer.Size }).ToListAsync(cancellationToken);
            var leaving = oldest.TakeWhile((answer, i) => total - oldest.Take(i).Sum(before => (long)before.Size) > LargestCache).ToList();
            var keys = leaving.ConvertAll(answer => answer.RequestKey);
            await db.ModelAnswers.Where(answer => keys.Contains(answer.RequestKey)).ExecuteDeleteAsync(cancellationToken);
            total -= leaving.Sum(answer => (long)answer.Size);
        }
    }

    /// <summary>Open failures, the latest first.</summary>
    /// <param name="take">Most of them.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<IReadOnlyList<ModelFailure>> FailuresAsync(int take, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.ModelFailures.AsNoTracking().OrderByDescending(failure => failure.At).Take(take).ToListAsync(cancellationToken);
    }

    /// <summary>Takes a failure off the list; the ledger keeps its calls.</summary>
    public async Task ForgetFailureAsync(string requestKey, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await db.ModelFailures.Where(failure => failure.RequestKey == requestKey).ExecuteDeleteAsync(cancellationToken);
    }

    /// <summary>Takes what failed for a purpose off the list: it is about to be asked for anew, with other seeds.</summary>
    /// <param name="names">Names by which the models were called.</param>
    /// <param name="purpose">The purpose with its subject.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task ForgetFailuresAsync(IReadOnlyCollection<string> names, string purpose, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await db.ModelFailures.Where(failure => failure.Purpose == purpose && names.Contains(failure.Name)).ExecuteDeleteAsync(cancellationToken);
    }

    /// <summary>A page of the ledger, the latest first, and how many rows there are.</summary>
    /// <param name="skip">Rows left out.</param>
    /// <param name="take">Most rows.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<(IReadOnlyList<ModelCall> Calls, int Total)> LedgerAsync(int skip, int take, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var calls = await db.ModelCalls.AsNoTracking().OrderByDescending(call => call.Id).Skip(skip).Take(take).ToListAsync(cancellationToken);
        return (calls, await db.ModelCalls.CountAsync(cancellationToken));
    }

    /// <summary>Totals of the ledger per day (UTC), server, model and role, the latest day first.</summary>
    /// <param name="since">First moment that counts.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<IReadOnlyList<CallTotal>> TotalsAsync(DateTimeOffset since, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var answered = nameof(CallOutcome.Answered);
        var cached = nameof(CallOutcome.Cached);
        var rows = await db.Database.SqlQuery<TotalRow>(
            $"""
            SELECT "At" / {TimeSpan.TicksPerDay} AS "Day", "Server", "Model", "Role",
              CAST(count(*) FILTER (WHERE "Outcome" = {answered}) AS integer) AS "Answered", CAST(count(*) FILTER (WHERE "Outcome" = {cached}) AS integer) AS "Cached",
              CAST(count(*) FILTER (WHERE "Outcome" NOT IN ({answered}, {cached})) AS integer) AS "Failed",
              sum("PromptTokens") AS "PromptTokens", sum("CompletionTokens") AS "CompletionTokens", sum("Seconds") AS "Seconds", CAST(sum("CostMicros") AS bigint) AS "CostMicros"
            FROM "ModelCalls" WHERE "At" >= {since.UtcTicks} GROUP BY 1, 2, 3, 4
            """).ToListAsync(cancellationToken);
        var totals = rows.Select(row => new CallTotal(DateOnly.FromDayNumber((int)row.Day), row.Server, row.Model, Enum.Parse<ModelRole>(row.Role), row.Answered, row.Cached, row.Failed, row.PromptTokens, row.CompletionTokens, row.Seconds, row.CostMicros));
        return [.. totals.OrderByDescending(total => total.Day).ThenBy(total => total.Server, StringComparer.Ordinal).ThenBy(total => total.Role).ThenBy(total => total.Model, StringComparer.Ordinal)];
    }

    /// <summary>Totals of the calls for one purpose, per server, model and role, on the day of the last of them.</summary>
    /// <param name="purpose">The purpose; calls for a subject of it count.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<IReadOnlyList<CallTotal>> TotalsOfAsync(string purpose, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var totals = await db.ModelCalls
            .Where(call => call.Purpose == purpose || call.Purpose.StartsWith(purpose + " "))
            .GroupBy(call => new { call.Server, call.Model, call.Role })
            .Select(calls => new
            {
                calls.Key,
                Last = calls.Max(call => call.At),
                All = calls.Count(),
                Answered = calls.Count(call => call.Outcome == CallOutcome.Answered),
                Cached = calls.Count(call => call.Outcome == CallOutcome.Cached),
                PromptTokens = calls.Sum(call => (long)call.PromptTokens),
                CompletionTokens = calls.Sum(call => (long)call.CompletionTokens),
                Seconds = calls.Sum(call => call.Seconds),
                CostMicros = calls.Sum(call => call.CostMicros),
            })
            .ToListAsync(cancellationToken);
        return [.. totals
            .OrderBy(total => total.Key.Server, StringComparer.Ordinal).ThenBy(total => total.Key.Model, StringComparer.Ordinal).ThenBy(total => total.Key.Role)
            .Select(total => new CallTotal(DateOnly.FromDateTime(total.Last.UtcDateTime), total.Key.Server, total.Key.Model, total.Key.Role, total.Answered, total.Cached, total.All - total.Answered - total.Cached, total.PromptTokens, total.CompletionTokens, total.Seconds, total.CostMicros))];
    }

    private sealed record TotalRow(long Day, string Server, string Model, string Role, int Answered, int Cached, int Failed, long PromptTokens, long CompletionTokens, double Seconds, long CostMicros);
}

/// <summary>What calls came to.</summary>
/// <param name="Day">Day in UTC.</param>
/// <param name="Server">Name of the server.</param>
/// <param name="Model">Model as the server calls it.</param>
/// <param name="Role">Capacity.</param>
/// <param name="Answered">Calls that were answered.</param>
/// <param name="Cached">Answers that were known.</param>
/// <param name="Failed">Calls that came to nothing, tries that were repeated included.</param>
/// <param name="PromptTokens">Tokens read.</param>
/// <param name="CompletionTokens">Tokens written.</param>
/// <param name="Seconds">Time of all calls together.</param>
/// <param name="CostMicros">Cost in millionths of the currency.</param>
public sealed record CallTotal(DateOnly Day, string Server, string Model, ModelRole Role, int Answered, int Cached, int Failed, long PromptTokens, long CompletionTokens, double Seconds, long CostMicros);
