using System.Text.Json;
using System.Text.RegularExpressions;
using CoScientist.Core.Grading;
using CoScientist.Core.Runs;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Shared;
using CoScientist.Web.Runs;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Web.Runs;

/// <summary>The closing evaluation of runs of the cluster: made here or by model servers that have the weights, at once or when somebody asks for it.</summary>
[Trait("Database", "any")]
public sealed class ClusterClosingTests
{
    private const string Better = "<think>\nIt must vary.\n</think>\n<solution>\nMeasure it twice, better.\n</solution>";
    private const string Worse = "<solution>\nMeasure it once.\n</solution>";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_WhoseTwoModelsAreServed_IsClosedByTheServersLikeARunOfThisMachine()
    {
        await using var server = await ServerAsync();
        await using var harness = await HarnessAsync(folder => PaperPolicy.Write(folder, 1), server, "mine", "far-1@4");
        var run = await TrainAsync(harness, folder => PaperPolicy.Write(folder, 2));

        run = await harness.WaitAsync(run, state => state.State.IsFinal());

        var result = run.Result!;
        Assert.Equal((4, 1, 0, 1, 1.0), (result.BestStep, result.Goals, result.BaseOracleScore, result.OracleScore, result.WinRate));
        Assert.Equal(((double?)0, (double?)1, 2.0), (result.BaseSelfGrade, result.SelfGrade, result.SecondsPerStep));

        // What experts compare and tables are made from: plans by the names of the checkpoints, graded twice.
        await using var db = harness.Database.NewContext();
        var plans = await db.Plans.AsNoTracking().Where(plan => plan.RunId == run.Id).OrderBy(plan => plan.Writer).ToListAsync(Cancellation);
        Assert.Equal([("far-1@4", "Measure it twice, better."), ("mine", "Measure it once.")], plans.Select(plan => (plan.Writer, plan.Text)));
        Assert.All(plans, plan => Assert.NotNull(plan.CheckpointId));
        Assert.Equal([("grader", GraderRole.SelfGrade), ("grader", GraderRole.SelfGrade), ("judge", GraderRole.Judge), ("judge", GraderRole.Judge)], (await db.Gradings.AsNoTracking().OrderBy(grading => grading.Grader).ToListAsync(Cancellation)).Select(grading => (grading.Grader, grading.Role)));

        // The policies are asked as policies are: the goal and nothing of its rubric.
        Assert.All(server.Requests.Where(request => ModelOf(request) is "mine" or "far-1@4"), request => Assert.DoesNotContain("sound", request.GetRawText(), StringComparison.Ordinal));
        Assert.Contains(harness.Folder(run).ReadLog(50), line => line.Message.EndsWith("test goals; model servers write.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Run_WhoseModelFitsHere_IsClosedByTheEngineOfThisMachine()
    {
        await using var server = await ServerAsync();
        await using var harness = await HarnessAsync(folder => PaperPolicy.Write(folder, 1), server);
        var run = await TrainAsync(harness, folder => PaperPolicy.Write(folder, 2));

        run = await harness.WaitAsync(run, state => state.State.IsFinal());

        Assert.Equal((4, 1, 0.0), (run.Result?.BestStep, run.Result?.Goals, run.Result?.WellFormed));
        await using var db = harness.Database.NewContext();
        Assert.Equal(["far-1@4", "mine"], await db.Plans.Where(plan => plan.RunId == run.Id).Select(plan => plan.Writer).Order().ToListAsync(Cancellation));
    }

    [Fact]
    public async Task Evaluation_ThatNobodyCouldMake_IsMissingAndMadeLaterWithoutAnotherJob()
    {
        // A model without a chat template cannot be asked for plans here, and what verl saved has not come.
        await using var server = await ServerAsync();
        await using var harness = await HarnessAsync(folder => TinyPolicy.Write(folder), server);
        var run = await TrainAsync(harness, save: null);

        run = await harness.WaitAsync(run, state => state.State.IsFinal());
        Assert.True(run.LacksEvaluation);
        Assert.Null(run.Error);
        var log = harness.Folder(run).ReadLog(50).Select(line => line.Message).ToArray();
        Assert.Contains(log, line => line.StartsWith("The weights of step 2, 4 have not come", StringComparison.Ordinal) && line.Contains("global_step_4/actor/huggingface", StringComparison.Ordinal));
        Assert.Contains(log, line => line.StartsWith("The closing evaluation is missing. far-1@4, which the judge picked,", StringComparison.Ordinal) && line.EndsWith("'train --resume far-1'.", StringComparison.Ordinal));

        // Somebody brings the weights; the next answer is about the base, which cannot be asked either.
        harness.Ray.Jobs.Single().Save(4, folder => TinyPolicy.Write(folder, 2));
        await harness.Worker.EvaluateAsync(run.Id, Cancellation);
        run = await harness.WaitAsync(run, state => state.LacksEvaluation && harness.Folder(state).ReadLog(3)[^1].Message.Contains("mine", StringComparison.Ordinal));
        Assert.Equal("far-1@4", Assert.Single(await harness.Checkpoints.OfRunAsync(run.Id, Cancellation)).Name);
        Assert.Single(harness.Ray.Jobs);

        // Nothing else may be asked for: a second evaluation of a run that has one.
        var closed = harness.Database.NewContext();
        await using (closed)
        {
            await closed.Runs.Where(other => other.Id == run.Id).ExecuteUpdateAsync(set => set.SetProperty(other => other.ResultJson, "{}"), Cancellation);
        }

        await Assert.ThrowsAsync<CoScientist.Core.Runs.RunStateException>(() => harness.Worker.EvaluateAsync(run.Id, Cancellation));
    }

    private static string ModelOf(JsonElement request) => request.GetProperty("model").GetString()!;

    /// <summary>Grader, judge and both policies on one server, told apart by the model that is asked for. It likes plans that are better.</summary>
    private static Task<ScriptedModelServer> ServerAsync() => ScriptedModelServer.StartAsync((request, _) => (200, ModelOf(request) switch
    {
        "mine" => Worse,
        "far-1@4" => Better,
        _ => Grading(request.GetProperty("messages").EnumerateArray().Last().GetProperty("content").GetString()!),
    }));

    private static string Grading(string prompt)
    {
        var errors = prompt.Contains("twice, better", StringComparison.Ordinal) ? "none" : "2";
        var items = Regex.Count(prompt, @"^\d+\. ", RegexOptions.Multiline, TimeSpan.FromSeconds(5));
        return "It is short.\n" + string.Concat(Enumerable.Range(1, items).Select(item => FormattableString.Invariant($"<item num={item}><criteria>c</criteria><reasoning>r</reasoning><errors>{errors}</errors></item>\n")));
    }

    private static Task<ClusterHarness> HarnessAsync(Action<string> write, ScriptedModelServer server, params string[] policies) =>
        ClusterHarness.CreateAsync(write, [("judge", server.Endpoint.ToString(), "j"), ("grader", server.Endpoint.ToString(), "g"), .. policies.Select(name => ($"vllm-{name[0]}", server.Endpoint.ToString(), name))]);

    private static async Task<Run> TrainAsync(ClusterHarness harness, Action<string>? save)
    {
        var (asked, job) = await harness.BeginAsync(harness.Spec with { MaxNewTokens = 8, Grading = new GradingSpec { MaxNewTokens = 64 } });
        if (save is not null)
        {
            job.Save(4, save);
        }

        for (var step = 1; step <= 4; step++)
        {
            harness.Tell(job, step, judged: step == 4 ? 1 : null);
        }

        job.Status = "SUCCEEDED";
        return asked;
    }
}
