using CoScientist.Core.Runs;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>A notice with the name of its run.</summary>
/// <param name="Run">Name of the run.</param>
/// <param name="Kind">What it is about.</param>
/// <param name="Text">What happened.</param>
/// <param name="At">When (UTC).</param>
/// <param name="IsNew">Whether the account has not seen it.</param>
public sealed record RunNoticeView(string Run, RunNoticeKind Kind, string Text, DateTimeOffset At, bool IsNew);

/// <summary>Notices about runs, for every researcher; each account has seen them up to a time.</summary>
/// <param name="factory">Opens the database.</param>
/// <param name="time">The clock.</param>
public sealed class RunNoticeStore(IDbContextFactory<CoScientistDb> factory, TimeProvider time)
{
    /// <summary>Adds one.</summary>
    public async Task AddAsync(RunId run, RunNoticeKind kind, string text, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        db.RunNotices.Add(new RunNotice { Id = TypedId.New<RunNoticeId>(time), RunId = run, Kind = kind, Text = text, At = time.GetUtcNow() });
        await db.SaveChangesAsync(cancellationToken);
    }

    /// <summary>Whether a run has this notice.</summary>
    public async Task<bool> HasAsync(RunId run, string text, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.RunNotices.AnyAsync(notice => notice.RunId == run && notice.Text == text, cancellationToken);
    }

    /// <summary>The newest notices.</summary>
    /// <param name="account">Whose view it is.</param>
    /// <param name="most">Most notices.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<IReadOnlyList<RunNoticeView>> NewestAsync(string account, int most, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var seen = await SeenAsync(db, account, cancellationToken);
        var notices = await db.RunNotices.AsNoTracking()
            .OrderByDescending(notice => notice.Id)
            .Take(most)
            .Join(db.Runs, notice => notice.RunId, run => run.Id, (notice, run) => new { Notice = notice, run.Name })
            .ToListAsync(cancellationToken);
        return [.. notices.OrderByDescending(row => row.Notice.Id.Value).Select(row => new RunNoticeView(row.Name, row.Notice.Kind, row.Notice.Text, row.Notice.At, row.Notice.At > seen))];
    }

    /// <summary>How many an account has not seen.</summary>
    public async Task<int> CountNewAsync(string account, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var seen = await SeenAsync(db, account, cancellationToken);
        return await db.RunNotices.CountAsync(notice => notice.At > seen, cancellationToken);
    }

    /// <summary>An account has seen all that there are.</summary>
    public async Task SeeAsync(string account, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var now = time.GetUtcNow();
        if (await db.RunNoticesSeen.SingleOrDefaultAsync(known => known.AccountId == account, cancellationToken) is { } seen)
        {
            seen.At = now;
        }
        else
        {
            db.RunNoticesSeen.Add(new RunNoticesSeen { AccountId = account, At = now });
        }

        await db.SaveChangesAsync(cancellationToken);
    }

    private static async Task<DateTimeOffset> SeenAsync(CoScientistDb db, string account, CancellationToken cancellationToken) =>
        (await db.RunNoticesSeen.AsNoTracking().SingleOrDefaultAsync(known => known.AccountId == account, cancellationToken))?.At ?? DateTimeOffset.MinValue;
}
