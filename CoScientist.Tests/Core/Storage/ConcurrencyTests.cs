using System.Text;
using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Core.Papers;
using CoScientist.Core.Plans;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Core.Papers;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Core.Storage;

/// <summary>Several servers on one database, each with stores of its own, doing the same at the same moment. On a file the database lets in one writer; on PostgreSQL the stores take turns.</summary>
[Trait("Database", "any")]
public sealed class ConcurrencyTests : IAsyncLifetime
{
    private TestDatabase database = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => database = await TestDatabase.CreateAsync();

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task ShowAndAnswer_ExpertsOfTwoServers_NoPairGetsMoreExpertsThanItShould()
    {
        const int Goals = 4, Overlap = 2;
        var study = await StudyAsync(Goals, Overlap);
        using StudyStore one = NewStudyStore(), two = NewStudyStore();

        await Task.WhenAll(Enumerable.Range(0, 6).Select(expert => Task.Run(() => AnswerAllAsync(expert % 2 == 0 ? one : two, study, $"expert {expert}"), Token)));

        await using var db = database.NewContext();
        var answers = await (
            from preference in db.Preferences
            join assignment in db.Assignments on preference.AssignmentId equals assignment.Id
            select assignment.ComparisonId).ToListAsync(Token);
        Assert.Equal(Enumerable.Repeat(Overlap, Goals), answers.GroupBy(pair => pair).Select(pair => pair.Count()));
        Assert.Equal(Goals * Overlap, await db.Assignments.CountAsync(Token));
    }

    [Fact]
    public async Task Answer_TheSameFromTwoServers_IsStoredOnce()
    {
        var study = await StudyAsync(goals: 1, overlap: null);
        using StudyStore one = NewStudyStore(), two = NewStudyStore();
        var pair = (await one.NextAsync(study, "ann", Token))!.Assignment;

        var at = await Task.WhenAll(new[] { one, two, one, two }.Select(store => Task.Run(() => store.AnswerAsync(pair, "ann", PreferenceChoice.A, "clearer", 5, Token), Token)));

        Assert.Single(at.Distinct());
        await using var db = database.NewContext();
        Assert.Equal(1, await db.Preferences.CountAsync(Token));
    }

    [Fact]
    public async Task Join_LinkForOne_LetsInOne()
    {
        var study = await StudyAsync(goals: 1, overlap: null);
        using var store = NewStudyStore();
        var secret = await store.InviteAsync(study, "one", maxUses: 1, TimeSpan.FromDays(1), "ada", Token);

        var joined = await TryAllAsync<StudyException>(4, expert => store.JoinAsync(secret, $"expert {expert}", Token));

        Assert.Equal(1, joined);
    }

    [Fact]
    public async Task Import_TheSamePaperAtOnce_IsOnePaper()
    {
        var content = PaperFixtures.Bytes(PaperFixtures.Jats());

        var imports = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => database.Store<PaperImportStore>().ImportAsync("bees.nxml", content, domain: null, Token), Token)));

        Assert.Equal(1, imports.Count(import => import.Outcome == PaperImportOutcome.Imported));
        await using var db = database.NewContext();
        Assert.Equal(1, await db.Papers.CountAsync(Token));
    }

    [Fact]
    public async Task Import_TheSameRowsAtOnce_AreThereOnce()
    {
        var rows = Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Range(0, 20).Select(i => $$"""{"Goal":"Find out {{i}}.","Rubric":["The plan should say {{i}}."],"article_id":"a{{i}}","q_id":"1","Category":"biology"}""")));

        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            using var content = new MemoryStream(rows);
            await database.Store<DatasetImportStore>().ImportGoalsAsync("d.jsonl", content, new DatasetImportOptions(), Token);
        }, Token)));

        await using var db = database.NewContext();
        Assert.Equal((20, 20, 40), (await db.Goals.CountAsync(Token), await db.ItemChecks.CountAsync(Token), await db.SearchEntries.CountAsync(Token)));
    }

    [Fact]
    public async Task Decide_ReviewersOfOneRubricAtOnce_EveryDecisionHasAVersionOfItsOwn()
    {
        var goal = await GoalAsync(items: 6);

        await Task.WhenAll(goal.Items.Select(item => Task.Run(async () =>
        {
            // What a reviewer is told to do when others change the rubric at the same moment.
            for (var tries = 1; ; tries++)
            {
                try
                {
                    await database.Store<ReviewStore>().DecideAsync(item.Id, $"reviewer {item.Order}", ReviewAction.Edit, newText: $"Plan item {item.Order} with its own words", cancellationToken: Token);
                    return;
                }
                catch (ReviewRefusedException) when (tries < 20)
                {
                }
            }
        }, Token)));

        await using var db = database.NewContext();
        Assert.Equal(Enumerable.Range(goal.RubricVersion + 1, 6), await db.ReviewDecisions.OrderBy(decision => decision.RubricVersion).Select(decision => decision.RubricVersion).ToListAsync(Token));
        Assert.Equal(6, await db.ItemChecks.CountAsync(Token));
    }

    [Fact]
    public async Task Take_OneRunByManyWorkers_OneHasIt()
    {
        var runs = database.Store<RunStore>();
        var asked = await runs.CreateAsync(RunPresets.Find("sandbox-quick")!.Spec, null, _ => false, Token);

        var taken = await TryAllAsync<RunStateException>(4, worker => runs.TakeAsync(asked.Id, $"machine:{worker}", Token));
        var named = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => runs.CreateAsync(RunPresets.Find("sandbox-quick")!.Spec, null, _ => false, Token), Token)));

        Assert.Equal(1, taken);
        Assert.Equal(4, named.DistinctBy(run => run.Name).Count());
    }

    [Fact]
    public async Task Record_TheSameRequestAtOnce_KeepsOneAnswerAndEveryCall()
    {
        var books = database.Store<ModelCallStore>();
        var at = database.Time.GetUtcNow();

        await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(() => books.RecordAsync(
            [new ModelCall { At = at, Server = "s", Model = "m", Role = ModelRole.Test, Purpose = "test", PromptVersion = "", RequestKey = "same", Attempt = 1, PromptTokens = 1, CompletionTokens = 2, Seconds = 1, CostMicros = 0, Outcome = CallOutcome.Answered }],
            new ModelAnswer { RequestKey = "same", Text = $"answer {i}", Finish = FinishReason.Stop, PromptTokens = 1, CompletionTokens = 2, Size = 8, At = at },
            failure: null,
            Token), Token)));

        Assert.Single(await books.FindAnswersAsync(["same"], Token));
        Assert.Equal(18, (await books.SpentAsync("s", at, Token)).Tokens);
    }

    private static async Task<int> TryAllAsync<TRefused>(int many, Func<int, Task> action)
        where TRefused : Exception
    {
        var done = await Task.WhenAll(Enumerable.Range(0, many).Select(i => Task.Run(async () =>
        {
            try
            {
                await action(i);
                return true;
            }
            catch (TRefused)
            {
                return false;
            }
        }, Token)));
        return done.Count(success => success);
    }

    private static async Task AnswerAllAsync(StudyStore store, StudyId study, string expert)
    {
        while (await store.NextAsync(study, expert, Token) is { } pair)
        {
            await store.AnswerAsync(pair.Assignment, expert, PreferenceChoice.A, null, 1, Token);
        }
    }

    // A server has one of its own, with queues in its memory.
    private StudyStore NewStudyStore() => new(database.Factory, database.Time);

    private async Task<Goal> GoalAsync(int items)
    {
        var id = database.NewId<GoalId>();
        var goal = new Goal
        {
            Id = id,
            Domain = "ml",
            Text = "Find out whether it holds.",
            Origin = "dataset",
            CreatedAt = database.Time.GetUtcNow(),
            Items = [.. Enumerable.Range(0, items).Select(order => new RubricItem { Id = database.NewId<RubricItemId>(), GoalId = id, Order = order, Text = $"Plan item {order}", ProposedText = $"Plan item {order}" })],
        };
        await using var db = database.NewContext();
        db.Add(goal);
        await db.SaveChangesAsync(Token);
        return goal;
    }

    private async Task<StudyId> StudyAsync(int goals, int? overlap)
    {
        for (var i = 0; i < goals; i++)
        {
            var goal = await GoalAsync(items: 1);
            await using var db = database.NewContext();
            db.AddRange(new[] { "tuned", "starter" }.Select(writer => new Plan { Id = database.NewId<PlanId>(), GoalId = goal.Id, Writer = writer, Text = $"We plan {i}.", CreatedAt = database.Time.GetUtcNow() }));
            await db.SaveChangesAsync(Token);
        }

        return await database.Store<StudyStore>().CreateAsync(new StudyDraft { Name = "Together", Arm1 = "tuned", Arm2 = "starter", IsSandbox = false, Goals = goals, Overlap = overlap }, Token);
    }
}
