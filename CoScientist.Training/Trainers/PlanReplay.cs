using CoScientist.Core.Runs;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Protocols;

namespace CoScientist.Training.Trainers;

/// <summary>A token of a plan as a checkpoint sees it.</summary>
/// <param name="Text">What it writes; the name of a special token in its brackets.</param>
/// <param name="LogProbability">log p given all before it, nats, under the run's temperature and banned tokens.</param>
public sealed record ReplayedToken(string Text, double LogProbability);

/// <summary>Reads a plan again with a checkpoint, token by token.</summary>
public static class PlanReplay
{
    /// <summary>Reads.</summary>
    /// <param name="directory">Folder of the checkpoint.</param>
    /// <param name="spec">The run that the plan is from.</param>
    /// <param name="goal">Text of the goal.</param>
    /// <param name="plan">The plan; what is read is the plan as the policy would write it, to its end token.</param>
    /// <param name="cancellationToken">Cancels before the pass.</param>
    /// <exception cref="InvalidDataException">The folder is no checkpoint, or there is not enough memory for it.</exception>
    public static IReadOnlyList<ReplayedToken> Read(string directory, RunSpec spec, string goal, string plan, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var (config, tokenizer) = CheckpointFolder.Open(directory);
        var needed = config.ParameterCount * sizeof(float);
        if (needed > MachineMemory.AvailableBytes)
        {
            throw new InvalidDataException(FormattableString.Invariant($"Reading the plan again takes {needed / 1e9:0.0} GB of memory, and {MachineMemory.AvailableBytes / 1e9:0.0} GB are free: wait until the run is done."));
        }

        IPlanProtocol protocol = spec.Data.Sandbox ? new Sandbox.CompactProtocol(tokenizer) : new PaperPlanProtocol(ChatFormat.Load(directory, tokenizer, config.VocabularySize));
        var tokens = protocol.PlanTokens(plan);
        cancellationToken.ThrowIfCancellationRequested();
        using var pool = new Kernels.WorkerPool(spec.Threads, yields: true);
        using var engine = CpuEngine.LoadReadOnly(directory, RunMemory.OptionsOf(spec).Precision, pool);
        var read = engine.LogProbabilities([new TrainingGroup(protocol.WritePrompt(goal), [new TrainingBranch(tokens)])], Trainer.SamplingOf(spec, protocol), cancellationToken)[0][0];
        return [.. tokens.Zip(read, (token, logProbability) => new ReplayedToken(tokenizer.Decode([token], skipSpecial: false), logProbability))];
    }
}
