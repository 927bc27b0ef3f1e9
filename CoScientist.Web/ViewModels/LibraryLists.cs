using System.Data;
using System.Data.Common;
using CoScientist.Core.Goals;
using CoScientist.Core.Papers;
using CoScientist.Core.Storage;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.ViewModels;

/// <summary>One page of a longer list.</summary>
/// <param name="Total">Rows on all pages.</param>
/// <param name="Rows">This page's rows.</param>
public sealed record Slice<T>(int Total, IReadOnlyList<T> Rows);

/// <summary>A paper in the list.</summary>
public sealed record PaperRow(PaperId Id, string Title, int? Year, string Domain, string Format, int Goals, DateTimeOffset ImportedAt);

/// <summary>A goal in a list.</summary>
public sealed record GoalRow(GoalId Id, string Text, string Domain, GoalSplit Split, string Origin, int Items, int Decided, int Rejected, int RubricVersion, bool IsSandbox);

/// <summary>A rubric item in a list.</summary>
public sealed record ItemRow(RubricItemId Id, string Text, RubricItemState State, bool IsDraft, GoalId GoalId, string Goal, string Domain, GoalSplit Split, string Origin, PaperId? PaperId, int? SourceSection);

/// <summary>
/// The lists of the library: filtered, searched and paged by the database. Text is found through the full-text index (SQLite's
/// FTS5, PostgreSQL's tsvector), pages by offset: both were measured with 100,000 rubric items (LibrarySpeedTests).
/// </summary>
public sealed class LibraryLists(IDbContextFactory<CoScientistDb> databases)
{
    /// <summary>Found rubric items are counted no further.</summary>
    public const int MostCounted = 10_000;

    /// <summary>Papers, newest first; of each article the newest version. Words are looked for in title, abstract and what names the paper, or in one of its sections.</summary>
    public async Task<Slice<PaperRow>> PapersAsync(LibraryFilter filter, int skip, int take, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var query = QueryOf(db, filter);
        IQueryable<Paper> papers = db.Papers;
        if (query is not null)
        {
            papers = db.Database.IsNpgsql()
                ? db.Papers.FromSql(
                $"""
                SELECT * FROM "Papers" WHERE "Id" IN (
                  SELECT entry."OwnerId" FROM "SearchText" AS found JOIN "SearchEntries" AS entry ON entry."Id" = found."Id" WHERE found."Words" @@ "SearchFold"({query})::tsquery AND entry."GoalId" IS NULL
                  UNION ALL SELECT section."PaperId" FROM "SearchTextOfSections" AS found JOIN "PaperSections" AS section ON section."Id" = found."Id" WHERE found."Words" @@ "SearchFold"({query})::tsquery)
                """)
                : db.Papers.FromSql(
                $"""
                SELECT * FROM "Papers" WHERE "Id" IN (
                  SELECT entry."OwnerId" FROM "SearchText" AS found JOIN "SearchEntries" AS entry ON entry."Id" = found.rowid WHERE found."SearchText" MATCH {query} AND entry."GoalId" IS NULL
                  UNION ALL SELECT section."PaperId" FROM "SearchTextOfSections" AS found JOIN "PaperSections" AS section ON section."Id" = found.rowid WHERE found."SearchTextOfSections" MATCH {query})
                """);
        }

        papers = papers.Where(paper => paper.IsSandbox == filter.Sandbox && paper.NewestVersion == null);
        if (!string.IsNullOrEmpty(filter.Domain))
        {
            papers = papers.Where(paper => paper.Domain == filter.Domain);
        }

        if (!string.IsNullOrEmpty(filter.Source))
        {
            papers = papers.Where(paper => paper.Format == filter.Source);
        }

        var (total, ids) = await PageAsync(papers.OrderByDescending(paper => paper.Id).Select(paper => paper.Id), query is not null, skip, take, cancellationToken);
        var rows = db.Papers.Where(paper => ids.Contains(paper.Id)).OrderByDescending(paper => paper.Id)
            .Select(paper => new PaperRow(paper.Id, paper.Title, paper.Year, paper.Domain, paper.Format, db.Goals.Count(goal => goal.PaperId == paper.Id), paper.ImportedAt));
        return new Slice<PaperRow>(total, await rows.ToListAsync(cancellationToken));
    }

    /// <summary>Goals in order of creation. Words are looked for in the goal and in its items.</summary>
    public async Task<Slice<GoalRow>> GoalsAsync(LibraryFilter filter, int skip, int take, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var query = QueryOf(db, filter);
        IQueryable<Goal> goals = db.Goals;
        if (query is not null)
        {
            goals = db.Database.IsNpgsql()
                ? db.Goals.FromSql($"""SELECT * FROM "Goals" WHERE "Id" IN (SELECT entry."GoalId" FROM "SearchText" AS found JOIN "SearchEntries" AS entry ON entry."Id" = found."Id" WHERE found."Words" @@ "SearchFold"({query})::tsquery)""")
                : db.Goals.FromSql($"""SELECT * FROM "Goals" WHERE "Id" IN (SELECT entry."GoalId" FROM "SearchText" AS found JOIN "SearchEntries" AS entry ON entry."Id" = found.rowid WHERE found."SearchText" MATCH {query})""");
        }

        goals = Narrow(goals, filter);
        if (filter.State is { } state)
        {
            goals = goals.Where(goal => goal.Items.Any(item => item.State == state));
        }

        var (total, ids) = await PageAsync(goals.OrderBy(goal => goal.Id).Select(goal => goal.Id), query is not null, skip, take, cancellationToken);
        return new Slice<GoalRow>(total, await Rows(db.Goals.AsNoTracking().Where(goal => ids.Contains(goal.Id)).OrderBy(goal => goal.Id)).ToListAsync(cancellationToken));
    }

    /// <summary>
    /// Rubric items, goal by goal in order of creation; found ones in the order they were written. The database walks an index in
    /// that order and stops when the page is full, which the joins that EF writes do not let it do. Found items are counted up to
    /// <see cref="MostCounted"/>.
    /// </summary>
    public async Task<Slice<ItemRow>> ItemsAsync(LibraryFilter filter, int skip, int take, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var query = QueryOf(db, filter);
        await using var maker = db.Database.GetDbConnection().CreateCommand();
        DbParameter Parameter(string name, object? value, DbType type)
        {
            var parameter = maker.CreateParameter();
            (parameter.ParameterName, parameter.DbType, parameter.Value) = (name, type, value ?? DBNull.Value);
            return parameter;
        }

        object[] Parameters() =>
        [
            Parameter("@query", query, DbType.String),
            Parameter("@sandbox", filter.Sandbox, DbType.Boolean),
            Parameter("@domain", Given(filter.Domain), DbType.String),
            Parameter("@split", Given(filter.Split?.ToString()), DbType.String),
            Parameter("@origin", Given(filter.Source), DbType.String),
            Parameter("@pipeline", Given(filter.Pipeline), DbType.String),
            Parameter("@state", Given(filter.State?.ToString()), DbType.String),
            Parameter("@skip", skip, DbType.Int32),
            Parameter("@take", take, DbType.Int32),
            Parameter("@most", MostCounted, DbType.Int32),
        ];
        string Sql(string sql) => db.Database.IsNpgsql() ? ItemsSql.ForPostgres(sql) : sql;
        var total = await db.Database.SqlQueryRaw<int>(Sql(query is null ? ItemsSql.Count : ItemsSql.FoundCount), Parameters()).ToListAsync(cancellationToken);
        var ids = (await db.Database.SqlQueryRaw<Guid>(Sql(query is null ? ItemsSql.Page : ItemsSql.FoundPage), Parameters()).ToListAsync(cancellationToken)).ConvertAll(id => new RubricItemId(id));
        var rows = await (
            from item in db.RubricItems.AsNoTracking()
            join goal in db.Goals on item.GoalId equals goal.Id
            where ids.Contains(item.Id)
            select new ItemRow(item.Id, item.Text, item.State, item.IsDraft, goal.Id, goal.Text, goal.Domain, goal.Split, goal.Origin, goal.PaperId, item.SourceSection)).ToDictionaryAsync(row => row.Id, cancellationToken);
        return new Slice<ItemRow>(total[0], [.. ids.Select(id => rows[id])]);
    }

    /// <summary>Fields of research that papers or goals name.</summary>
    public async Task<IReadOnlyList<string>> DomainsAsync(bool sandbox, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        return await db.Goals.Where(goal => goal.IsSandbox == sandbox).Select(goal => goal.Domain)
            .Union(db.Papers.Where(paper => paper.IsSandbox == sandbox).Select(paper => paper.Domain))
            .OrderBy(domain => domain)
            .ToListAsync(cancellationToken);
    }

    /// <summary>Real papers (of each article the newest version) without any goal, in the order they came in.</summary>
    public async Task<IReadOnlyList<(PaperId Id, string Title)>> PapersWithoutGoalsAsync(CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var papers = await db.Papers.Where(paper => !paper.IsSandbox && paper.NewestVersion == null && !db.Goals.Any(goal => goal.PaperId == paper.Id)).OrderBy(paper => paper.Id)
            .Select(paper => new { paper.Id, paper.Title }).ToListAsync(cancellationToken);
        return papers.ConvertAll(paper => (paper.Id, paper.Title));
    }

    /// <summary>Goals as rows of a list.</summary>
    internal static IQueryable<GoalRow> Rows(IQueryable<Goal> goals) => goals.Select(goal => new GoalRow(
        goal.Id,
        goal.Text,
        goal.Domain,
        goal.Split,
        goal.Origin,
        goal.Items.Count,
        goal.Items.Count(item => item.State != RubricItemState.Proposed),
        goal.Items.Count(item => item.State == RubricItemState.Rejected),
        goal.RubricVersion,
        goal.IsSandbox));

    // Keys first: sorting whole rows would drag their texts along. What was searched for is searched once, and counted here.
    private static async Task<(int Total, List<TId> Ids)> PageAsync<TId>(IQueryable<TId> ids, bool searched, int skip, int take, CancellationToken cancellationToken)
    {
        if (searched)
        {
            var all = await ids.ToListAsync(cancellationToken);
            return (all.Count, [.. all.Skip(skip).Take(take)]);
        }

        return (await ids.CountAsync(cancellationToken), await ids.Skip(skip).Take(take).ToListAsync(cancellationToken));
    }

    private static string? QueryOf(CoScientistDb db, LibraryFilter filter) => db.Database.IsNpgsql() ? SearchQuery.OfPostgres(filter.Text) : SearchQuery.Of(filter.Text);

    private static string? Given(string? value) => string.IsNullOrEmpty(value) ? null : value;

    private static IQueryable<Goal> Narrow(IQueryable<Goal> goals, LibraryFilter filter)
    {
        goals = goals.Where(goal => goal.IsSandbox == filter.Sandbox);
        goals = string.IsNullOrEmpty(filter.Domain) ? goals : goals.Where(goal => goal.Domain == filter.Domain);
        goals = filter.Split is { } split ? goals.Where(goal => goal.Split == split) : goals;
        goals = string.IsNullOrEmpty(filter.Pipeline) ? goals : goals.Where(goal => goal.Pipeline == filter.Pipeline);
        return string.IsNullOrEmpty(filter.Source) ? goals : goals.Where(goal => goal.Origin == filter.Source);
    }

    /// <summary>CROSS JOIN keeps the order of the tables, so that the first one's order is the list's.</summary>
    private static class ItemsSql
    {
        public const string Page = "SELECT item.\"Id\" AS \"Value\"" + All + Where + " ORDER BY item.\"GoalId\", item.\"Order\" LIMIT @take OFFSET @skip";
        public const string Count = "SELECT CAST(count(*) AS integer) AS \"Value\" FROM \"RubricItems\" AS item JOIN \"Goals\" AS goal ON goal.\"Id\" = item.\"GoalId\"" + Where;
        public const string FoundPage = "SELECT item.\"Id\" AS \"Value\"" + Found + Where + " AND found.\"SearchText\" MATCH @query ORDER BY found.rowid LIMIT @take OFFSET @skip";
        public const string FoundCount = "SELECT CAST(count(*) AS integer) AS \"Value\" FROM (SELECT 1" + Found + Where + " AND found.\"SearchText\" MATCH @query LIMIT @most) AS counted";

        /// <summary>PostgreSQL orders joins by what it knows of the tables.</summary>
        public static string ForPostgres(string sql) => sql
            .Replace("CROSS JOIN", "JOIN", StringComparison.Ordinal)
            .Replace("found.rowid", "found.\"Id\"", StringComparison.Ordinal)
            .Replace("found.\"SearchText\" MATCH @query", "found.\"Words\" @@ \"SearchFold\"(@query)::tsquery", StringComparison.Ordinal);

        private const string All = " FROM \"RubricItems\" AS item CROSS JOIN \"Goals\" AS goal ON goal.\"Id\" = item.\"GoalId\"";
        private const string Found = " FROM \"SearchText\" AS found CROSS JOIN \"SearchEntries\" AS entry ON entry.\"Id\" = found.rowid CROSS JOIN \"RubricItems\" AS item ON item.\"Id\" = entry.\"OwnerId\" CROSS JOIN \"Goals\" AS goal ON goal.\"Id\" = item.\"GoalId\"";
        private const string Where = " WHERE goal.\"IsSandbox\" = @sandbox AND (@domain IS NULL OR goal.\"Domain\" = @domain) AND (@split IS NULL OR goal.\"Split\" = @split) AND (@origin IS NULL OR goal.\"Origin\" = @origin) AND (@pipeline IS NULL OR goal.\"Pipeline\" = @pipeline) AND (@state IS NULL OR item.\"State\" = @state)";
    }
}
