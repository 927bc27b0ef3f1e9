using System.Globalization;
using System.Text.Json;
using CoScientist.Core.Runs;
using CoScientist.Training.Trainers;

namespace CoScientist.Tests.Web.Runs;

/// <summary>
/// Does what a trainer does around the training: files, events, pausing, resuming. Its numbers depend only on seed and step,
/// so that a resumed run can be compared with an unbroken one. A step is done when the test allows it.
/// </summary>
internal sealed class ScriptedTrainer : IDisposable
{
    private readonly SemaphoreSlim allowed = new(0);

    /// <summary>Thrown before this step.</summary>
    public (int Step, Exception Fault)? Fails { get; set; }

    /// <summary>Whether a step ignores everything but the token, like one that takes long.</summary>
    public bool Stuck { get; set; }

    /// <summary>Step at which the watch sees self-grade and judge part.</summary>
    public int? PartsAt { get; set; }

    public List<int> StartedAt { get; } = [];

    /// <summary>What it was asked to run last.</summary>
    public TrainingRunRequest? Asked { get; private set; }

    public void Allow(int steps) => allowed.Release(steps);

    public void Dispose() => allowed.Dispose();

    public async Task<RunOutcome> ExecuteAsync(TrainingRunRequest request, Action<RunEvent> onEvent, Func<bool> pauseRequested, CancellationToken cancellationToken)
    {
        Asked = request;
        var folder = new RunFolder(request.Directory);
        var state = folder.File("state");
        var step = File.Exists(state) ? int.Parse(await File.ReadAllTextAsync(state, CancellationToken.None), CultureInfo.InvariantCulture) : 0;
        StartedAt.Add(step);
        onEvent(new RunLog(step, $"{request.Data.Train.Count} goals to train on"));
        for (; step < request.Spec.Steps; step++)
        {
            if (pauseRequested() && !Stuck)
            {
                return new RunOutcome(RunState.Paused, null);
            }

            if (Fails?.Step == step)
            {
                throw Fails.Value.Fault;
            }

            await allowed.WaitAsync(cancellationToken);
            var metrics = new RunMetrics(step + 1, new Dictionary<string, double> { ["reward"] = Math.Sin(request.Spec.Seed + step), ["step_time"] = 2 });
            await File.AppendAllTextAsync(folder.File(RunFolder.MetricsFile), RunHistory.Format(metrics) + "\n", CancellationToken.None);
            if ((step + 1) % request.Spec.EvaluateEvery == 0)
            {
                Directory.CreateDirectory(folder.File(RunFolder.CheckpointDirectory(step + 1)));
                onEvent(new RunCheckpoint(step + 1, RunFolder.CheckpointDirectory(step + 1), .4 + (.01 * step), IsBest: true));
            }

            if (PartsAt == step + 1)
            {
                onEvent(new RunParted(step + 1, .2));
            }

            await File.WriteAllTextAsync(state, (step + 1).ToString(CultureInfo.InvariantCulture), CancellationToken.None);
            onEvent(metrics);
        }

        var rows = request.Data.Test.SelectMany(goal => ((string[])["base", "best"]).Select(writer => Row(writer, goal)));
        await File.WriteAllLinesAsync(folder.File(RunFolder.EvaluationFile), rows, CancellationToken.None);
        return new RunOutcome(RunState.Finished, Result(request));
    }

    private static string Row(string writer, RunGoal goal) => JsonSerializer.Serialize(
        new RunEvaluationRow
        {
            Writer = writer,
            GoalId = goal.Id,
            Plan = "we split .",
            Seed = 1,
            Temperature = 1,
            Oracle = new RunEvaluationGrading(1, [new RunEvaluationVerdict(goal.Items[0].Id, Met: true)]),
        },
        RunFolder.LineOptions);

    private static RunResult Result(TrainingRunRequest request) => new()
    {
        Run = request.Name,
        State = RunState.Finished,
        Steps = request.Spec.Steps,
        BestStep = request.Spec.Steps,
        Goals = request.Data.Test.Count,
        BaseOracleScore = .4,
        OracleScore = .5,
        OracleGainLow = .05,
        OracleGainHigh = .15,
        BaseOracleScoreGreedy = .5,
        OracleScoreGreedy = .6,
        BaseSelfGrade = .4,
        SelfGrade = .7,
        WinRate = .7,
        WinRateLow = .6,
        WinRateHigh = .8,
        WellFormed = .97,
        SecondsPerStep = 2,
    };
}
