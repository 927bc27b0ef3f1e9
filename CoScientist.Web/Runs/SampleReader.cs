using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Training.Objectives;
using CoScientist.Training.Trainers;

namespace CoScientist.Web.Runs;

/// <summary>A plan read again.</summary>
/// <param name="Tokens">Its tokens.</param>
/// <param name="Checkpoint">Name of the checkpoint that read it.</param>
/// <param name="Advantage">The advantage that every token of it learned with; null for a plan that nothing was learned from.</param>
internal sealed record SampleReading(IReadOnlyList<ReplayedToken> Tokens, string Checkpoint, double? Advantage);

/// <summary>Reads plans of a run again, on request: the samples keep no probabilities.</summary>
internal sealed class SampleReader(RunCheckpointStore checkpoints, ModelCatalog models) : IDisposable
{
    // Each holds a model in memory.
    private readonly SemaphoreSlim gate = new(1);

    /// <summary>Reads a plan with the last checkpoint written before it, or with the model that the run started from.</summary>
    /// <param name="run">The run.</param>
    /// <param name="sample">The plan.</param>
    /// <param name="step">All samples of its step, in which its group is found.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="InvalidDataException">The checkpoint is gone or does not fit into memory; the message says what to do.</exception>
    public async Task<SampleReading> ReadAsync(Run run, RunSample sample, IReadOnlyList<RunSample> step, CancellationToken cancellationToken)
    {
        // A training step's plans are written before its update, validation plans after it.
        var trained = sample.Kind == "train";
        var last = trained ? sample.Step - 1 : sample.Step;
        var checkpoint = (await checkpoints.OfRunAsync(run.Id, cancellationToken)).LastOrDefault(known => known.Step <= last);
        var spec = run.Spec;
        var name = checkpoint?.Name ?? spec.Model;
        var directory = await models.ResolveAsync(name, cancellationToken);
        await gate.WaitAsync(cancellationToken);
        try
        {
            var tokens = await Task.Run(() => PlanReplay.Read(directory, spec, sample.Goal, sample.Plan, cancellationToken), cancellationToken);
            return new SampleReading(tokens, name, trained ? AdvantageOf(spec, sample, step) : null);
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>The advantage of a plan among those of its step; null when it learned nothing or the run has no groups.</summary>
    internal static double? AdvantageOf(RunSpec spec, RunSample sample, IReadOnlyList<RunSample> step)
    {
        var groups = step.Where(other => other.Kind == sample.Kind).GroupBy(other => other.GoalId, StringComparer.Ordinal).Select(group => group.ToArray()).ToArray();
        var advantages = GroupAdvantages.Of([.. groups.Select(group => group.Select(other => other.Reward).ToArray())], spec.Grpo.Scaling);
        foreach (var (group, values) in groups.Zip(advantages))
        {
            if (Array.IndexOf(group, sample) is >= 0 and var at)
            {
                return values[at];
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public void Dispose() => gate.Dispose();
}
