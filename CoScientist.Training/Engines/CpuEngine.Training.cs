using CoScientist.Training.Checkpoints;
using CoScientist.Training.Kernels;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Engines;

/// <content>Losses, gradients and the optimizer.</content>
public sealed unsafe partial class CpuEngine
{
    private Keep Kept => options.GradientCheckpointing ? Keep.LayerInputs : Keep.Everything;

    /// <inheritdoc/>
    public LossStatistics AccumulateLoss(IReadOnlyList<TrainingGroup> groups, SamplingOptions options, TokenObjective objective, CancellationToken cancellationToken)
    {
        var (targets, tokens, logProbability, entropy) = (0, 0L, 0.0, 0.0);
        for (var next = 0; next < groups.Count;)
        {
            next = microBatch.Fill(groups, next, this.options.MicroBatchTokens);
            cancellationToken.ThrowIfCancellationRequested();
            BeginGradients(isLast: next == groups.Count);
            var values = Forward(microBatch, options, Kept);
            foreach (var (group, branch, at, length) in microBatch.Spans)
            {
                objective(group, branch, values.LogProbabilities.Slice(at, length), values.Gradient.Slice(at, length), values.EntropyGradient.Slice(at, length));
            }

            var dHidden = ClearedHiddenGradient(microBatch);
            head.Backward(microBatch.Targets, values.Gradient, values.EntropyGradient, values.Entropies, options.BannedTokens, Temperature(options), dHidden, gradients!);
            Backward(microBatch, dHidden);
            targets += microBatch.Targets.Count;
            tokens += microBatch.Batch.Count;
            logProbability += values.LogProbabilitySum;
            entropy += values.EntropySum;
        }

        var count = Math.Max(1, targets);
        return new LossStatistics(targets, tokens, logProbability / count, entropy / count);
    }

    /// <inheritdoc/>
    public LossStatistics AccumulateDistillation(IReadOnlyList<TrainingGroup> students, IReadOnlyList<TrainingGroup> teachers, SamplingOptions options, double mixture, CancellationToken cancellationToken)
    {
        DistillationPairs.Check(students, teachers);
        var all = Math.Max(1, students.Sum(group => group.Branches.Sum(branch => branch.Tokens.Length - branch.FirstTarget)));
        var (tokens, logProbability, entropy, divergence) = (0L, 0.0, 0.0, 0.0);

        // One group at a time: a teacher's prompt is longer than its student's, and both fit where one did.
        for (var g = 0; g < students.Count; g++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (student, teacher) = (MicroBatch.Of(students[g]), MicroBatch.Of(teachers[g]));
            head.Teach(model.Forward(teacher.Batch, activations, Keep.Nothing), teacher.Targets);
            BeginGradients(isLast: g == students.Count - 1);
            var values = Forward(student, options, Kept);
            var dHidden = ClearedHiddenGradient(student);
            divergence += head.Distil(student.Targets, options.BannedTokens, Temperature(options), (float)mixture, 1f / all, dHidden, gradients!);
            Backward(student, dHidden);
            tokens += student.Batch.Count + teacher.Batch.Count;
            logProbability += values.LogProbabilitySum;
            entropy += values.EntropySum;
        }

        return new LossStatistics(all, tokens, logProbability / all, entropy / all, divergence / all);
    }

    /// <inheritdoc/>
    public void ResetOptimizer()
    {
        firstMoments?.Clear();
        secondMoments?.Clear();
        Step = 0;
    }

    /// <inheritdoc/>
    public double OptimizerStep(AdamWOptions options, double maxGradientNorm)
    {
        RequireTrainable();
        gradients ??= new Parameters(Trained.Specs);
        firstMoments ??= new Parameters(Trained.Specs);
        secondMoments ??= new Parameters(Trained.Specs);
        var norm = Math.Sqrt(AdamW.SquaredNorm(Pool, gradients.Pointer, gradients.Length));
        if (!double.IsFinite(norm))
        {
            throw new InvalidDataException($"The gradient is not finite at step {Step + 1}: lower the learning rate or look for broken inputs. The last checkpoint is intact.");
        }

        var scale = maxGradientNorm > 0 && norm > maxGradientNorm ? (float)(maxGradientNorm / norm) : 1;
        Step++;
        model.Lora.FirstRow = 0;
        for (var i = 0; i < Trained.Specs.Count; i++)
        {
            var spec = Trained.Specs[i];
            // Decay pulls matrices only: gains and biases have no scale to lose.
            var tensorOptions = spec.Shape.Length > 1 ? options : options with { WeightDecay = 0 };
            AdamW.Update(Pool, Trained.Get(spec.Name), gradients.Get(spec.Name), firstMoments.Get(spec.Name), secondMoments.Get(spec.Name), spec.Count, tensorOptions, Step, scale);
        }

        gradients.Clear();
        passes = 0;
        model.TrainedChanged();
        return norm;
    }

    /// <inheritdoc/>
    public void SaveOptimizer(string file) => SafetensorsFile.Write(file, OptimizerTensors(new float[] { Step }));

    /// <inheritdoc/>
    public void LoadOptimizer(string file)
    {
        var step = new float[1];
        SafetensorsFile.Read(file, OptimizerTensors(step));
        Step = (int)step[0];
        WeightsChanged();
    }

    /// <summary>Moments and step, and an adapter itself: with the folder it was added to, all that a run needs to go on.</summary>
    private IReadOnlyList<NamedTensor> OptimizerTensors(float[] step)
    {
        firstMoments ??= new Parameters(Trained.Specs);
        secondMoments ??= new Parameters(Trained.Specs);
        return [.. Adapter?.Tensors() ?? [], .. firstMoments.Tensors("m."), .. secondMoments.Tensors("v."), new NamedTensor("step", [1], step)];
    }

    /// <summary>Begins a pass of a step; one that more follow, or that came before, has the weights packed for them all.</summary>
    private void BeginGradients(bool isLast)
    {
        RequireTrainable();
        model.SeveralPasses |= passes++ > 0 || !isLast;
        gradients ??= new Parameters(Trained.Specs);
        model.Lora.Step = Step;
    }

    private float* ClearedHiddenGradient(MicroBatch part)
    {
        var width = part.Batch.Count * Config.HiddenSize;
        var dHidden = hiddenGradient.GetExactly(width);
        new Span<float>(dHidden, width).Clear();
        return dHidden;
    }

    private void Backward(MicroBatch part, float* dHidden)
    {
        model.Backward(part.Batch, activations, dHidden, gradients!);
        model.Lora.FirstRow += part.Batch.Count;
    }
}
