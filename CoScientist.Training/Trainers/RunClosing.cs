using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;

namespace CoScientist.Training.Trainers;

/// <summary>The closing evaluation of a run: the model that it began with and the one that the judge picked, on the test goals.</summary>
internal static class RunClosing
{
    /// <summary>Writes, grades and judges the plans, and keeps them in the run's folder.</summary>
    /// <param name="request">The run.</param>
    /// <param name="journal">What it has written down.</param>
    /// <param name="evaluator">Who grades and judges.</param>
    /// <param name="picked">Step of the picked checkpoint; 0 for the beginning.</param>
    /// <param name="baseline">Writes as the model that the run began with.</param>
    /// <param name="chosen">Writes as the picked checkpoint.</param>
    /// <param name="log">Says a line.</param>
    /// <param name="cancellationToken">Stops and leaves nothing.</param>
    public static RunResult Evaluate(TrainingRunRequest request, RunJournal journal, RunEvaluator evaluator, int picked, PlanWriting baseline, PlanWriting chosen, Action<string> log, CancellationToken cancellationToken)
    {
        var spec = request.Spec;
        var (result, rows) = evaluator.Close(request.Name, picked, baseline, chosen, cancellationToken);
        AtomicFile.WriteAllText(new RunFolder(request.Directory).File(RunFolder.EvaluationFile), string.Concat(rows.Select(row => RunJournal.Line(row) + "\n")));
        result = result with
        {
            SecondsPerStep = journal.Metrics().Where(step => step.Step > 0).Select(step => step.Values.GetValueOrDefault(RunMetricNames.StepTime)).DefaultIfEmpty().Average(),
        };
        log(string.Create(CultureInfo.InvariantCulture, $"Judge ({spec.Judge}): {result.BaseOracleScore:F3} → {result.OracleScore:F3}, win rate {result.WinRate:F3} [{result.WinRateLow:F3}, {result.WinRateHigh:F3}], n = {result.Goals}."));
        return result;
    }

    /// <summary>
    /// Closes a run that was trained elsewhere. Each of the two models writes where it is: on a model server that has it, or on this
    /// machine when it fits. Where neither goes, or the judge fails, the run is finished without a result and the log says what is missing.
    /// </summary>
    /// <param name="request">The run.</param>
    /// <param name="onEvent">Called for every event, after it has been written to the run's folder.</param>
    /// <param name="cancellationToken">Stops.</param>
    public static RunOutcome Elsewhere(TrainingRunRequest request, Action<RunEvent> onEvent, CancellationToken cancellationToken)
    {
        var folder = new RunFolder(request.Directory);
        var journal = new RunJournal(folder);
        try
        {
            return new RunOutcome(RunState.Finished, Close(request, folder, journal, Log, cancellationToken));
        }
        catch (Exception fault) when (fault is InvalidDataException or TextModelException or IOException)
        {
            Log($"The closing evaluation is missing. {fault.Message.TrimEnd('.')}. Then ask for it on the run's page, or with 'train --resume {request.Name}'.");
            return new RunOutcome(RunState.Finished, null);
        }

        void Log(string message)
        {
            var line = new RunLog(request.Spec.Steps, message);
            journal.Append(RunFolder.LogFile, RunJournal.Line(line));
            onEvent(line);
        }
    }

    /// <summary>The step that the judge likes best, the first of equals: training longer has to pay. 0 before the first judgement.</summary>
    public static int Picked(IEnumerable<RunMetrics> metrics) => metrics
        .Where(step => step.Values.ContainsKey(RunMetricNames.JudgeScore))
        .MaxBy(step => (step.Values[RunMetricNames.JudgeScore], -step.Step))?.Step ?? 0;

    private static RunResult Close(TrainingRunRequest request, RunFolder folder, RunJournal journal, Action<string> log, CancellationToken cancellationToken)
    {
        var data = journal.Data(request.Data);
        var picked = Picked(journal.Metrics());
        var best = RunCheckpointStore.NameOf(request.Name, picked);
        if (picked > 0 && request.Served(best) is null && !folder.CheckpointSteps().Contains(picked))
        {
            throw new InvalidDataException($"{best}, which the judge picked, is not among the checkpoints: put its weights into {journal.Checkpoint(picked)}");
        }

        (string Name, string Folder)[] models = [(request.Spec.Model, request.ModelDirectory), picked == 0 ? (request.Spec.Model, request.ModelDirectory) : (best, journal.Checkpoint(picked))];
        var servers = models.Select(model => request.Served(model.Name)).ToArray();
        var here = models.Where((_, k) => servers[k] is null).Distinct().ToArray();
        var names = string.Join(" and ", here.Select(model => model.Name));
        using var loaded = new RunModels(request, data, new EvaluatedModels([.. here.Select(model => model.Folder)], $"serve {names} elsewhere, each under its name ('vllm serve FOLDER --served-model-name {here.LastOrDefault().Name}'), and set it up on Admin, Model servers, with that name as the server's model"));
        if (picked > 0 && servers[1] is null)
        {
            journal.Whole(picked, request.ModelDirectory, cancellationToken);
        }

        var evaluator = new RunEvaluator(request.Spec, data, loaded.Protocol, loaded.Grader, loaded.Judge);
        var writers = models.Select((model, k) => servers[k] is { } server ? RunEvaluator.By(server) : evaluator.By(loaded.Frozen(model.Folder))).ToArray();
        log($"The judge picks step {picked}. Evaluating it and the base on {data.Test.Count} test goals; {(here.Length == 0 ? "model servers write" : $"{names} {(here.Length == 1 ? "writes" : "write")} on this machine")}.");
        return Evaluate(request, journal, evaluator, picked, writers[0], writers[1], log, cancellationToken);
    }
}
