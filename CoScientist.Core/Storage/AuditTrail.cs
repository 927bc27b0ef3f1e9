using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>Which entries of the audit trail are looked for; what is null does not matter.</summary>
/// <param name="Text">Part of what was done, by whom or to what, in any case.</param>
/// <param name="By">Name of who did it; empty for the server itself.</param>
/// <param name="Kind">Kind of thing.</param>
/// <param name="From">Not before.</param>
/// <param name="To">Before.</param>
public sealed record AuditFilter(string? Text = null, string? By = null, AuditKind? Kind = null, DateTimeOffset? From = null, DateTimeOffset? To = null);

/// <summary>The audit trail: who did what, when, to what.</summary>
/// <param name="factory">Opens the database.</param>
/// <param name="time">The clock.</param>
public sealed class AuditTrail(IDbContextFactory<CoScientistDb> factory, TimeProvider time)
{
    /// <summary>Records what has been done.</summary>
    /// <param name="account">Id of who did it; null for the server itself.</param>
    /// <param name="kind">What kind of thing.</param>
    /// <param name="about">Name of what it was done to.</param>
    /// <param name="what">What was done, as the end of a sentence; nothing secret.</param>
    /// <param name="link">Address of that record inside the application.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task RecordAsync(string? account, AuditKind kind, string about, string what, string? link, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await AddAsync(db, time.GetUtcNow(), account, kind, about, what, link, cancellationToken);
        await db.SaveChangesAsync(cancellationToken);
    }

    /// <summary>The same inside a change of the database, with which it is saved or not.</summary>
    internal static async Task AddAsync(CoScientistDb db, DateTimeOffset at, string? account, AuditKind kind, string about, string what, string? link, CancellationToken cancellationToken)
    {
        var name = account is null ? null : await db.Users.Where(user => user.Id == account).Select(user => user.UserName).FirstOrDefaultAsync(cancellationToken);
        db.AuditEntries.Add(new AuditEntry { At = at, By = name ?? account ?? "", Kind = kind, About = about, What = what, Link = link });
    }

    /// <summary>A page of entries, newest first.</summary>
    /// <param name="filter">Which.</param>
    /// <param name="skip">Entries before the page.</param>
    /// <param name="take">Most entries of the page.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The page, and how many there are in all.</returns>
    public async Task<(IReadOnlyList<AuditEntry> Entries, int Total)> PageAsync(AuditFilter filter, int skip, int take, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var found = Matching(db, filter);
        if (!string.IsNullOrWhiteSpace(filter.Text))
        {
            // A text is looked for in every entry: once, not again to count them.
            var ids = await found.OrderByDescending(entry => entry.At).ThenByDescending(entry => entry.Id).Select(entry => entry.Id).ToListAsync(cancellationToken);
            var shown = ids.Skip(skip).Take(take).ToList();
            return (await Newest(db.AuditEntries.Where(entry => shown.Contains(entry.Id))).ToListAsync(cancellationToken), ids.Count);
        }

        var page = await Newest(found).Skip(skip).Take(take).ToListAsync(cancellationToken);
        return (page, page.Count < take && skip == 0 ? page.Count : await found.CountAsync(cancellationToken));
    }

    /// <summary>All entries that are looked for, newest first, read as they are taken.</summary>
    public IEnumerable<AuditEntry> All(AuditFilter filter)
    {
        using var db = factory.CreateDbContext();
        foreach (var entry in Newest(Matching(db, filter)))
        {
            yield return entry;
        }
    }

    /// <summary>Names of all who have done something, in order; empty for the server itself.</summary>
    public async Task<IReadOnlyList<string>> PeopleAsync(CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.AuditEntries.Select(entry => entry.By).Distinct().OrderBy(name => name).ToListAsync(cancellationToken);
    }

    /// <summary>When something of a kind was last done; null when never.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="what">How its sentence begins.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<DateTimeOffset?> LastAsync(AuditKind kind, string what, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return (await db.AuditEntries.AsNoTracking().Where(entry => entry.Kind == kind && entry.What.StartsWith(what)).OrderByDescending(entry => entry.At).FirstOrDefaultAsync(cancellationToken))?.At;
    }

    private static IQueryable<AuditEntry> Newest(IQueryable<AuditEntry> entries) => entries.AsNoTracking().OrderByDescending(entry => entry.At).ThenByDescending(entry => entry.Id);

    private static IQueryable<AuditEntry> Matching(CoScientistDb db, AuditFilter filter)
    {
        IQueryable<AuditEntry> entries = db.AuditEntries;
        if (filter.By is { } by)
        {
            entries = entries.Where(entry => entry.By == by);
        }

        if (filter.Kind is { } kind)
        {
            entries = entries.Where(entry => entry.Kind == kind);
        }

        if (filter.From is { } from)
        {
            entries = entries.Where(entry => entry.At >= from);
        }

        if (filter.To is { } to)
        {
            entries = entries.Where(entry => entry.At < to);
        }

        if (!string.IsNullOrWhiteSpace(filter.Text))
        {
            // Without regard to case; in SQLite only for the letters of ASCII.
            var pattern = $"%{filter.Text.Trim().Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal)}%";
            entries = db.Database.IsNpgsql()
                ? entries.Where(entry => EF.Functions.ILike(entry.What, pattern, "\\") || EF.Functions.ILike(entry.About, pattern, "\\") || EF.Functions.ILike(entry.By, pattern, "\\"))
                : entries.Where(entry => EF.Functions.Like(entry.What, pattern, "\\") || EF.Functions.Like(entry.About, pattern, "\\") || EF.Functions.Like(entry.By, pattern, "\\"));
        }

        return entries;
    }
}
