using System.Globalization;
using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;

namespace CoScientist.Tests.Core.Storage;

/// <summary>From experts' answers to what a run trains on.</summary>
[Trait("Database", "any")]
public sealed class RunPreferenceTests : IAsyncLifetime
{
    private static readonly RunSpec s_dpo = new() { Method = "dpo", ValidationGoals = 2, TestGoals = 4 };

    private TestDatabase database = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private StudyStore Studies => database.Store<StudyStore>();

    private RunDataStore Store => database.Store<RunDataStore>();

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        foreach (var (split, count) in new[] { (GoalSplit.Train, 2), (GoalSplit.Validation, 3), (GoalSplit.Test, 6) })
        {
            for (var i = 0; i < count; i++)
            {
                await database.AddGoalAsync(split: split, key: string.Create(CultureInfo.InvariantCulture, $"{split}-{i}"));
            }
        }
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task Load_ClosedStudy_GivesTheMajorityOfThoseWhoDecidedAndNoTies()
    {
        var goals = await AddPlansAsync(GoalSplit.Test, 5);
        var study = await CreateAsync("One", 5);
        // Per goal: what three experts prefer; "-" a tie, "x" both bad.
        string[] answers = ["11-", "122", "12-", "--x", "1--"];
        await AnswerAsync(study, goals, answers);
        await Studies.SetStateAsync(study, StudyState.Closed, Token);

        var data = await Store.LoadAsync(s_dpo, Token);

        Assert.Equal(
            [(goals[0], "good 0", "bad 0"), (goals[1], "bad 1", "good 1"), (goals[4], "good 4", "bad 4")],
            data.Preferences.Select(pair => (pair.GoalId, pair.Chosen, pair.Rejected)));
        Assert.Equal((15, 2), (data.PreferenceSource!.Answers, data.PreferenceSource.Undecided));
        Assert.Equal(["One"], data.PreferenceSource.Studies);
        Assert.Contains("3 decided pairs from 15 answers in One; 2 pairs without a majority are left out, and 3 validation and test goals", data.PreferenceNote, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_GoalsOfThePairs_LeaveValidationAndTest()
    {
        var tested = await AddPlansAsync(GoalSplit.Test, 2);
        var validated = await AddPlansAsync(GoalSplit.Validation, 1);
        var study = await CreateAsync("One", 3);
        await AnswerAsync(study, [.. tested, .. validated], ["1", "1", "2"]);
        await Studies.SetStateAsync(study, StudyState.Closed, Token);

        var data = await Store.LoadAsync(s_dpo, Token);

        Assert.Equal((2, 4, 3), (data.Validation.Count, data.Test.Count, data.HeldBack));
        Assert.Empty(data.Validation.Concat(data.Test).Select(goal => goal.Id).Intersect(data.Preferences.Select(pair => pair.GoalId)));
        Assert.Equal(0, (await Store.LoadAsync(s_dpo with { Method = "grpo" }, Token)).HeldBack);
    }

    [Fact]
    public async Task Load_TooFewGoalsLeftToTestOn_SaysSo()
    {
        var tested = await AddPlansAsync(GoalSplit.Test, 6);
        var study = await CreateAsync("One", 6);
        await AnswerAsync(study, tested, ["1", "1", "1", "1", "1", "1"]);
        await Studies.SetStateAsync(study, StudyState.Closed, Token);

        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => Store.LoadAsync(s_dpo, Token));

        Assert.Contains("no sandbox goals to report on (split test)", fault.Message, StringComparison.Ordinal);
        Assert.Contains("6 leave the evaluation", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_OtherGoalOfTheSameArticle_LeavesTheEvaluationToo()
    {
        var asked = await database.AddGoalAsync(split: GoalSplit.Test, key: "paper-1/1", sandbox: false);
        var sibling = await database.AddGoalAsync(split: GoalSplit.Test, key: "paper-1/2", sandbox: false);
        var other = await database.AddGoalAsync(split: GoalSplit.Test, key: "paper-2/1", sandbox: false);
        await database.AddGoalAsync(split: GoalSplit.Validation, key: "paper-3/1", sandbox: false);
        await AddPlansAsync([asked]);
        var study = await Studies.CreateAsync(new StudyDraft { Name = "Real", Arm1 = "wren", Arm2 = "lark", IsSandbox = false, Goals = 1 }, Token);
        await AnswerAsync(study, [asked.Id.ToString()], ["1"]);
        await Studies.SetStateAsync(study, StudyState.Closed, Token);

        var data = await Store.LoadAsync(s_dpo with { Data = new RunDataSpec { Sandbox = false } }, Token);

        Assert.Equal([other.Id.ToString()], data.Test.Select(goal => goal.Id));
        Assert.Equal(2, data.HeldBack);
        Assert.NotEqual(sibling.Id, other.Id);
    }

    [Fact]
    public async Task Load_AnswerTakenBack_DoesNotCount()
    {
        var goals = await AddPlansAsync(GoalSplit.Train, 2);
        var study = await CreateAsync("One", 2);
        await AnswerAsync(study, goals, ["1", "1"]);
        await Studies.UndoAsync(study, "expert 0", Token);
        await Studies.SetStateAsync(study, StudyState.Closed, Token);

        var pairs = await Store.PreferencesAsync(s_dpo.Data, Token);

        Assert.Equal((1, 1), (pairs.Answers, pairs.Pairs.Count));
    }

    [Fact]
    public async Task Load_SamePairInTwoStudies_IsDecidedOnceOverBoth()
    {
        var goals = await AddPlansAsync(GoalSplit.Train, 1);
        foreach (var (name, answers, swap) in new[] { ("One", "11", false), ("Two", "22", true) })
        {
            var study = await Studies.CreateAsync(Draft(name, 1) with { Arm1 = swap ? "lark" : "wren", Arm2 = swap ? "wren" : "lark" }, Token);
            await AnswerAsync(study, goals, [answers]);
            await Studies.SetStateAsync(study, StudyState.Closed, Token);
        }

        // Arm 2 of the second study is arm 1 of the first, and the experts are the same: two votes, not four.
        var both = await Store.PreferencesAsync(s_dpo.Data, Token);
        var one = await Store.PreferencesAsync(s_dpo.Data with { Studies = ["Two"] }, Token);

        Assert.Equal("good 0", Assert.Single(both.Pairs).Chosen);
        Assert.Equal((4, 2), (both.Answers, one.Answers));
    }

    [Fact]
    public async Task Load_NothingToLearnFrom_NamesTheStudyAndTheRemedy()
    {
        async Task<string> FaultAsync(params List<string> studies) => (await Assert.ThrowsAsync<InvalidDataException>(() => Store.LoadAsync(s_dpo with { Data = new RunDataSpec { Studies = studies } }, Token))).Message;

        Assert.Contains("there is no sandbox one", await FaultAsync(), StringComparison.Ordinal);
        var goals = await AddPlansAsync(GoalSplit.Train, 2);
        var study = await CreateAsync("One", 2);
        Assert.Contains("\"One\", which is still open: close it", await FaultAsync("One"), StringComparison.Ordinal);
        Assert.Contains("\"Two\", which is no study", await FaultAsync("Two"), StringComparison.Ordinal);
        await Studies.SetStateAsync(study, StudyState.Closed, Token);
        Assert.Contains("there are none", await FaultAsync("One"), StringComparison.Ordinal);
        await Studies.SetStateAsync(study, StudyState.Open, Token);
        await AnswerAsync(study, goals, ["12", "-x"]);
        await Studies.SetStateAsync(study, StudyState.Closed, Token);
        Assert.Contains("none of 4 answers gives one", await FaultAsync(study.ToString()), StringComparison.Ordinal);
        Assert.Contains("there are none on goals of physics", (await Store.PreferencesAsync(new RunDataSpec { Domains = ["physics"] }, Token)).Fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_ModelThatLearntFromAnswers_LeavesTheirGoalsOutAsWell()
    {
        var goals = await AddPlansAsync(GoalSplit.Test, 2);
        var study = await CreateAsync("One", 2);
        await AnswerAsync(study, goals, ["1", "2"]);
        await Studies.SetStateAsync(study, StudyState.Closed, Token);
        var run = await database.Store<RunStore>().CreateAsync(s_dpo, startedBy: null, _ => false, Token);
        await database.Store<RunCheckpointStore>().RegisterAsync(run, new RunCheckpoint(2, "checkpoints/step-000002", 0.5, IsBest: true), Token);

        var data = await Store.LoadAsync(new RunSpec { Model = RunCheckpointStore.NameOf(run.Name, 2), ValidationGoals = 2, TestGoals = 6 }, Token);

        Assert.Empty(data.Test.Select(goal => goal.Id).Intersect(goals));
        Assert.Equal((2, 4), (data.HeldBack, data.Test.Count));
        Assert.Contains("the model has learnt", data.PreferenceNote, StringComparison.Ordinal);
    }

    private static StudyDraft Draft(string name, int goals) => new() { Name = name, Arm1 = "wren", Arm2 = "lark", IsSandbox = true, Goals = goals };

    private Task<StudyId> CreateAsync(string name, int goals) => Studies.CreateAsync(Draft(name, goals), Token);

    /// <summary>Plans "good i" by wren and "bad i" by lark for the first goals of a split; ids of the goals.</summary>
    private async Task<List<string>> AddPlansAsync(GoalSplit split, int count)
    {
        await using var db = database.NewContext();
        var goals = db.Goals.Where(goal => goal.IsSandbox && goal.Split == split).OrderBy(goal => goal.Id).Take(count).ToList();
        return await AddPlansAsync(goals);
    }

    private async Task<List<string>> AddPlansAsync(List<Goal> goals)
    {
        await using var db = database.NewContext();
        foreach (var (goal, i) in goals.Select((goal, i) => (goal, i)))
        {
            foreach (var (writer, word) in new[] { ("wren", "good"), ("lark", "bad") })
            {
                db.Plans.Add(new Plan { Id = database.NewId<PlanId>(), GoalId = goal.Id, Writer = writer, Text = string.Create(CultureInfo.InvariantCulture, $"{word} {i}"), CreatedAt = database.Time.GetUtcNow() });
            }
        }

        await db.SaveChangesAsync(Token);
        return [.. goals.Select(goal => goal.Id.ToString())];
    }

    /// <summary>Every expert answers as their letter of the goal's word says: 1 and 2 the arms, - a tie, x both bad.</summary>
    private async Task AnswerAsync(StudyId study, List<string> goals, string[] answers)
    {
        await using var db = database.NewContext();
        var goalOf = db.Comparisons.Where(comparison => comparison.StudyId == study).ToDictionary(comparison => comparison.Id, comparison => comparison.GoalId.ToString());
        for (var expert = 0; expert < answers[0].Length; expert++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"expert {expert}");
            while (await Studies.NextAsync(study, name, Token) is { } pair)
            {
                await using var fresh = database.NewContext();
                var assignment = fresh.Assignments.Single(row => row.Id == pair.Assignment);
                var word = answers[goals.IndexOf(goalOf[assignment.ComparisonId])];
                var choice = word[expert] switch
                {
                    '1' => assignment.Arm1IsLeft ? PreferenceChoice.A : PreferenceChoice.B,
                    '2' => assignment.Arm1IsLeft ? PreferenceChoice.B : PreferenceChoice.A,
                    '-' => PreferenceChoice.Tie,
                    _ => PreferenceChoice.BothBad,
                };
                await Studies.AnswerAsync(pair.Assignment, name, choice, null, 1000, Token);
            }
        }
    }
}
