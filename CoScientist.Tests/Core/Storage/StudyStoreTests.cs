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

/// <summary>Setting a study up, and handing its pairs out.</summary>
[Trait("Database", "any")]
public sealed partial class StudyStoreTests : IAsyncLifetime
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
