using CoScientist.Core.Goals;
using CoScientist.Core.Interchange;
using CoScientist.Core.Plans;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Core.Storage;

[Trait("Database", "any")]
public sealed class StudyExportTests : IAsyncLifetime
{
    private TestDatabase database = null!;
    private StudyStore studies = null!;
    private ExportStore exports = null!;
    private StudyId study;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Two goals; Ann prefers arm 1 on both, Ben on the first only.</summary>
    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        (studies, exports) = (database.Store<StudyStore>(), database.Store<ExportStore>());
        await using (var db = database.NewContext())
        {
            for (var i = 0; i < 2; i++)
            {
                var goal = new Goal { Id = database.NewId<GoalId>(), Domain = "ml", Text = $"Goal {i}", Origin = "dataset", CreatedAt = database.Time.GetUtcNow() };
                goal.Items.Add(new RubricItem { Id = database.NewId<RubricItemId>(), GoalId = goal.Id, Order = 0, Text = "says it", ProposedText = "says it" });
                db.Add(goal);
                db.AddRange(new[] { "tuned", "starter" }.Select(writer => new Plan { Id = database.NewId<PlanId>(), GoalId = goal.Id, Writer = writer, Text = writer == "tuned" ? "good plan" : "weak plan", CreatedAt = database.Time.GetUtcNow() }));
            }

            await db.SaveChangesAsync(Token);
            var item = await db.RubricItems.OrderBy(i => i.Id).FirstAsync(Token);
            await database.Store<ReviewStore>().DecideAsync(item.Id, "rita", ReviewAction.Reject, RejectionReason.Other, note: "=2+2", cancellationToken: Token);
        }

        study = await studies.CreateAsync(new StudyDraft { Name = "Study", Arm1 = "tuned", Arm2 = "starter", IsSandbox = false, Goals = 2, Form = new StudyForm { Scores = true } }, Token);
        foreach (var expert in new[] { "ann", "ben" })
        {
            for (var i = 0; await studies.NextAsync(study, expert, Token) is { } pair; i++)
            {
                var one = pair.PlanA == "good plan" ? "A" : "B";
                await studies.SaveFieldAsync(pair.Assignment, expert, AnswerField.Choice, expert == "ben" && i == 1 ? one == "A" ? "B" : "A" : one, Token);
                await studies.SaveFieldAsync(pair.Assignment, expert, AnswerField.ScoreA, one == "A" ? "9" : "2", Token);
                await studies.SaveFieldAsync(pair.Assignment, expert, AnswerField.ScoreB, one == "A" ? "2" : "9", Token);
                await studies.SaveFieldAsync(pair.Assignment, expert, AnswerField.Reason, "=HYPERLINK(\"x\") says ann", Token);
                await studies.SubmitAsync(pair.Assignment, expert, 5, Token);
            }
        }
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task PreferencesAsync_Csv_IsInTermsOfTheArmsAndRunsNoFormula()
    {
        var table = await exports.PreferencesAsync("Study", anonymous: false, Token);

        Assert.Equal(4, table.Rows.Count);
        Assert.All(table.Rows, row => Assert.Equal((9, 2), ((int)Cell(table, row, "score1")!, (int)Cell(table, row, "score2")!)));
        Assert.Equal(["arm1", "arm1", "arm1", "arm2"], table.Rows.Select(row => (string)Cell(table, row, "preferred")!));
        var path = Path.Combine(database.Folder, "preferences.csv");
        TableFile.Write(path, table.Columns, table.Rows);
        var csv = await File.ReadAllTextAsync(path, Token);
        Assert.Contains("'=HYPERLINK", csv, StringComparison.Ordinal);
        Assert.DoesNotContain(",\"=HYPERLINK", csv, StringComparison.Ordinal);
        Assert.Empty((await exports.PreferencesAsync("Another", anonymous: false, Token)).Rows);
    }

    [Fact]
    public async Task Anonymous_PreferencesAndDecisions_NameNobody()
    {
        foreach (var table in new[] { await exports.PreferencesAsync(null, anonymous: true, Token), await exports.DecisionsAsync(anonymous: true, Token) })
        {
            var cells = string.Join('\n', table.Rows.SelectMany(row => row).Select(cell => cell?.ToString()));
            Assert.Contains("person 1", cells, StringComparison.Ordinal);
            Assert.All(new[] { "ann", "ben", "rita", "2+2" }, name => Assert.DoesNotContain(name, cells, StringComparison.Ordinal));
            Assert.All(table.Rows, row => Assert.Null(Cell(table, row, "at")));
        }

        var decision = Assert.Single((await exports.DecisionsAsync(anonymous: false, Token)).Rows);
        Assert.Contains("rita", decision);
        Assert.Contains("=2+2", decision);
    }

    /// <summary>Out, all answers gone, and in again: the export afterwards is the same, and a second import changes nothing.</summary>
    [Theory]
    [InlineData(".jsonl")]
    [InlineData(".csv")]
    public async Task ImportAsync_WhatWasExported_GivesTheSameExportAgain(string extension)
    {
        var before = await exports.PreferencesAsync("Study", anonymous: false, Token);
        var path = Path.Combine(database.Folder, "preferences" + extension);
        TableFile.Write(path, before.Columns, before.Rows);
        await using (var db = database.NewContext())
        {
            await db.AnswerEvents.ExecuteDeleteAsync(Token);
            await db.Preferences.ExecuteDeleteAsync(Token);
            await db.Assignments.ExecuteDeleteAsync(Token);
            await db.StudyEvents.ExecuteDeleteAsync(Token);
            await db.Studies.ExecuteDeleteAsync(Token);
        }

        var first = await ImportAsync(path);
        var second = await ImportAsync(path);

        Assert.Equal((4, 0, 0), (first.Imported, first.AlreadyThere, first.Skipped.Count));
        Assert.Equal((0, 4, 0), (second.Imported, second.AlreadyThere, second.Skipped.Count));
        var after = await exports.PreferencesAsync("Study", anonymous: false, Token);
        Assert.Equal(before.Rows.Select(row => string.Join('|', row)).Order(StringComparer.Ordinal), after.Rows.Select(row => string.Join('|', row)).Order(StringComparer.Ordinal));
        await File.WriteAllTextAsync(path, "{\"study\":\"x\"}\nnonsense\n", Token);
        var refused = await Assert.ThrowsAsync<DatasetFormatException>(() => ImportAsync(path));
        Assert.Contains("line 1", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>The same of decisions: an edit, a rejection taken back, a weight, onto items that are as they were proposed.</summary>
    [Theory]
    [InlineData(".jsonl")]
    [InlineData(".csv")]
    public async Task ImportDecisions_WhatWasExported_GivesTheSameTrailAndItemsAgain(string extension)
    {
        var review = database.Store<ReviewStore>();
        RubricItem first, second;
        await using (var db = database.NewContext())
        {
            var items = await db.RubricItems.AsNoTracking().OrderBy(i => i.Id).ToListAsync(Token);
            (first, second) = (items[0], items[1]);
        }

        await review.UndoAsync("rita", Token);
        await review.DecideAsync(second.Id, "rita", ReviewAction.Edit, newText: "-says it, \"better\"", cancellationToken: Token);
        await review.WeighAsync(first.Id, "bo", 2.5, cancellationToken: Token);
        var before = await exports.DecisionsAsync(anonymous: false, Token);
        var path = Path.Combine(database.Folder, "decisions" + extension);
        TableFile.Write(path, before.Columns, before.Rows);
        await using (var db = database.NewContext())
        {
            await db.ReviewDecisions.Where(d => d.Undoes != null).ExecuteDeleteAsync(Token);
            await db.ReviewDecisions.ExecuteDeleteAsync(Token);
            await db.RubricItems.ExecuteUpdateAsync(set => set.SetProperty(i => i.State, RubricItemState.Proposed).SetProperty(i => i.Text, i => i.ProposedText).SetProperty(i => i.Weight, 1), Token);
            await db.Goals.ExecuteUpdateAsync(set => set.SetProperty(g => g.RubricVersion, 1), Token);
        }

        var (taken, again) = (await ImportDecisionsAsync(path), await ImportDecisionsAsync(path));

        Assert.Equal((4, 0, 0), (taken.Imported, taken.AlreadyThere, taken.Skipped.Count));
        Assert.Equal((0, 4), (again.Imported, again.AlreadyThere));
        Assert.Equal(before.Rows.Select(row => string.Join('|', row)), (await exports.DecisionsAsync(anonymous: false, Token)).Rows.Select(row => string.Join('|', row)));
        await using (var db = database.NewContext())
        {
            var items = await db.RubricItems.OrderBy(i => i.Id).ToListAsync(Token);
            Assert.Equal([(RubricItemState.Proposed, "says it", 2.5), (RubricItemState.Edited, "-says it, \"better\"", 1.0)], items.Select(i => (i.State, i.Text, i.Weight)));

            // Decided otherwise here: the decision does not fit, and nothing is overwritten.
            await db.ReviewDecisions.Where(d => d.Undoes != null).ExecuteDeleteAsync(Token);
            await db.ReviewDecisions.ExecuteDeleteAsync(Token);
        }

        await Assert.ThrowsAsync<DatasetFormatException>(() => ImportDecisionsAsync(path));
        await File.WriteAllTextAsync(path, "nonsense\n", Token);
        await Assert.ThrowsAsync<DatasetFormatException>(() => ImportDecisionsAsync(path));
    }

    private async Task<RowsImport> ImportDecisionsAsync(string path)
    {
        await using var content = File.OpenRead(path);
        return await database.Store<DecisionImportStore>().ImportAsync(path, content, Token);
    }

    private async Task<RowsImport> ImportAsync(string path)
    {
        await using var content = File.OpenRead(path);
        return await database.Store<PreferenceImportStore>().ImportAsync(path, content, Token);
    }

    [Fact]
    public async Task PairsAsync_ClosedStudy_HasTheMajorityAndLeavesTheUndecidedOut()
    {
        Assert.Empty((await exports.PairsAsync(null, Token)).Rows);
        await studies.SetStateAsync(study, StudyState.Closed, Token);

        var pair = Assert.Single((await exports.PairsAsync("Study", Token)).Rows);

        Assert.Equal(["good plan", "weak plan", 2, 2], new[] { pair[1], pair[2], pair[6], pair[7] });
    }

    private static object? Cell(ExportTable table, IReadOnlyList<object?> row, string column) => row[table.Columns.ToList().IndexOf(column)];
}
