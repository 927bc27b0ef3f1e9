using CoScientist.Core.Goals;
using CoScientist.Core.Interchange;
using CoScientist.Core.Papers;
using CoScientist.Core.Plans;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Tests.Core.Storage;
using CoScientist.Web.Components.Controls;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Core.Fuzzing;

// Tables of goals, plans, decisions and answers; texts with links, and what people search for.
internal sealed partial class FuzzedParsers
{
    private static readonly string[] s_rows =
    [
        """{"Goal":"We ask é","Rubric":["one","b's"],"Reference solution":"Do it.\nThen that.","article_id":"2401.00001","q_id":"0","Category":"cs.LG"}""",
        """{"Goal":"second","Rubric":"['one', \"it's two\"]","article_id":17,"q_id":1,"rubric_weights":[1,2.5],"extra":{"b":[1,null]}}""",
    ];

    private async Task<FuzzedParser> TableAsync(string name)
    {
        switch (name)
        {
            case "d.jsonl":
                return Rows(name, Texts(string.Join('\n', s_rows)));
            case "d.csv":
                return Rows(name, Texts("Goal,Rubric,article_id,q_id,split\n\"We, ask\",\"['one', 'two']\",a,0,train\n\"two \"\"x\"\"\",\"[\"\"one\"\"]\",b,1,test\n", "Goal;Rubric;article_id;rubric_weights\r\n'=1+1;\"[\"\"a\"\",\"\"b\"\"]\";x;\"[1,2]\"\r\n"));
            case "rubric":
                return new FuzzedParser(Texts("""['one', "it's two", 'a\'b']""", """["a","b\u00e9\ud83d\ude00"]""", "['a' 'b'\n 'c']"), bytes => RubricList.Parse(Text(bytes)) is not null, Nothing);
            default:
                await FillAsync();
                return name switch
                {
                    "plans.jsonl" => Import(name, await PlanAsync(), content => database!.Store<DatasetImportStore>().ImportPlansAsync(name, content, CancellationToken.None)),
                    "decisions.csv" or "decisions.jsonl" => Import(name, Written(name, await database!.Store<ExportStore>().DecisionsAsync(anonymous: false, CancellationToken.None)), content => database.Store<DecisionImportStore>().ImportAsync(name, content, CancellationToken.None)),
                    _ => Import(name, Written(name, await database!.Store<ExportStore>().PreferencesAsync("Study", anonymous: false, CancellationToken.None)), content => database.Store<PreferenceImportStore>().ImportAsync(name, content, CancellationToken.None)),
                };
        }
    }

    private async Task<FuzzedParser> LinkAsync(string name)
    {
        if (name == "links")
        {
            return new FuzzedParser(
                Texts("see [the page](https://example.org/a?b=c#d \"t\"), <https://example.org>, ![p](data:image/png;base64,AA==), [x](javascript:alert(1)), https://doi.org/10.1234/AB.c, arXiv:2401.00001v2, PMID: 123, [r]: http://h/ 'x'\n\n| a | b |\n|---|---|\n| $x^2$ | <b>c</b> |\n\n- *d* `e`\n\n```js\nf\n```\n> g"),
                ReadLinks,
                Nothing);
        }

        await FillAsync();
        return new FuzzedParser(Texts("bees \"seed set\" 10.1234/x 花"), bytes => Found(Text(bytes)), Nothing);
    }

    private static FuzzedParser Rows(string name, byte[][] seeds) => new(
        seeds,
        bytes =>
        {
            using var content = new MemoryStream(bytes);
            var (rows, faults) = DatasetReader.Read(name, content, CancellationToken.None);
            Assert.All(faults, fault => Assert.True(fault.Line > 0 && fault.Message.Length > 0, $"a fault without a place: {fault}"));
            return rows.Count > 0;
        },
        fault => fault is DatasetFormatException && fault.Message.StartsWith(name + ": ", StringComparison.Ordinal));

    private static FuzzedParser Import(string name, byte[] seed, Func<Stream, Task<RowsImport>> import) => new(
        [seed],
        bytes =>
        {
            using var content = new MemoryStream(bytes);
            var done = import(content).GetAwaiter().GetResult();
            Assert.All(done.Skipped, fault => Assert.True(fault.Line > 0 && fault.Message.Length > 0, $"a fault without a place: {fault}"));
            return done.Imported + done.AlreadyThere > 0;
        },
        fault => fault is DatasetFormatException && fault.Message.StartsWith(name + ": ", StringComparison.Ordinal));

    private static bool ReadLinks(byte[] bytes)
    {
        var text = Text(bytes);
        var html = SafeHtml.Render(text);
        Assert.DoesNotContain("href=\"javascript", html, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("<script", html, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("<img", html, StringComparison.OrdinalIgnoreCase);
        _ = (PaperIdentifiers.Doi(text), PaperIdentifiers.Pmid(text), PaperIdentifiers.Arxiv(text));
        return html.Length > 0;
    }

    /// <summary>Asks the index; what has no word asks nothing.</summary>
    private bool Found(string text)
    {
        if ((TestPostgres.IsOn ? SearchQuery.OfPostgres(text) : SearchQuery.Of(text)) is not { } query)
        {
            return false;
        }

        using var db = database!.NewContext();
        return (TestPostgres.IsOn
            ? db.Database.SqlQuery<long>($"SELECT count(*) AS \"Value\" FROM \"SearchText\" WHERE \"Words\" @@ \"SearchFold\"({query})::tsquery").Single()
            : db.Database.SqlQuery<long>($"SELECT count(*) AS Value FROM \"SearchText\" WHERE \"SearchText\" MATCH {query}").Single()) >= 0;
    }

    /// <summary>A goal with two plans, an item that was decided on, and a study with an answer to it.</summary>
    private async Task FillAsync()
    {
        database = await TestDatabase.CreateAsync();
        var goal = await database.AddGoalAsync(items: 2, key: "k", sandbox: false);
        await using (var db = database.NewContext())
        {
            db.AddRange(new[] { "tuned", "starter" }.Select(writer => new Plan { Id = database.NewId<PlanId>(), GoalId = goal.Id, Writer = writer, Text = $"plan of {writer}", CreatedAt = database.Time.GetUtcNow() }));
            await db.SaveChangesAsync();
        }

        await database.Store<ReviewStore>().DecideAsync(goal.Items[0].Id, "rita", ReviewAction.Edit, newText: "better", note: "=2+2");
        var studies = database.Store<StudyStore>();
        var study = await studies.CreateAsync(new StudyDraft { Name = "Study", Arm1 = "tuned", Arm2 = "starter", IsSandbox = false, Goals = 1, Form = new StudyForm { Scores = true } }, CancellationToken.None);
        var pair = (await studies.NextAsync(study, "ann", CancellationToken.None))!;
        foreach (var (field, value) in new[] { (AnswerField.Choice, "A"), (AnswerField.ScoreA, "9"), (AnswerField.ScoreB, "2"), (AnswerField.Reason, "=HYPERLINK(\"x\")") })
        {
            await studies.SaveFieldAsync(pair.Assignment, "ann", field, value, CancellationToken.None);
        }

        await studies.SubmitAsync(pair.Assignment, "ann", 5, CancellationToken.None);
    }

    private async Task<byte[]> PlanAsync()
    {
        await using var db = database!.NewContext();
        return Texts($$"""{"external_key":"k","writer":"tuned","text":"plan of tuned"}""" + "\n" + $$"""{"goal_id":"{{(await db.Goals.SingleAsync(goal => goal.ExternalKey == "k")).Id}}","writer":"best","text":"a plan"}""")[0];
    }

    private byte[] Written(string name, ExportTable table)
    {
        TableFile.Write(folder.File(name), table.Columns, table.Rows);
        return File.ReadAllBytes(folder.File(name));
    }
}
