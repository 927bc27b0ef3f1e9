using System.Text;
using System.Text.Json.Nodes;
using CoScientist.Core.Goals;
using CoScientist.Core.Interchange;
using CoScientist.Core.Storage;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Core.Storage;

/// <summary>What comes in goes out again, to the last column.</summary>
[Trait("Database", "any")]
public sealed class DatasetRoundTripTests
{
    /// <summary>Rows as published, with columns of others, and as odd as they may be.</summary>
    private static readonly string[] Rows =
    [
        """{"Goal":"We ask é – whether … \"x\"?","Rubric":["The plan should a","b's"],"Reference solution":"Do it.\nThen that.","article_id":"2401.00001","q_id":"0","Identifier":"10.1/x","Subdomain":"Vision","Category":"cs.LG"}""",
        """{"Goal":"second","Rubric":["x"],"Reference solution":null,"article_id":17,"q_id":1,"Identifier":null,"Subdomain":"","Category":"Medicine","extra":{"b":[1,2.50,null],"a":true},"score":1e3}""",
        """{"article_id":"other order","goal":"  blanks around it  ","rubric":["  x ","y"],"tags":[]}""",
        """{"Goal":"no reference","Rubric":"['one', \"it's two\"]","article_id":"c","q_id":"9","split":"dev"}""",
        """{"Goal":"ours","Rubric":["x","y"],"article_id":"d","split":"test","rubric_version":3,"rubric_weights":[1,2.5]}""",
        """{"Goal":"=1+1","Rubric":["-a","@b"],"Reference solution":"","article_id":"e","q_id":"","rubric_weights":null}""",
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static async Task<RowsImport> ImportAsync(TestDatabase database, string fileName, byte[] content, DatasetImportOptions? options = null)
    {
        using var stream = new MemoryStream(content);
        return await database.Store<DatasetImportStore>().ImportGoalsAsync(fileName, stream, options ?? new(), Token);
    }

    private static async Task<byte[]> ExportAsync(TestDatabase database, string fileName, bool withOwn)
    {
        var path = Path.Combine(database.Folder, fileName);
        var table = await database.Store<ExportStore>().DatasetAsync(sandbox: false, withOwn, Token);
        table = fileName.EndsWith(".csv", StringComparison.Ordinal) ? table.Merged(DatasetColumns.Normal) : table;
        TableFile.Write(path, table.Columns, table.Rows);
        return await File.ReadAllBytesAsync(path, Token);
    }

    private static List<JsonNode> Lines(byte[] file) => [.. Encoding.UTF8.GetString(file).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];

    [Fact]
    public async Task Jsonl_ImportedAndExported_GivesTheSameRows()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var other = await TestDatabase.CreateAsync();

        var import = await ImportAsync(database, "d.jsonl", Encoding.UTF8.GetBytes(string.Join('\n', Rows)));
        var first = await ExportAsync(database, "first.jsonl", withOwn: false);
        await ImportAsync(other, "first.jsonl", first);
        var second = await ExportAsync(other, "second.jsonl", withOwn: false);

        Assert.Equal((Rows.Length, 0), (import.Imported, import.Skipped.Count));
        Assert.All(Rows.Zip(Lines(first)), pair => Assert.True(JsonNode.DeepEquals(JsonNode.Parse(pair.First), pair.Second), $"{pair.First}\nbecame\n{pair.Second.ToJsonString()}"));
        Assert.Equal(first, second);
    }

    [Fact]
    public async Task Csv_ImportedAndExported_GivesTheSameFile()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var other = await TestDatabase.CreateAsync();
        await using var third = await TestDatabase.CreateAsync();

        // A rubric in Python's notation comes out in JSON's.
        await ImportAsync(database, "d.jsonl", Encoding.UTF8.GetBytes(string.Join('\n', Rows.Where(row => !row.Contains("['one'", StringComparison.Ordinal)))));
        var csv = await ExportAsync(database, "a.csv", withOwn: true);
        await ImportAsync(other, "a.csv", csv);
        Assert.Equal(Encoding.UTF8.GetString(csv), Encoding.UTF8.GetString(await ExportAsync(other, "b.csv", withOwn: true)));

        // Out of CSV into JSONL the goals and rubrics are what they were.
        await ImportAsync(third, "c.jsonl", await ExportAsync(other, "c.jsonl", withOwn: true));
        Assert.Equal(await RubricsAsync(database), await RubricsAsync(third));
    }

    [Fact]
    public async Task Csv_NoValueAndEmptyTextAndApostrophe_StayApart()
    {
        string[] rows =
        [
            """{"Goal":"a","Rubric":["x"],"Reference solution":null,"article_id":"1","q_id":"0","Identifier":"","Subdomain":null,"Category":"'"}""",
            """{"Goal":"b","Rubric":["x"],"Reference solution":"","article_id":"1","q_id":"1","Identifier":null,"Subdomain":"","Category":"''"}""",
        ];
        await using var database = await TestDatabase.CreateAsync();
        await using var other = await TestDatabase.CreateAsync();

        await ImportAsync(database, "d.jsonl", Encoding.UTF8.GetBytes(string.Join('\n', rows)));
        await ImportAsync(other, "a.csv", await ExportAsync(database, "a.csv", withOwn: false));

        Assert.All(rows.Zip(Lines(await ExportAsync(other, "b.jsonl", withOwn: false))), pair => Assert.True(JsonNode.DeepEquals(JsonNode.Parse(pair.First), pair.Second), $"{pair.First}\nbecame\n{pair.Second.ToJsonString()}"));
    }

    [Fact]
    public async Task Export_AfterReview_HasTheDecisionsAndEverythingElseAsItCame()
    {
        await using var database = await TestDatabase.CreateAsync();
        await ImportAsync(database, "d.jsonl", Encoding.UTF8.GetBytes(string.Join('\n', Rows)));
        await using (var db = database.NewContext())
        {
            var goal = await db.Goals.Include(goal => goal.Items).SingleAsync(goal => goal.Text == "ours", Token);
            await database.Store<ReviewStore>().DecideAsync(goal.Items.Single(item => item.Text == "x").Id, "ada", ReviewAction.Reject, RejectionReason.Trivial, cancellationToken: Token);
        }

        var rows = Lines(await ExportAsync(database, "a.jsonl", withOwn: false));

        Assert.True(JsonNode.DeepEquals(JsonNode.Parse("""{"Goal":"ours","Rubric":["y"],"article_id":"d","split":"test","rubric_version":4,"rubric_weights":[2.5]}"""), rows[4]), rows[4].ToJsonString());
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Rows[1]), rows[1]));
    }

    [Fact]
    public async Task Import_OfAnExportOfTheSameLibrary_AddsNothing()
    {
        await using var database = await TestDatabase.CreateAsync();
        await ImportAsync(database, "d.jsonl", Encoding.UTF8.GetBytes(string.Join('\n', Rows)));
        await database.AddGoalAsync(sandbox: false);

        var again = await ImportAsync(database, "a.jsonl", await ExportAsync(database, "a.jsonl", withOwn: true));

        Assert.Equal((0, Rows.Length + 1, 0), (again.Imported, again.AlreadyThere, again.Skipped.Count));
    }

    [Fact]
    public async Task Import_RecordsFileHashAndLine()
    {
        await using var database = await TestDatabase.CreateAsync();
        var content = Encoding.UTF8.GetBytes("\n" + Rows[0]);

        await ImportAsync(database, "folder/d.jsonl", content, new() { Split = GoalSplit.Test });

        await using var db = database.NewContext();
        var source = await db.GoalSources.SingleAsync(Token);
        Assert.Equal(("d.jsonl", Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content)), 2), (source.FileName, source.FileHash, source.Line));
        Assert.Equal(GoalSplit.Test, (await db.Goals.SingleAsync(goal => goal.Id == source.GoalId, Token)).Split);
    }

    [Fact]
    public async Task Import_OneFaultyRow_ChangesNothingUnlessSkipped()
    {
        await using var database = await TestDatabase.CreateAsync();
        var content = Encoding.UTF8.GetBytes(Rows[0] + "\n{\"Goal\":\"cut off");

        var refused = await ImportAsync(database, "d.jsonl", content);
        await using var db = database.NewContext();
        Assert.Equal((0, 2, false), (refused.Imported, Assert.Single(refused.Skipped).Line, await db.Goals.AnyAsync(goal => !goal.IsSandbox, Token)));
        Assert.Equal(1, (await ImportAsync(database, "d.jsonl", content, new() { SkipFaulty = true })).Imported);
    }

    private static async Task<List<string>> RubricsAsync(TestDatabase database)
    {
        await using var db = database.NewContext();
        var goals = await db.Goals.Include(goal => goal.Items).Where(goal => !goal.IsSandbox).ToListAsync(Token);
        return [.. goals.Select(goal => $"{goal.ExternalKey}|{goal.Text}|{goal.Split}|{goal.ReferenceSolution}|{string.Join('/', goal.Items.OrderBy(item => item.Order).Select(item => $"{item.Text} {item.Weight}"))}").Order(StringComparer.Ordinal)];
    }
}
