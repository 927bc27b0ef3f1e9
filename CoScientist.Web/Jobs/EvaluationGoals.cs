using System.Text.Json;
using CoScientist.Core.Evaluations;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.Jobs;

/// <summary>Chooses goals that are held out from every model of an evaluation: test goals that no run behind any of them trained on.</summary>
internal sealed class EvaluationGoals(RunDataStore library, RunCheckpointStore checkpoints, RunStore runs, CoScientistOptions options)
{
    /// <summary>Finds them.</summary>
    /// <param name="spec">Models, domains and number.</param>
    /// <param name="sandbox">Goals of the sandbox, or real ones.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="InvalidDataException">None is left; the message says why and what to do.</exception>
    public async Task<EvaluationData> FindAsync(EvaluationSpec spec, bool sandbox, CancellationToken cancellationToken)
    {
        var kind = sandbox ? "sandbox" : "real";
        var test = await library.TestGoalsAsync(sandbox, cancellationToken);
        var wanted = test.Where(goal => spec.Domains.Count == 0 || spec.Domains.Contains(goal.Domain, StringComparer.Ordinal)).ToList();
        if (wanted.Count == 0)
        {
            var domains = test.Select(goal => goal.Domain).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
            throw new InvalidDataException(domains.Count == 0
                ? $"There are no {kind} test goals with rubric items that count: import papers or a dataset, or review their items."
                : $"There are no {kind} test goals in {string.Join(", ", spec.Domains)}: choose --domains among {string.Join(", ", domains)}.");
        }

        var all = await runs.ListAsync(cancellationToken);
        var (seen, trainedOn) = (new HashSet<string>(StringComparer.Ordinal), new Dictionary<string, string>(StringComparer.Ordinal));
        foreach (var model in spec.Models)
        {
            var (goals, domains) = await HistoryAsync(model, all, cancellationToken);
            seen.UnionWith(goals);
            if (domains.Count == 1)
            {
                trainedOn[model] = domains.Single();
            }
        }

        var held = wanted.FindAll(goal => !seen.Contains(goal.Id));
        return held.Count > 0
            ? new EvaluationData(sandbox, [.. held.Take(spec.Goals)], wanted.Count - held.Count, trainedOn)
            : throw new InvalidDataException($"No test goal is left: the models, or the runs they come from, trained on all {wanted.Count} of them or on preferences about them. Import other goals, or evaluate models that did not.");
    }

    /// <summary>Goals that a model and those it was trained from saw in training, and their domains.</summary>
    private async Task<(HashSet<string> Goals, HashSet<string> Domains)> HistoryAsync(string model, IReadOnlyList<Run> all, CancellationToken cancellationToken)
    {
        var (goals, domains, passed) = (new HashSet<string>(StringComparer.Ordinal), new HashSet<string>(StringComparer.Ordinal), new HashSet<string>(StringComparer.Ordinal));
        while (passed.Add(model)
            && await checkpoints.FindAsync(model, cancellationToken) is { RunId: { } id }
            && all.FirstOrDefault(run => run.Id == id) is { } made)
        {
            if (Read(made.Name) is { } data)
            {
                goals.UnionWith(data.Train.Select(goal => goal.Id));
                goals.UnionWith(data.Preferences.Select(preference => preference.GoalId));
                domains.UnionWith(data.Train.Select(goal => goal.Domain));
            }

            model = made.Spec.Model;
        }

        return (goals, domains);
    }

    private RunData? Read(string run)
    {
        var folder = new RunFolder(options.RunDirectory(run));
        try
        {
            return folder.ReadData();
        }
        catch (JsonException fault)
        {
            throw new InvalidDataException($"{folder.File(RunFolder.DataFile)} cannot be read ({fault.Message}), so it is unknown which goals run {run} trained on: restore the file from a backup.", fault);
        }
    }
}
