using System.Text;
using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Core.Interchange;
using CoScientist.Core.Papers;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Papers;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Core.Storage;

[Trait("Database", "any")]
public sealed class LibraryImportTests
{
    private static readonly byte[] Bees = PaperFixtures.Bytes(PaperFixtures.Jats());

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static MemoryStream Stream(string text) => new(Encoding.UTF8.GetBytes(text));

    private static async Task<Paper> ImportBeesAsync(TestDatabase database)
    {
        var import = await database.Store<PaperImportStore>().ImportAsync("bees.nxml", Bees, null, Token);
        return (await database.Store<ExtractionStore>().FindPaperAsync(import.PaperId!.Value, Token))!;
    }

    [Fact]
    public async Task ImportAsync_same_bytes_twice_are_one_paper()
    {
        await using var database = await TestDatabase.CreateAsync();
        var store = database.Store<PaperImportStore>();

        var first = await store.ImportAsync("bees.nxml", Bees, "Biology ", Token);
        var second = await store.ImportAsync("other-name.nxml", Bees, null, Token);

        Assert.Equal(PaperImportOutcome.Imported, first.Outcome);
        Assert.Equal((PaperImportOutcome.AlreadyThere, first.PaperId), (second.Outcome, second.PaperId));
        await using var db = database.NewContext();
        var paper = Assert.Single(await db.Papers.Include(paper => paper.Sections).ToListAsync(Token), paper => !paper.IsSandbox);
        Assert.Equal(("biology", 5), (paper.Domain, paper.Sections.Count));
    }

    [Theory]
    [InlineData("a.docx", "PK", PaperImportOutcome.NotSupported)]
    [InlineData("a.nxml", "<article>", PaperImportOutcome.Failed)]
    [InlineData("a.nxml", "<!DOCTYPE article [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><article>&x;</article>", PaperImportOutcome.Failed)]
    public async Task ImportAsync_file_that_cannot_be_taken_changes_nothing(string fileName, string text, PaperImportOutcome expected)
    {
        await using var database = await TestDatabase.CreateAsync();

        var import = await database.Store<PaperImportStore>().ImportAsync(fileName, PaperFixtures.Bytes(text), null, Token);

        Assert.Equal(expected, import.Outcome);
        Assert.StartsWith(fileName, import.Message, StringComparison.Ordinal);
        await using var db = database.NewContext();
        Assert.False(await db.Papers.AnyAsync(paper => !paper.IsSandbox, Token));
    }

    [Fact]
    public async Task DraftAsync_untouched_drafts_are_replaced_reviewed_ones_stay()
    {
        await using var database = await TestDatabase.CreateAsync();
        var store = database.Store<ExtractionStore>();
        var paper = await ImportBeesAsync(database);
        Assert.Equal([paper.Id], await store.PapersWithoutGoalsAsync(Token));

        var first = await store.DraftAsync(paper, Token);
        var again = await store.DraftAsync(paper, Token);
        Assert.Equal((1, 1, 0), (again.Added.Count, again.Replaced, again.Kept));
        Assert.NotEqual(first.Added[0].Id, again.Added[0].Id);

        await using var db = database.NewContext();
        var goal = await db.Goals.Include(goal => goal.Items).SingleAsync(goal => goal.PaperId == paper.Id, Token);
        Assert.All(goal.Items, item => Assert.True(item.IsDraft));
        Assert.Equal(("drafter", GoalSplits.Of(paper.ContentHash), paper.Domain), (goal.Origin, goal.Split, goal.Domain));
        goal.Items[0].State = RubricItemState.Approved;
        await db.SaveChangesAsync(Token);

        var reviewed = await store.DraftAsync(paper, Token);
        Assert.Equal((0, 0, 1), (reviewed.Added.Count, reviewed.Replaced, reviewed.Kept));
        Assert.Empty(await store.PapersWithoutGoalsAsync(Token));
    }

    [Fact]
    public async Task ImportGoalsAsync_rows_come_in_once_with_a_split_by_article()
    {
        await using var database = await TestDatabase.CreateAsync();
        var store = database.Store<DatasetImportStore>();
        var text = string.Join('\n', Enumerable.Range(0, 20).Select(i => $$"""{"Goal":"goal {{i}}","Rubric":["x","y"],"article_id":"a{{i / 2}}","q_id":{{i % 2}},"Category":"ML"}""")) + "\n{\"Goal\":\"\",\"Rubric\":[\"x\"],\"article_id\":\"z\"}";

        var refused = await store.ImportGoalsAsync("d.jsonl", Stream(text), new(), Token);
        var first = await store.ImportGoalsAsync("d.jsonl", Stream(text), new() { SkipFaulty = true }, Token);
        var second = await store.ImportGoalsAsync("d.jsonl", Stream(text), new() { SkipFaulty = true }, Token);

        Assert.Equal((0, 0), (refused.Imported, refused.AlreadyThere));

        Assert.Equal((20, 0), (first.Imported, first.AlreadyThere));
        Assert.Equal(21, Assert.Single(first.Skipped).Line);
        Assert.Equal((0, 20), (second.Imported, second.AlreadyThere));
        await using var db = database.NewContext();
        var goals = await db.Goals.Where(goal => goal.Origin == "dataset").ToListAsync(Token);
        Assert.All(goals.GroupBy(goal => goal.ExternalKey!.Split('/')[0]), article => Assert.Single(article.Select(goal => goal.Split).Distinct()));
        Assert.All(goals, goal => Assert.Equal("ml", goal.Domain));
    }

    [Fact]
    public async Task ImportGoalsAsync_csv_without_columns_changes_nothing()
    {
        await using var database = await TestDatabase.CreateAsync();

        await Assert.ThrowsAsync<DatasetFormatException>(() => database.Store<DatasetImportStore>().ImportGoalsAsync("d.csv", Stream("a,b\n1,2\n"), new(), Token));

        await using var db = database.NewContext();
        Assert.False(await db.Goals.AnyAsync(goal => goal.Origin == "dataset", Token));
    }

    [Fact]
    public async Task ImportPlansAsync_plans_find_their_goals_and_come_in_once()
    {
        await using var database = await TestDatabase.CreateAsync();
        var store = database.Store<DatasetImportStore>();
        await store.ImportGoalsAsync("d.jsonl", Stream("{\"Goal\":\"g\",\"Rubric\":[\"x\"],\"article_id\":\"a\",\"q_id\":\"1\"}"), new(), Token);
        const string Plans = "{\"external_key\":\"a/1\",\"writer\":\"w\",\"text\":\"do it\"}\n{\"external_key\":\"nope\",\"writer\":\"w\",\"text\":\"t\"}\nrubbish\n";

        var first = await store.ImportPlansAsync("p.jsonl", Stream(Plans), Token);
        var second = await store.ImportPlansAsync("p.jsonl", Stream(Plans), Token);

        Assert.Equal((1, 0), (first.Imported, first.AlreadyThere));
        Assert.Equal([2, 3], first.Skipped.Select(fault => fault.Line));
        Assert.Equal((0, 1), (second.Imported, second.AlreadyThere));
        await Assert.ThrowsAsync<DatasetFormatException>(() => store.ImportPlansAsync("p.jsonl", Stream("rubbish"), Token));
    }

    [Theory]
    [InlineData("out.csv")]
    [InlineData("out.jsonl")]
    public async Task DatasetAsync_weights_come_back(string fileName)
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var other = await TestDatabase.CreateAsync();
        await database.Store<DatasetImportStore>().ImportGoalsAsync("d.jsonl", Stream("{\"Goal\":\"g\",\"Rubric\":[\"x\",\"y\"],\"article_id\":\"a\",\"q_id\":\"1\"}\n{\"Goal\":\"h\",\"Rubric\":[\"z\"],\"article_id\":\"b\",\"q_id\":\"1\"}"), new(), Token);
        await using (var db = database.NewContext())
        {
            var item = await db.RubricItems.SingleAsync(row => row.Text == "y", Token);
            await database.Store<ReviewStore>().WeighAsync(item.Id, "ada", 2.5, cancellationToken: Token);
        }

        var path = Path.Combine(database.Folder, fileName);
        var table = await database.Store<ExportStore>().DatasetAsync(sandbox: false, withOwn: true, Token);
        TableFile.Write(path, table.Columns, table.Rows);
        await using var file = File.OpenRead(path);
        await other.Store<DatasetImportStore>().ImportGoalsAsync(fileName, file, new(), Token);

        await using var copy = other.NewContext();
        var weights = await copy.RubricItems.OrderBy(row => row.Text).Select(row => row.Weight).ToListAsync(Token);
        Assert.Equal([1, 2.5, 1], weights);
    }

    [Theory]
    [InlineData("out.csv")]
    [InlineData("out.jsonl")]
    public async Task DatasetAsync_export_comes_back_as_it_was(string fileName)
    {
        await using var database = await TestDatabase.CreateAsync();
        await database.Store<DatasetImportStore>().ImportGoalsAsync("d.jsonl", Stream("{\"Goal\":\"=SUM(A1), \\\"quoted\\\"\",\"Rubric\":[\"it's x\",\"y\"],\"article_id\":\"a\",\"q_id\":\"1\",\"Category\":\"ml\",\"Reference solution\":\"-r\"}"), new(), Token);
        var path = Path.Combine(database.Folder, fileName);

        var table = await database.Store<ExportStore>().DatasetAsync(sandbox: false, withOwn: true, Token);
        TableFile.Write(path, table.Columns, table.Rows);

        await using var file = File.OpenRead(path);
        var row = Assert.Single(DatasetReader.Read(fileName, file, Token).Rows);
        Assert.Equal(("=SUM(A1), \"quoted\"", "-r", "a", "1", "ml"), (row.Goal, row.ReferenceSolution, row.ArticleId, row.QuestionId, row.Category));
        Assert.Equal(["it's x", "y"], row.Rubric);
    }
}
