using CoScientist.Core.Evaluations;
using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Grading;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Configuration;
using CoScientist.Web.Jobs;
using CoScientist.Web.Runs;
using CoScientist.Web.ViewModels;

namespace CoScientist.Tests.Web.Jobs;

[Trait("Database", "any")]
public sealed class EvaluationJobTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_RealGoalsAndModelServers_ScoresAndComparesInBothOrders()
    {
        // 'new' writes better plans; the judge sees it, prefers the better plan whatever its place, and cannot be read once.
        await using var server = await ScriptedModelServer.StartAsync((request, call) => (200, Answer(request.GetProperty("model").GetString()!, request.GetRawText(), call)));
        await using var database = await TestDatabase.CreateAsync();
        await database.AddGoalAsync(items: 2, split: GoalSplit.Test, sandbox: false);
        await database.AddGoalAsync(items: 2, split: GoalSplit.Test, sandbox: false, domain: "medicine");
        await database.AddGoalAsync(items: 2, split: GoalSplit.Train, sandbox: false);
        var job = Job(database, server, "old", "new", "judge", "juror");
        var spec = new EvaluationSpec { Models = ["old", "new"], Judge = "judge", Jury = ["judge", "juror"], Plans = 1, Pairwise = true, PairwiseRubric = true };

        var failures = await job.RunAsync("real", spec, (_, _, _) => { }, Cancellation);

        var result = EvaluationResult.Read(job.Folder("real"));
        Assert.Empty(failures);
        Assert.Equal(0, result.Missing);
        Assert.Equal(2, result.Data.Goals.Count);
        Assert.Equal((1, 1.0), (result.Comparisons[0].WinRate.Value, result.Comparisons[0].RelativeGain!.Value.Value));
        Assert.Equal([("judge", false), ("judge", true), ("juror", false), ("juror", true)], result.Pairwise.Judges.Select(row => (row.Judge, row.Rubric)));
        Assert.All(result.Pairwise.Judges, row => Assert.Equal((2, 0, 0, 0, 0), (row.Pairs.Tally.Wins, row.Pairs.Tally.Ties, row.Pairs.Tally.Losses, row.Pairs.Unread, row.Pairs.FirstPlace)));
        Assert.Equal([(false, 2, 0.0), (true, 2, 0.0)], result.Pairwise.Juries.Select(row => (row.Rubric, row.Tally.Wins, row.Jury.Disagreement!.Value)));
        Assert.All(result.Pairwise.RubricGaps, row => Assert.Equal((1, 1, 0.0), (row.With, row.Without, row.Gap.Value)));
        Assert.Empty(result.Curves);
        var calls = await database.Store<ModelCallStore>().TotalsOfAsync(EvaluationJob.Purpose("real"), Cancellation);
        var markdown = string.Join('\n', EvaluationReport.Of("real", result, calls).Markdown);
        Assert.All(["## Judged in pairs", "## The jury on pairs", "## Jurors on pairs", "## What seeing the rubric changes", "## Calls of model servers"], title => Assert.Contains(title, markdown, StringComparison.Ordinal));
        // Two plans each and, by each of two judges, 4 gradings and 2 pairs in two orders and two ways; one answer was asked for again.
        Assert.Equal([("judge", 13), ("juror", 12), ("new", 2), ("old", 2)], calls.Select(total => (total.Server, total.Answered)).Order());
        Assert.Equal(8, server.Requests.Count(request => request.GetRawText().Contains("plan_1", StringComparison.Ordinal) && request.GetRawText().Contains("item 0", StringComparison.Ordinal)));
        Assert.DoesNotContain(server.Requests, request => request.GetProperty("model").GetString() is "old" or "new" && request.GetRawText().Contains("item 0", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Run_JudgeIsACheckpointWithAChatTemplate_ScoresAndComparesOnThisMachine()
    {
        await using var server = await ScriptedModelServer.StartAsync((request, call) => (200, Answer(request.GetProperty("model").GetString()!, request.GetRawText(), call)));
        await using var database = await TestDatabase.CreateAsync();
        await database.AddGoalAsync(items: 2, split: GoalSplit.Test, sandbox: false);
        PaperPolicy.Write(Path.Combine(database.Folder, "models", "own"), 1);
        var job = Job(database, server, "old", "new");
        var spec = new EvaluationSpec { Models = ["old", "new"], Judge = "own", Plans = 1, Pairwise = true };
        var told = new List<string>();

        await job.RunAsync("real", spec, (what, done, all) => told.Add($"{done} of {all} {what}"), Cancellation);

        // Random weights write nothing that can be read: what counts is that they were asked, and not the servers.
        Assert.Contains("2 of 2 plans scored by own", told);
        Assert.Contains("1 of 1 pairs judged by own", told);
        var pair = Assert.Single(job.Folder("real").ReadPairs());
        Assert.Equal(("new", new PairVerdict(pair.Shown, pair.Exchanged).Choice is null ? 1 : 0), (pair.Model, Assert.Single(EvaluationResult.Read(job.Folder("real")).Pairwise.Judges).Pairs.Unread));
        Assert.Equal(2, server.Requests.Count);
    }

    [Fact]
    public async Task Run_CheckpointsOfOnesOwn_WriteGradeAndJudgeOnThisMachineInTheNumbersAskedFor()
    {
        await using var server = await ScriptedModelServer.StartAsync((_, _) => (200, "hm"));
        await using var database = await TestDatabase.CreateAsync();
        await database.AddGoalAsync(items: 2, split: GoalSplit.Test, sandbox: false);
        PaperPolicy.Write(Path.Combine(database.Folder, "models", "own"), 1);
        PaperPolicy.Write(Path.Combine(database.Folder, "models", "other"), 2);
        var job = Job(database, server);
        var spec = new EvaluationSpec { Models = ["own", "other"], Grader = "own", Judge = "other", Plans = 2, MaxTokens = 12, Dtype = "bf16", Verdicts = VerdictReading.Likelihood };

        var failures = await job.RunAsync("own", spec, (_, _, _) => { }, Cancellation);
        var mixed = await Assert.ThrowsAsync<InvalidDataException>(() => job.RunAsync("mixed", spec with { Judge = "oracle" }, (_, _, _) => { }, Cancellation));

        var result = EvaluationResult.Read(job.Folder("own"));
        Assert.Empty(failures);
        Assert.Equal(0, result.Missing);
        Assert.All(result.Plans, plan => Assert.InRange(plan.Tokens, 1, 12));
        Assert.All(job.Folder("own").ReadGradings(), grading => Assert.Equal((2, 2), (grading.Probabilities!.Count, grading.Violated!.Count)));
        var verdicts = result.Agreement!.Verdicts;
        Assert.Equal(8, verdicts.TruePositives + verdicts.FalsePositives + verdicts.TrueNegatives + verdicts.FalseNegatives);
        Assert.Contains("own writes for real goals, but oracle knows only the sandbox's world", mixed.Message, StringComparison.Ordinal);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task Run_ItemsWithWeights_ScoreByThem()
    {
        await using var server = await ScriptedModelServer.StartAsync((request, _) => (200, request.GetProperty("model").GetString() == "old" ? "<solution>We look.</solution>" : Item(1, "none") + Item(2, "3,5")));
        await using var database = await TestDatabase.CreateAsync();
        var goal = await database.AddGoalAsync(items: 2, split: GoalSplit.Test, sandbox: false);
        await using (var db = database.NewContext())
        {
            db.RubricItems.First(item => item.GoalId == goal.Id && item.Order == 0).Weight = 3;
            await db.SaveChangesAsync(Cancellation);
        }

        var job = Job(database, server, "old", "judge", "juror");

        await job.RunAsync("weighed", new EvaluationSpec { Models = ["old"], Judge = "judge", Grader = "juror", Jury = ["juror"], Plans = 1 }, (_, _, _) => { }, Cancellation);

        var result = EvaluationResult.Read(job.Folder("weighed"));
        var plan = Assert.Single(result.Plans);
        Assert.Equal((0.75, 0.75, 0.75), (plan.Scores[EvaluationResult.Judge], plan.Scores[EvaluationResult.Grader], plan.Scores[EvaluationResult.JuryMean]));
        Assert.Equal([3, 5], result.Agreement!.Guidelines.Select(row => row.Guideline));
        Assert.Equal(1, result.Agreement.Verdicts.BalancedAccuracy);
        Assert.Contains("| 5: cost- and effort-efficient | 1 | 1", string.Join('\n', EvaluationReport.Of("weighed", result, []).Markdown), StringComparison.Ordinal);

        static string Item(int number, string errors) => $"{(number == 1 ? "It is short.\n" : "")}<item num={number}><criteria>c</criteria><reasoning>r</reasoning><errors>{errors}</errors></item>\n";
    }

    [Fact]
    public async Task Run_AnswersThatCannotBeRead_AreMaskedSaidAndAskedAgainLater()
    {
        var confused = true;
        await using var server = await ScriptedModelServer.StartAsync((request, call) => (200, confused && request.GetProperty("model").GetString() == "judge" ? "hm" : Answer(request.GetProperty("model").GetString()!, request.GetRawText(), call)));
        await using var database = await TestDatabase.CreateAsync();
        await database.AddGoalAsync(items: 2, split: GoalSplit.Test, sandbox: false);
        var job = Job(database, server, "old", "judge");
        var spec = new EvaluationSpec { Models = ["old"], Judge = "judge", Plans = 2 };

        var first = await job.RunAsync("real", spec, (_, _, _) => { }, Cancellation);
        var masked = EvaluationResult.Read(job.Folder("real"));
        confused = false;
        var second = await job.RunAsync("real", spec, (_, _, _) => { }, Cancellation);

        Assert.Equal(2, first.Count);
        Assert.Contains("not scored by judge, because unreadable 3 times", first[0], StringComparison.Ordinal);
        Assert.DoesNotContain(masked.Scores, row => row.Scorer == EvaluationResult.Judge);
        Assert.Empty(second);
        Assert.Equal(2, EvaluationResult.Read(job.Folder("real")).Scores.Single(row => row.Scorer == EvaluationResult.Judge).Plans);
    }

    [Theory]
    [InlineData(new[] { "old" }, "oracle", "old writes for real goals, but oracle knows only the sandbox's world: name models of your own or model servers")]
    [InlineData(new[] { "sandbox-base" }, "judge", "sandbox-base writes for the sandbox's goals and judge works on real ones")]
    [InlineData(new[] { "old" }, "judge", "There are no real test goals")]
    public async Task Run_ModelsOfTwoKindsOrNoGoals_IsRefusedWithTheRemedy(string[] models, string judge, string message)
    {
        await using var server = await ScriptedModelServer.StartAsync((_, _) => (200, "hm"));
        await using var database = await TestDatabase.CreateAsync();
        var job = Job(database, server, "old", "judge");

        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => job.RunAsync("x", new EvaluationSpec { Models = models, Judge = judge }, (_, _, _) => { }, Cancellation));

        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
        Assert.Empty(server.Requests);
        Assert.Empty(job.Names());
    }

    private static string Answer(string model, string request, int call) => model switch
    {
        "old" => "<solution>We look.</solution>",
        "new" => "<solution>We look twice, with controls.</solution>",
        _ when call == 5 => "hm",
        _ when request.Contains("plan_1", StringComparison.Ordinal) => $"<comparison>One has controls.</comparison><preference>{(request.IndexOf("We look.", StringComparison.Ordinal) < request.IndexOf("We look twice", StringComparison.Ordinal) ? 2 : 1)}</preference>",
        _ => request.Contains("controls", StringComparison.Ordinal) ? PaperAnswers.Of("none", "none") : PaperAnswers.Of("none", "2"),
    };

    private static EvaluationJob Job(TestDatabase database, ScriptedModelServer server, params string[] servers)
    {
        var options = new CoScientistOptions { DataDirectory = database.Folder };
        var models = TestServers.Of(database, [.. servers.Select(name => (name, server.Endpoint.ToString(), name))]);
        var checkpoints = database.Store<RunCheckpointStore>();
        var roles = new ModelRoles(new ModelCatalog(checkpoints, options), checkpoints, models);
        return new EvaluationJob(roles, new EvaluationGoals(database.Store<RunDataStore>(), checkpoints, database.Store<RunStore>(), options), options, database.Time);
    }
}
