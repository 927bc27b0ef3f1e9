using System.Text.Json;
using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Plans;
using CoScientist.Core.Runs;
using CoScientist.Core.Statistics;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;
using PlanGrading = CoScientist.Core.Grading.Grading;

namespace CoScientist.Tests.Core.Storage;

public sealed class StudyStoreTests : IAsyncLifetime
{
    private TestDatabase database = null!;
    private StudyStore store = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        store = database.Store<StudyStore>();
        await AddPlansAsync("tuned@40", "base", goals: 12);
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task CreateAsync_TwoArms_PairsEveryGoalOnce()
    {
        var id = await CreateAsync(goals: 10);

        await using var db = database.NewContext();
        var study = await db.Studies.Include(s => s.Comparisons).SingleAsync(s => s.Id == id, Token);
        Assert.Equal(10, study.Comparisons.Select(c => c.GoalId).Distinct().Count());
        Assert.Equal(Enumerable.Range(0, 10), study.Comparisons.Select(c => c.Order).Order());
        foreach (var comparison in study.Comparisons)
        {
            Assert.Equal(("tuned@40", comparison.GoalId), await PlanAsync(db, comparison.Plan1Id));
            Assert.Equal(("base", comparison.GoalId), await PlanAsync(db, comparison.Plan2Id));
        }
    }

    [Fact]
    public async Task CreateAsync_FourFaults_NamesThemAllAndChangesNothing()
    {
        var draft = new StudyDraft { Name = "tuned@40 wins", Arm1 = "tuned@40", Arm2 = "base", IsSandbox = true, Goals = 99, Guidelines = "Prefer tuned@40" };

        var fault = await Assert.ThrowsAsync<StudyException>(() => store.CreateAsync(draft, Token));

        Assert.Contains("name would tell", fault.Message, StringComparison.Ordinal);
        Assert.Contains("guidelines would tell", fault.Message, StringComparison.Ordinal);
        Assert.Contains("from 1 to 12", fault.Message, StringComparison.Ordinal);
        Assert.Empty(await store.ListAsync(Token));
    }

    [Fact]
    public async Task CreateAsync_SameArmsOrTakenNameOrOtherWorld_IsRefused()
    {
        await CreateAsync(goals: 2);

        await Assert.ThrowsAsync<StudyException>(() => CreateAsync(goals: 2));
        await Assert.ThrowsAsync<StudyException>(() => store.CreateAsync(Draft(2) with { Name = "Two", Arm2 = "tuned@40" }, Token));
        var fault = await Assert.ThrowsAsync<StudyException>(() => store.CreateAsync(Draft(2) with { Name = "Three", IsSandbox = false }, Token));
        Assert.Contains("No research goal has plans of both", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CreateAsync_ReferenceArm_TakesTheReferenceSolutions()
    {
        var id = await store.CreateAsync(Draft(3) with { Arm2 = StudyArm.Reference }, Token);

        var pair = await store.NextAsync(id, "ann", Token);
        Assert.Contains("the reference way", pair!.PlanA + pair.PlanB, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CreateAsync_GreedyAndSampledPlans_TakesTheSampledOnes()
    {
        await AddPlansAsync("tuned@40", "base", goals: 1, temperature: 0, text: "greedy");
        await AddPlansAsync("tuned@40", "base", goals: 1, temperature: 1, text: "sampled");
        var id = await CreateAsync(goals: 12);

        await using var db = database.NewContext();
        var texts = await db.Comparisons.Where(c => c.StudyId == id).Join(db.Plans, c => c.Plan1Id, p => p.Id, (_, p) => p.Text).ToListAsync(Token);
        Assert.DoesNotContain(texts, t => t.StartsWith("greedy", StringComparison.Ordinal));
        Assert.Single(texts, t => t.StartsWith("sampled", StringComparison.Ordinal));
    }

    [Fact]
    public async Task PreviewAsync_Draft_ShowsAPairBlindAndStoresNothing()
    {
        var preview = await store.PreviewAsync(Draft(3) with { Arm2 = StudyArm.Reference }, number: 4, Token);

        Assert.Contains("the reference way", preview!.PlanA + preview.PlanB, StringComparison.Ordinal);
        Assert.DoesNotContain("tuned", preview.PlanA + preview.PlanB, StringComparison.Ordinal);
        Assert.Null(await store.PreviewAsync(Draft(3) with { Arm1 = "nobody" }, 0, Token));
        await using var db = database.NewContext();
        Assert.False(await db.Plans.AnyAsync(p => p.Writer == StudyArm.Reference, Token));
    }

    [Fact]
    public async Task ArmsAsync_WritersAndReferences_AreListedWithTheirGoals() => Assert.Equal(
        [new StudyArm("base", true, 12), new StudyArm("tuned@40", true, 12), new StudyArm(StudyArm.Reference, true, 12)],
        await store.ArmsAsync(Token));

    [Fact]
    public async Task SuggestAsync_FinishedRun_OffersPickedAgainstBase()
    {
        Assert.Null(await store.SuggestAsync(null, Token));
        await using (var db = database.NewContext())
        {
            db.Add(new Run
            {
                Id = database.NewId<RunId>(),
                Name = "tuned",
                SpecJson = JsonSerializer.Serialize(new RunSpec { Model = "base" }, RunSpec.JsonOptions),
                State = RunState.Finished,
                BestStep = 40,
                IsSandbox = true,
                CreatedAt = database.Time.GetUtcNow(),
                EndedAt = database.Time.GetUtcNow(),
            });
            await db.SaveChangesAsync(Token);
        }

        Assert.Equal(new StudySuggestion("tuned", "tuned@40", "base", IsSandbox: true, Goals: 12), await store.SuggestAsync(null, Token));
        Assert.Equal("tuned", (await store.SuggestAsync("tuned", Token))?.Run);
        Assert.Null(await store.SuggestAsync("another", Token));
    }

    [Fact]
    public async Task NextAsync_AskedTwiceAndAfterRestart_SideIsDrawnOnceAndStored()
    {
        var id = await CreateAsync(goals: 1);
        var first = await store.NextAsync(id, "ann", Token);

        for (var i = 0; i < 20; i++)
        {
            var restarted = new StudyStore(database.Factory, database.Time);
            Assert.Equal(first, await restarted.NextAsync(id, "ann", Token));
        }

        await using var db = database.NewContext();
        Assert.Single(await db.Assignments.ToListAsync(Token));
    }

    [Fact]
    public async Task NextAsync_ManyExperts_BothSidesComeUp()
    {
        var id = await CreateAsync(goals: 1);
        for (var i = 0; i < 64; i++)
        {
            await store.NextAsync(id, $"expert {i}", Token);
        }

        await using var db = database.NewContext();
        // A fair coin leaves 8 … 56 with probability below 1e-9.
        Assert.InRange(await db.Assignments.CountAsync(a => a.Arm1IsLeft, Token), 9, 55);
    }

    [Fact]
    public async Task NextAsync_TwoTabsAtOnce_ShowTheSameSides()
    {
        var id = await CreateAsync(goals: 1);

        var pairs = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => store.NextAsync(id, "ann", Token), Token)));

        Assert.Single(pairs.Distinct());
    }

    [Fact]
    public async Task NextAsync_View_TellsNothingOfTheArms()
    {
        var id = await CreateAsync(goals: 12);
        await using var db = database.NewContext();
        var secrets = await db.Plans.Select(p => p.Id).ToListAsync(Token);

        for (var i = 0; i < 12; i++)
        {
            var pair = await store.NextAsync(id, "ann", Token);
            var view = JsonSerializer.Serialize(pair);
            Assert.DoesNotContain("tuned", view, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("Arm", view, StringComparison.Ordinal);
            Assert.All(secrets, s => Assert.DoesNotContain(s.Value.ToString("N"), view.Replace("-", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase));
            await store.AnswerAsync(pair!.Assignment, "ann", PreferenceChoice.Tie, null, 0, Token);
        }
    }

    [Fact]
    public async Task AnswerAsync_Returned_AnswerIsInTheFile()
    {
        var id = await CreateAsync(goals: 1);
        var pair = await store.NextAsync(id, "ann", Token);

        var at = await store.AnswerAsync(pair!.Assignment, "ann", PreferenceChoice.A, "  clearer  ", 1234, Token);

        // Another process sees only what is committed.
        var connection = $"Data Source={database.File};Mode=ReadOnly;Pooling=False";
        await using var other = new CoScientistDb(new DbContextOptionsBuilder<CoScientistDb>().UseSqlite(connection).Options);
        var stored = await other.Preferences.SingleAsync(Token);
        Assert.Equal((PreferenceChoice.A, "clearer", 1234L, at), (stored.Choice, stored.Reason, stored.ActiveMilliseconds, stored.At));
    }

    [Fact]
    public async Task AnswerAsync_SameAnswerTwice_IsStoredOnceWithItsFirstTime()
    {
        var id = await CreateAsync(goals: 1);
        var pair = await store.NextAsync(id, "ann", Token);

        var first = await store.AnswerAsync(pair!.Assignment, "ann", PreferenceChoice.B, null, 10, Token);
        var second = await store.AnswerAsync(pair.Assignment, "ann", PreferenceChoice.B, " ", 99, Token);

        Assert.Equal(first, second);
        await Assert.ThrowsAsync<StudyException>(() => store.AnswerAsync(pair.Assignment, "ann", PreferenceChoice.A, null, 10, Token));
        await using var db = database.NewContext();
        Assert.Equal(PreferenceChoice.B, (await db.Preferences.SingleAsync(Token)).Choice);
    }

    [Fact]
    public async Task AnswerAsync_NotThisExpertOrTooLong_IsRefusedAndStoresNothing()
    {
        var id = await CreateAsync(goals: 1);
        var pair = await store.NextAsync(id, "ann", Token);

        await Assert.ThrowsAsync<StudyException>(() => store.AnswerAsync(pair!.Assignment, "ben", PreferenceChoice.A, null, 0, Token));
        await Assert.ThrowsAsync<StudyException>(() => store.AnswerAsync(database.NewId<AssignmentId>(), "ann", PreferenceChoice.A, null, 0, Token));
        await Assert.ThrowsAsync<StudyException>(() => store.AnswerAsync(pair!.Assignment, "ann", PreferenceChoice.A, new string('x', StudyStore.MaxReason + 1), 0, Token));
        await using var db = database.NewContext();
        Assert.Empty(await db.Preferences.ToListAsync(Token));
    }

    [Fact]
    public async Task ClosedStudy_AnswersAndUndo_AreRefusedUntilItIsOpenAgain()
    {
        var id = await CreateAsync(goals: 2);
        var first = await store.NextAsync(id, "ann", Token);
        await store.AnswerAsync(first!.Assignment, "ann", PreferenceChoice.A, null, 0, Token);
        var second = await store.NextAsync(id, "ann", Token);
        await store.SetStateAsync(id, StudyState.Closed, Token);

        Assert.Null(await store.NextAsync(id, "ann", Token));
        await Assert.ThrowsAsync<StudyException>(() => store.AnswerAsync(second!.Assignment, "ann", PreferenceChoice.A, null, 0, Token));
        await Assert.ThrowsAsync<StudyException>(() => store.UndoAsync(id, "ann", Token));

        await store.SetStateAsync(id, StudyState.Open, Token);
        Assert.Equal(second, await store.NextAsync(id, "ann", Token));
    }

    [Fact]
    public async Task UndoAsync_LastAnswer_ComesBackWithItsReasonAndKeepsItsTrace()
    {
        var id = await CreateAsync(goals: 3);
        var first = await store.NextAsync(id, "ann", Token);
        await store.AnswerAsync(first!.Assignment, "ann", PreferenceChoice.A, "typo", 5, Token);
        await store.NextAsync(id, "ben", Token);

        Assert.False(await store.UndoAsync(id, "ben", Token));
        Assert.True(await store.UndoAsync(id, "ann", Token));
        Assert.False(await store.UndoAsync(id, "ann", Token));

        var again = await store.NextAsync(id, "ann", Token);
        Assert.Equal((first.Assignment, first.PlanA, PreferenceChoice.A, "typo"), (again!.Assignment, again.PlanA, again.TakenBack, again.TakenBackReason));
        await store.AnswerAsync(again.Assignment, "ann", PreferenceChoice.B, null, 7, Token);
        await using var db = database.NewContext();
        Assert.Equal(2, await db.Preferences.CountAsync(Token));
        Assert.Equal(1, (await store.ForExpertAsync(id, "ann", Token))!.Answered);
    }

    [Fact]
    public async Task ForExpertAsync_TwoExperts_EachSeesOwnProgress()
    {
        var id = await CreateAsync(goals: 3);
        var at = await AnswerAllAsync(id, "ann", _ => PreferenceChoice.Tie, upTo: 2);

        var ann = (await store.ForExpertAsync("ann", Token)).Single();
        Assert.Equal((2, 3, 1, at), (ann.Answered, ann.Total, ann.Left, ann.LastAnswerAt!.Value));
        Assert.Equal((0, null), ((await store.ForExpertAsync(id, "ben", Token))!.Answered, (await store.ForExpertAsync(id, "ben", Token))!.LastAnswerAt));
    }

    /// <summary>Ann always prefers the tuned plan, wherever it stands; graders: self-grade says the same, the oracle the opposite.</summary>
    [Fact]
    public async Task ResultsAsync_ArmOneAlwaysPreferred_WinsWhateverTheSide()
    {
        var id = await CreateAsync(goals: 10);
        await AnswerAllAsync(id, "ann", pair => pair.PlanA.Contains("we never guess", StringComparison.Ordinal) ? PreferenceChoice.A : PreferenceChoice.B);

        var results = await store.ResultsAsync(id, Token);

        Assert.Equal(new WinRate(10, 0, 0), results.Goals);
        Assert.Equal(new Estimate(1, 1, 1), results.WinRate);
        Assert.Equal([(GraderRole.SelfGrade, 1.0), (GraderRole.Oracle, 0.0)], results.Graders.Select(g => (g.Role, g.WinRate.Value)));
        Assert.Equal(0.001953125, results.SignTest, 12);
        Assert.Equal(10, results.Position.Left + results.Position.Right);
        var summary = (await store.ListAsync(Token)).Single();
        Assert.Equal((10, 10, 10, 1), (summary.Pairs, summary.AnsweredPairs, summary.Answers, summary.Experts));
        Assert.Equal(summary, await store.FindAsync("Study", Token));
        Assert.Equal(summary, await store.FindAsync(id.ToString(), Token));
    }

    [Fact]
    public async Task ResultsAsync_UndoneAnswers_DoNotCount()
    {
        var id = await CreateAsync(goals: 2);
        await AnswerAllAsync(id, "ann", _ => PreferenceChoice.BothBad);
        await store.UndoAsync(id, "ann", Token);

        var results = await store.ResultsAsync(id, Token);

        Assert.Equal(1, results.Answers);
        Assert.Equal(new WinRate(0, 0, 0, BothBad: 1), results.Goals);
        Assert.Null(results.WinRate);
    }

    [Fact]
    public async Task ResultsAsync_SecondGradingAfterReview_UsesTheNewestCommonVersion()
    {
        var id = await CreateAsync(goals: 12);
        await AnswerAllAsync(id, "ann", _ => PreferenceChoice.Tie);
        await using (var db = database.NewContext())
        {
            // Version 2 of the rubric was applied to arm 1's plans only: it cannot be compared.
            foreach (var plan in await db.Plans.Where(p => p.Writer == "tuned@40").Select(p => p.Id).ToListAsync(Token))
            {
                db.Gradings.Add(NewGrading(plan, GraderRole.Oracle, 1, version: 2));
            }

            await db.SaveChangesAsync(Token);
        }

        var results = await store.ResultsAsync(id, Token);

        Assert.Equal(0, results.Graders.Single(g => g.Role == GraderRole.Oracle).WinRate.Value);
    }

    private static StudyDraft Draft(int goals) => new() { Name = "Study", Arm1 = "tuned@40", Arm2 = "base", IsSandbox = true, Goals = goals };

    private Task<StudyId> CreateAsync(int goals) => store.CreateAsync(Draft(goals), Token);

    private async Task<DateTimeOffset> AnswerAllAsync(StudyId study, string expert, Func<BlindPair, PreferenceChoice> choose, int upTo = int.MaxValue)
    {
        var at = default(DateTimeOffset);
        for (var i = 0; i < upTo && await store.NextAsync(study, expert, Token) is { } pair; i++)
        {
            at = await store.AnswerAsync(pair.Assignment, expert, choose(pair), null, 1000, Token);
        }

        return at;
    }

    private static async Task<(string Writer, GoalId Goal)> PlanAsync(CoScientistDb db, PlanId id)
    {
        var plan = await db.Plans.SingleAsync(p => p.Id == id, Token);
        return (plan.Writer, plan.GoalId);
    }

    private async Task AddPlansAsync(string arm1, string arm2, int goals, double? temperature = null, string? text = null)
    {
        await using var db = database.NewContext();
        var existing = await db.Goals.OrderBy(g => g.Id).Take(goals).ToListAsync(Token);
        for (var i = 0; i < goals; i++)
        {
            var goal = existing.ElementAtOrDefault(i);
            if (goal is null)
            {
                goal = new Goal { Id = database.NewId<GoalId>(), Domain = "ml", Text = $"Goal {i}", Origin = "sandbox", IsSandbox = true, ReferenceSolution = "the reference way", CreatedAt = database.Time.GetUtcNow() };
                db.Goals.Add(goal);
            }

            foreach (var (writer, words, self, oracle) in new[] { (arm1, "we never guess, says tuned@40", 0.9, 0.1), (arm2, "we plan as usual", 0.2, 0.8) })
            {
                var plan = new Plan { Id = database.NewId<PlanId>(), GoalId = goal.Id, Writer = writer, Text = $"{text ?? "plan"} {i}: {words}", Temperature = temperature, CreatedAt = database.Time.GetUtcNow() };
                db.Plans.Add(plan);
                db.Gradings.AddRange(NewGrading(plan.Id, GraderRole.SelfGrade, self), NewGrading(plan.Id, GraderRole.Oracle, oracle));
            }
        }

        await db.SaveChangesAsync(Token);
    }

    private PlanGrading NewGrading(PlanId plan, GraderRole role, double score, int version = 1) => new()
    {
        Id = database.NewId<GradingId>(),
        PlanId = plan,
        Role = role,
        Grader = role.ToString(),
        Protocol = "compact",
        RubricVersion = version,
        Score = score,
        At = database.Time.GetUtcNow(),
    };
}
