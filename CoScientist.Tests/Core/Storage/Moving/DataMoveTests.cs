using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Core.Storage;
using CoScientist.Core.Storage.Backups;
using CoScientist.Core.Storage.Moving;
using CoScientist.Core.Studies;
using CoScientist.Tests.Shared;
using CoScientist.Web.ViewModels;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Tests.Core.Storage.Moving;

/// <summary>From an SQLite file to a PostgreSQL database and back. Without a server given there is nowhere to move to.</summary>
[Trait("Database", "any")]
public sealed class DataMoveTests : IAsyncLifetime
{
    private TestDatabase _file = null!;
    private string _server = "";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _file = await TestDatabase.CreateFileAsync();
        _server = TestPostgres.IsOn ? await TestPostgres.CreateEmptyAsync() : "";
    }

    public async ValueTask DisposeAsync()
    {
        await _file.DisposeAsync();
        await TestPostgres.ReturnAsync(_server);
    }

    [Fact]
    public async Task Move_RowsOfEveryTable_AreThereAndTheWorkGoesOn()
    {
        if (!TestPostgres.IsOn)
        {
            return;
        }

        await using var before = Open(_file.Address);
        var study = await FillAsync(before);
        var report = await ReportAsync(before, study);
        var shares = new Shares();
        IReadOnlyList<MovedTable> moved;
        await using (var db = _file.NewContext())
        await using (var target = await TargetAsync())
        {
            moved = await new DataMove(db, target).RunAsync(shares, Token);
            Assert.All(moved, table => Assert.True(table.Rows > 0, table.Name));
            Assert.Equal(db.Model.GetEntityTypes().Select(type => type.GetTableName()).Except(["SearchEntries"]).Order(StringComparer.Ordinal), moved.Select(table => table.Name).Order(StringComparer.Ordinal));
            Assert.Equal(await RevisionAsync(db, study), await RevisionAsync(target, study));
            Assert.Equal(1, shares.Last);
        }

        // The same results, found by search; and answers go on, with numbers that the database gives.
        await using var after = Open(_server);
        Assert.Equal(report, await ReportAsync(after, study));
        var found = await new LibraryLists(after.GetRequiredService<IDbContextFactory<CoScientistDb>>()).GoalsAsync(new LibraryFilter("\"find out 3\"", null, false), 0, 10, Token);
        Assert.Single(found.Rows);
        var revision = 0L;
        await using (var target = await TargetAsync())
        {
            revision = await RevisionAsync(target, study);
        }

        await AnswerAsync(after, study, 2);
        await using var raised = await TargetAsync();
        Assert.Equal(6, await raised.Preferences.CountAsync(answer => raised.Assignments.Any(given => given.Id == answer.AssignmentId && given.ExpertId == "eva"), Token));

        Assert.True(await RevisionAsync(raised, study) > revision);

        // Once more is refused: it is not empty.
        await using var again = _file.NewContext();
        await using var full = await TargetAsync();
        var refused = await Assert.ThrowsAsync<InvalidDataException>(() => new DataMove(again, full).RunAsync(null, Token));
        Assert.Contains("is not empty", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Move_ThereAndBack_IsTheSameFileAgainAndTheWorkGoesOn()
    {
        if (!TestPostgres.IsOn)
        {
            return;
        }

        await using var before = Open(_file.Address);
        var study = await FillAsync(before);
        await using var file = await TestDatabase.CreateFileAsync();
        IReadOnlyList<MovedTable> there;
        await using (var db = _file.NewContext())
        await using (var target = await TargetAsync())
        {
            there = await new DataMove(db, target).RunAsync(null, Token);
        }

        await using (var source = await TargetAsync())
        await using (var db = file.NewContext())
        {
            var shares = new Shares();
            Assert.Equal(there, await new DataMove(source, db).RunAsync(shares, Token));
            Assert.Equal(1, shares.Last);
            Assert.Equal(await RevisionAsync(source, study), await RevisionAsync(db, study));
        }

        // Triggers, search and numbering are as they were.
        await using (var old = _file.NewContext())
        await using (var made = file.NewContext())
        {
            Assert.Equal(await TriggersAsync(old), await TriggersAsync(made));
            Assert.Equal(await made.Papers.CountAsync(Token) + await made.Goals.CountAsync(Token) + await made.RubricItems.CountAsync(Token), await made.SearchEntries.CountAsync(Token));
            Assert.Equal(await PassagesAsync(old), await PassagesAsync(made));
        }

        await using var after = Open(file.Address);
        Assert.Equal(await ReportAsync(before, study), await ReportAsync(after, study));
        var found = await new LibraryLists(file.Factory).GoalsAsync(new LibraryFilter("\"find out 3\"", null, false), 0, 10, Token);
        Assert.Single(found.Rows);
        await AnswerAsync(after, study, 2);
        await using var raised = file.NewContext();
        Assert.Equal(6, await raised.Preferences.CountAsync(answer => raised.Assignments.Any(given => given.Id == answer.AssignmentId && given.ExpertId == "eva"), Token));
        Assert.Null(DatabaseCopy.FaultOf(file.File));

        // Once more is refused: it is not empty.
        await using var again = await TargetAsync();
        var refused = await Assert.ThrowsAsync<InvalidDataException>(() => new DataMove(again, raised).RunAsync(null, Token));
        Assert.Contains("The SQLite database is not empty", refused.Message, StringComparison.Ordinal);
        await using var whole = _file.NewContext();
        Assert.Equal(await TriggersAsync(whole), await TriggersAsync(raised));
    }

    [Fact]
    public async Task Move_TextThatCannotBeHeld_IsRefusedByItsRow_OrReplaced()
    {
        if (!TestPostgres.IsOn)
        {
            return;
        }

        var id = _file.NewId<GoalId>();
        await using (var db = _file.NewContext())
        {
            db.Goals.Add(new Goal { Id = _file.NewId<GoalId>(), Domain = "ml", Text = "fine", Origin = "dataset", CreatedAt = _file.Time.GetUtcNow() });
            db.Goals.Add(new Goal { Id = id, Domain = "ml", Text = "abc\0d", Origin = "dataset", CreatedAt = _file.Time.GetUtcNow() });
            await db.SaveChangesAsync(Token);
        }

        await using (var source = _file.NewContext())
        await using (var target = await TargetAsync())
        {
            var refused = await Assert.ThrowsAsync<InvalidDataException>(() => new DataMove(source, target).RunAsync(null, Token));
            Assert.StartsWith($"Goals, row Id {id.Value}: Text has a character at place 4 ", refused.Message, StringComparison.Ordinal);
        }

        await using (var source = _file.NewContext())
        await using (var target = await TargetAsync())
        {
            Assert.False(await target.Goals.AnyAsync(Token));
            await new DataMove(source, target, replaces: true).RunAsync(null, Token);
            Assert.Equal("abc\ufffdd", (await target.Goals.SingleAsync(goal => goal.Id == id, Token)).Text);
        }
    }

    [Fact]
    public async Task Move_SchemaOfAnEarlierVersion_IsRefused()
    {
        if (!TestPostgres.IsOn)
        {
            return;
        }

        await using var old = TestDatabase.Open(Directory.CreateTempSubdirectory("coscientist-").FullName);
        await using var source = old.NewContext();
        await source.GetService<IMigrator>().MigrateAsync(StorageSetup.Migrations[^2], Token);
        await using var target = await TargetAsync();

        var refused = await Assert.ThrowsAsync<InvalidDataException>(() => new DataMove(source, target).RunAsync(null, Token));

        Assert.Contains($"it lacks schema {StorageSetup.Migrations[^1]}", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Checksum_SameRowsInAnotherOrder_IsTheSame_AndNoOtherChangeIs()
    {
        static string Of(params object?[][] rows)
        {
            var sum = new ContentChecksum();
            Array.ForEach(rows, sum.Add);
            return sum.Value;
        }

        var plain = Of([1L, "a"], [2L, null]);
        Assert.Equal(plain, Of([2L, null], [1L, "a"]));
        Assert.Equal(6, new[] { plain, Of([1L, "a"]), Of([1L, "a"], [2L, ""]), Of([1L, "a"], [2L, null], [2L, null]), Of([1L, null], [2L, "a"]), Of([1L, "b"], [2L, null]) }.Distinct(StringComparer.Ordinal).Count());
    }

    private async Task<CoScientistDb> TargetAsync()
    {
        var options = new DbContextOptionsBuilder<CoScientistDb>();
        options.UseDatabase(_server);
        var db = new CoScientistDb(options.Options);
        await StorageSetup.MigrateAsync(db, Token);
        return db;
    }

    private static ServiceProvider Open(string address) => new ServiceCollection().AddStorage(address).BuildServiceProvider();

    /// <summary>Puts a study with answers into the file, and a row into every table.</summary>
    private async Task<StudyId> FillAsync(ServiceProvider services)
    {
        var study = await StudySeed.AddAsync(services, StudySeed.Draft("moved", goals: 6), items: 2);
        await AnswerAsync(services, study, 4);
        await using var db = _file.NewContext();
        await TestRows.FillAsync(db, seed: 1);
        return study;
    }

    private static async Task AnswerAsync(ServiceProvider services, StudyId study, int answers)
    {
        var store = services.GetRequiredService<StudyStore>();
        for (var answer = 0; answer < answers; answer++)
        {
            var pair = await store.NextAsync(study, "eva", Token);
            await store.AnswerAsync(pair!.Assignment, "eva", (PreferenceChoice)(answer % 3), "because", 1000, Token);
        }
    }

    private static async Task<string> ReportAsync(ServiceProvider services, StudyId study)
    {
        var store = services.GetRequiredService<StudyStore>();
        var summary = (await store.ListAsync(Token)).Single(known => known.Id == study);
        return string.Join('\n', StudyReport.Of(summary, await store.ResultsAsync(study, Token)).Markdown);
    }

    private static Task<List<string>> TriggersAsync(CoScientistDb db) =>
        db.Database.SqlQuery<string>($"SELECT \"sql\" AS \"Value\" FROM sqlite_master WHERE \"type\" = 'trigger' ORDER BY \"name\"").ToListAsync(Token);

    private static Task<List<long>> PassagesAsync(CoScientistDb db) =>
        db.Database.SqlQuery<long>($"SELECT rowid AS \"Value\" FROM \"SearchTextOfSections\" ORDER BY rowid").ToListAsync(Token);

    private static Task<long> RevisionAsync(CoScientistDb db, StudyId study) => db.StudyRevisions.Where(revision => revision.StudyId == study).Select(revision => revision.Number).SingleAsync(Token);

    private sealed class Shares : IProgress<double>
    {
        public double Last { get; private set; }

        public void Report(double value) => Last = value;
    }
}
