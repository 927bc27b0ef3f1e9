using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Training.Trainers;

namespace CoScientist.Training.Clusters;

/// <summary>Writes what a run elsewhere tells into the run's folder, in the form that every other run has.</summary>
internal sealed class ClusterJournal(TrainingRunRequest request, ClusterOptions cluster, Action<RunEvent> onEvent)
{
    /// <summary>Name of the file in the run's folder with all that its jobs have printed.</summary>
    public const string LogFile = "cluster.log";

    private const int MostLogLines = 20;
    private const int MostKeptLines = 1000;
    private const int LongestLogLine = 400;

    private readonly RunFolder folder = new(request.Directory);
    private readonly RunJournal journal = new(new RunFolder(request.Directory));
    private readonly RewardWatch watch = new(request.Spec.Watch.Gap);
    private readonly List<GradingNote> waiting = [];
    private RunData data = request.Data;
    private Dictionary<string, RunGoal> goals = [];
    private GradingNotes? notes;
    private long metricsOffset;
    private double tokens;
    private (int Step, double Score)? best;
    private bool parted;
    private bool rereading;

    /// <summary>Last step whose metrics are written down; −1 before the first.</summary>
    public int LastStep { get; private set; } = -1;

    /// <summary>How far the reward function's notes have been read.</summary>
    public Dictionary<string, long> Notes { get; private set; } = new(StringComparer.Ordinal);

    /// <summary>Whether the watch has seen self-grade and judge part, and the run is to stop then.</summary>
    public bool MustStop => parted && request.Spec.Watch.Stop;

    private string Export => ClusterRun.Export(cluster, request.Name);

    /// <summary>Name of the file in the export into which verl writes the metrics of a job: it begins each time anew.</summary>
    public static string MetricsFile(int attempt) => FormattableString.Invariant($"metrics-{attempt}.jsonl");

    /// <summary>Takes up what is written already.</summary>
    public void Open(ClusterState state)
    {
        data = journal.Data(request.Data);
        goals = data.Train.Concat(data.Validation).ToDictionary(goal => goal.Id, StringComparer.Ordinal);
        Notes = new(state.Notes, StringComparer.Ordinal);
        notes = new GradingNotes(Path.Combine(Export, "gradings"), Notes);
        if (state.Attempt == 0)
        {
            Log($"{data.Train.Count} training goals, {data.Validation.Count} validation goals; verl {ClusterKeys.VerlVersion} on {cluster.Nodes} × {cluster.GpusPerNode} GPUs.");
            foreach (var warning in VerlSettings.Warnings(request.Spec))
            {
                Log($"Mind: {warning}.");
            }
        }

        rereading = true;
        Recount();
        foreach (var (step, samples) in journal.Judged())
        {
            Watch(step, samples);
        }
    }

    /// <summary>A new job begins: what it does again is dropped.</summary>
    /// <param name="saved">The step that it goes on from; null for the beginning.</param>
    public void Restart(int? saved)
    {
        // Notes of plans whose step was never told belong to no step.
        _ = notes!.Read();
        waiting.Clear();
        (metricsOffset, rereading) = (0, false);
        var from = saved ?? -1;

        // Steps are made again; what befell the cluster is not.
        var said = folder.ReadLog(MostKeptLines).Where(line => line.Step > from).ToArray();
        journal.TruncateAfter(from);
        journal.Append(RunFolder.LogFile, said.Select(line => RunJournal.Line(line with { Step = Math.Max(0, from) })));
        Recount();
    }

    /// <summary>Reads what is new.</summary>
    /// <param name="attempt">Number of the job.</param>
    /// <param name="last">Whether the job is over: its last checkpoint is taken over whatever its metrics say.</param>
    /// <param name="cancellationToken">Cancels between checkpoints.</param>
    /// <returns>Whether there was a step.</returns>
    public bool Look(int attempt, bool last, CancellationToken cancellationToken)
    {
        var news = false;
        foreach (var line in TailedFile.Read(Path.Combine(Export, MetricsFile(attempt)), ref metricsOffset))
        {
            if (VerlMetrics.Read(line, tokens) is { } metrics)
            {
                if (metrics.Step <= LastStep && rereading)
                {
                    continue;
                }

                // The plans of a step are graded before its metrics are told.
                rereading = false;
                waiting.AddRange(notes!.Read());
                if (metrics.Step > LastStep)
                {
                    Record(metrics);
                    news = true;
                }

                // A job that goes on judges its first step once more.
                waiting.Clear();
            }
        }

        var have = folder.CheckpointSteps();
        foreach (var step in ClusterCheckpoints.Ready(Path.Combine(Export, "checkpoints"), request.Spec.Lora.Rank > 0).Where(step => !have.Contains(step) && (last || step <= LastStep)))
        {
            Adopt(step, cancellationToken);
        }

        return news;
    }

    /// <summary>Steps whose weights verl should have saved and that are not here.</summary>
    public IReadOnlyList<int> Missing()
    {
        var have = folder.CheckpointSteps();
        var last = Math.Min(LastStep, request.Spec.Steps);
        return [.. Enumerable.Range(1, Math.Max(0, last)).Where(step => (step % request.Spec.EvaluateEvery == 0 || step == request.Spec.Steps) && !have.Contains(step))];
    }

    /// <summary>Keeps what the job printed; its last lines also stand in the run's log.</summary>
    public void TakeLog(string text)
    {
        var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length > 0)
        {
            journal.Append(LogFile, lines);
            foreach (var line in lines.TakeLast(MostLogLines))
            {
                Log("cluster: " + (line.Length > LongestLogLine ? line[..LongestLogLine] + "…" : line).TrimEnd());
            }
        }
    }

    /// <summary>Says a line.</summary>
    public void Log(string message)
    {
        var line = new RunLog(Math.Max(0, LastStep), message);
        journal.Append(RunFolder.LogFile, RunJournal.Line(line));
        onEvent(line);
    }

    private void Recount()
    {
        var written = journal.Metrics();
        LastStep = written.Select(step => step.Step).DefaultIfEmpty(-1).Max();
        tokens = written.Select(step => step.Values.GetValueOrDefault(RunMetricNames.Tokens)).DefaultIfEmpty().Max();
        best = null;
        foreach (var step in written)
        {
            Consider(step);
        }
    }

    private void Record(RunMetrics told)
    {
        var values = new Dictionary<string, double>(told.Values, StringComparer.Ordinal);
        var trained = waiting.Where(note => note.Split == "train").ToArray();
        if (trained.Length > 0)
        {
            values[RunMetricNames.SelfGrade] = trained.Select(note => note.SelfGrade ?? double.NaN).Where(double.IsFinite).DefaultIfEmpty(double.NaN).Average();
            values[RunMetricNames.FormatViolation] = trained.Average(note => note.Finished && !note.Overlong ? 0.0 : 1);
            values[RunMetricNames.GraderFailure] = trained.SelectMany(note => note.Items).DefaultIfEmpty(true).Average(met => met is null ? 1.0 : 0);
        }

        RunSample[] samples = [.. waiting.Select(note => note.Sample(told.Step, goals)).OfType<RunSample>()];
        var verdict = values.ContainsKey(RunMetricNames.JudgeScore) ? Watch(told.Step, [.. samples.Where(sample => sample.Kind == "validation")]) : null;
        if (verdict is not null)
        {
            values[RunMetricNames.JudgeSelfGrade] = samples.Where(sample => sample is { Kind: "validation", SelfGrade: not null }).Select(sample => sample.SelfGrade!.Value).DefaultIfEmpty(double.NaN).Average();
            values[RunMetricNames.WatchGrowth] = verdict.Growth.Value;
            values[RunMetricNames.WatchGrowthLow] = verdict.Growth.Low;
        }

        var metrics = new RunMetrics(told.Step, values);
        journal.Append(RunFolder.SamplesFile, samples.Select(RunJournal.Line));
        journal.Append(metrics);
        LastStep = metrics.Step;
        tokens = Math.Max(tokens, values.GetValueOrDefault(RunMetricNames.Tokens));
        Consider(metrics);
        onEvent(metrics);
        foreach (var sample in samples)
        {
            onEvent(sample);
        }

        if (verdict is { Parted: true })
        {
            onEvent(new RunParted(metrics.Step, verdict.Growth.Value));
            Log(string.Create(CultureInfo.InvariantCulture, $"Watch: self-grade and judge part. Since the start their gap has grown by {verdict.Growth.Value:F3} [{verdict.Growth.Low:F3}, {verdict.Growth.High:F3}]. Trust the judge-picked checkpoint (step {best?.Step})."));
        }
    }

    /// <summary>Compares the judged plans with the first ones; null when none were written down.</summary>
    private WatchVerdict? Watch(int step, IReadOnlyList<RunSample> judged)
    {
        if (judged.Count == 0)
        {
            return null;
        }

        var byGoal = judged.GroupBy(sample => sample.GoalId, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Last(), StringComparer.Ordinal);
        var verdict = watch.Look(
            step,
            [.. data.Validation.Select(goal => byGoal.GetValueOrDefault(goal.Id)?.SelfGrade ?? double.NaN)],
            [.. data.Validation.Select(goal => byGoal.GetValueOrDefault(goal.Id)?.JudgeScore ?? double.NaN)]);
        parted |= verdict.Parted;
        return verdict;
    }

    private void Consider(RunMetrics metrics)
    {
        // The beginning counts, too, and the first of equals: training has to pay.
        if (metrics.Values.TryGetValue(RunMetricNames.JudgeScore, out var score) && (best is null || score > best.Value.Score))
        {
            best = (metrics.Step, score);
        }
    }

    private void Adopt(int step, CancellationToken cancellationToken)
    {
        var origin = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["run"] = request.Name,
            ["step"] = step.ToString(CultureInfo.InvariantCulture),
            ["parent"] = request.Spec.Model,
            ["rubrics"] = RubricFingerprint.Of(data),
            ["trainer"] = "verl " + ClusterKeys.VerlVersion,
        };
        double? score = journal.Metrics().LastOrDefault(metrics => metrics.Step == step && metrics.Values.ContainsKey(RunMetricNames.JudgeScore)) is { } judged ? judged.Values[RunMetricNames.JudgeScore] : null;
        if (score is { } known)
        {
            origin[RunMetricNames.JudgeScore] = known.ToString("R", CultureInfo.InvariantCulture);
        }

        ClusterCheckpoints.Adopt(Path.Combine(Export, "checkpoints"), step, request.Spec, folder, request.ModelDirectory, origin, cancellationToken);
        onEvent(new RunCheckpoint(step, RunFolder.CheckpointDirectory(step), score, best?.Step == step));
    }
}
