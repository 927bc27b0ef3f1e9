using CoScientist.Training.Kernels;
using CoScientist.Training.Sampling;

namespace CoScientist.Training.Engines;

/// <summary>Sequences that share a prompt: what trainers hand to the engine.</summary>
/// <param name="Prompt">Shared tokens, at least one; never targets.</param>
/// <param name="Branches">Continuations of the prompt.</param>
public sealed record TrainingGroup(int[] Prompt, IReadOnlyList<TrainingBranch> Branches);

/// <summary>A continuation of a prompt.</summary>
/// <param name="Tokens">Its tokens, at least one.</param>
/// <param name="FirstTarget">Index of the first token that is a target; those before are read only. Default 0: all are.</param>
public sealed record TrainingBranch(int[] Tokens, int FirstTarget = 0);

/// <summary>
/// A loss over sequences, given by its gradients with respect to the log-probability of each target and to the entropy of the
/// distribution it was drawn from. The engine asks for it branch by branch, after the forward pass.
/// </summary>
/// <param name="group">Index of the group.</param>
/// <param name="branch">Index of the branch in its group.</param>
/// <param name="logProbabilities">log p of the branch's targets under the current weights, in nats.</param>
/// <param name="gradient">Receives ∂loss/∂log p for each target; zero on entry.</param>
/// <param name="entropyGradient">Receives ∂loss/∂H for each target's distribution, H in nats; zero on entry.</param>
public delegate void TokenObjective(int group, int branch, ReadOnlySpan<float> logProbabilities, Span<float> gradient, Span<float> entropyGradient);

/// <summary>What an accumulation saw.</summary>
/// <param name="Targets">Target tokens.</param>
/// <param name="Tokens">Tokens computed, shared prompts counted once.</param>
/// <param name="LogProbability">Mean log p of the targets, in nats.</param>
/// <param name="Entropy">Mean entropy of the distributions at the targets, in nats.</param>
/// <param name="Divergence">Mean divergence from the teacher, in nats; 0 without one.</param>
public readonly record struct LossStatistics(int Targets, long Tokens, double LogProbability, double Entropy, double Divergence = 0);

/// <summary>The one seam to train and sample: trainers are written against it and know no tensor.</summary>
public interface IPolicyEngine : ISamplingEngine
{
    /// <summary>Optimizer steps done.</summary>
    int Step { get; }

    /// <summary>log p of every target, as [group][branch][target], under the given temperature and banned tokens.</summary>
    float[][][] LogProbabilities(IReadOnlyList<TrainingGroup> groups, SamplingOptions options, CancellationToken cancellationToken);

    /// <summary>Adds the gradient of a loss to the accumulated gradients. The distribution is the one that <paramref name="options"/> samples from (temperature, banned tokens).</summary>
    LossStatistics AccumulateLoss(IReadOnlyList<TrainingGroup> groups, SamplingOptions options, TokenObjective objective, CancellationToken cancellationToken);

    /// <summary>
    /// Adds the gradient of the mean over targets of the Jensen–Shannon divergence β·KL(p‖m) + (1 − β)·KL(q‖m),
    /// m = β·p + (1 − β)·q, between the policy's distribution p given the teachers' prompts and q given the students'. No
    /// gradient flows through p.
    /// </summary>
    /// <param name="students">What the policy writes from.</param>
    /// <param name="teachers">The same branches after other prompts.</param>
    /// <param name="options">Temperature and banned tokens of both distributions.</param>
    /// <param name="mixture">β, between 0 and 1.</param>
    /// <param name="cancellationToken">Cancels between parts.</param>
    /// <exception cref="ArgumentException">Students and teachers have different branches.</exception>
    LossStatistics AccumulateDistillation(IReadOnlyList<TrainingGroup> students, IReadOnlyList<TrainingGroup> teachers, SamplingOptions options, double mixture, CancellationToken cancellationToken);

    /// <summary>Forgets the optimizer's moments and step count: what follows is another loss.</summary>
    void ResetOptimizer();

    /// <summary>Clips the accumulated gradients to a global norm, applies one AdamW step and clears them.</summary>
    /// <returns>The norm before clipping.</returns>
    double OptimizerStep(AdamWOptions options, double maxGradientNorm);

    /// <summary>Saves optimizer moments and step count, and an adapter being trained, so that training continues to the bit.</summary>
    void SaveOptimizer(string file);

    /// <summary>Restores what <see cref="SaveOptimizer"/> wrote.</summary>
    void LoadOptimizer(string file);

    /// <summary>Writes the weights, an adapter merged into them, as a folder of Hugging Face layout, whole or not at all.</summary>
    /// <param name="directory">The folder; must not exist.</param>
    /// <param name="manifest">Where it comes from.</param>
    /// <param name="like">A folder whose chat template and settings are carried over; null for none.</param>
    void Save(string directory, IReadOnlyDictionary<string, string> manifest, string? like = null);
}
