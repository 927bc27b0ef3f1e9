using CoScientist.Training.Kernels;
using CoScientist.Training.Sampling;
using TorchSharp;
using static TorchSharp.torch;

namespace CoScientist.Training.Engines.Torch;

/// <content>Losses, gradients and the optimizer.</content>
public sealed partial class TorchEngine
{
    /// <summary>Rows whose logits exist at once.</summary>
    private const int HeadRows = 512;

    /// <inheritdoc/>
    public float[][][] LogProbabilities(IReadOnlyList<TrainingGroup> groups, SamplingOptions options, CancellationToken cancellationToken)
    {
        var result = groups.Select(group => new float[group.Branches.Count][]).ToArray();
        for (var next = 0; next < groups.Count;)
        {
            next = microBatch.Fill(groups, next, this.options.MicroBatchTokens);
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var (logProbabilities, _) = Values(TorchPass.Run(model, Config, microBatch, weights, keep: false, sparse: false), microBatch, options);
            foreach (var (group, branch, at, length) in microBatch.Spans)
            {
                result[group][branch] = logProbabilities[at..(at + length)];
            }
        }

        return result;
    }

    /// <inheritdoc/>
    public LossStatistics AccumulateLoss(IReadOnlyList<TrainingGroup> groups, SamplingOptions options, TokenObjective objective, CancellationToken cancellationToken)
    {
        var (targets, tokens, logProbability, entropy) = (0, 0L, 0.0, 0.0);
        for (var next = 0; next < groups.Count;)
        {
            next = microBatch.Fill(groups, next, this.options.MicroBatchTokens);
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var pass = TorchPass.Run(model, Config, microBatch, weights, keep: true, this.options.GradientCheckpointing);
            var (logProbabilities, entropies) = Values(pass, microBatch, options);
            var (gradient, entropyGradient) = (new float[logProbabilities.Length], new float[logProbabilities.Length]);
            foreach (var (group, branch, at, length) in microBatch.Spans)
            {
                objective(group, branch, logProbabilities.AsSpan(at, length), gradient.AsSpan(at, length), entropyGradient.AsSpan(at, length));
            }

            Learn(pass, microBatch, options, (rows, chosen, from, count) =>
                (chosen * Part(gradient, from, count)).sum() + (Entropy(rows) * Part(entropyGradient, from, count)).sum());
            targets += logProbabilities.Length;
            tokens += microBatch.Batch.Count;
            logProbability += logProbabilities.Sum(value => (double)value);
            entropy += entropies.Sum(value => (double)value);
        }

        var all = Math.Max(1, targets);
        return new LossStatistics(targets, tokens, logProbability / all, entropy / all);

        Tensor Part(float[] all, int from, int count) => tensor(all[from..(from + count)], [count], device: model.Device);
    }

    /// <inheritdoc/>
    public LossStatistics AccumulateDistillation(IReadOnlyList<TrainingGroup> students, IReadOnlyList<TrainingGroup> teachers, SamplingOptions options, double mixture, CancellationToken cancellationToken)
    {
        DistillationPairs.Check(students, teachers);
        var all = Math.Max(1, students.Sum(group => group.Branches.Sum(branch => branch.Tokens.Length - branch.FirstTarget)));
        var (tokens, logProbability, entropy, divergence) = (0L, 0.0, 0.0, 0.0);
        for (var g = 0; g < students.Count; g++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var (student, teacher) = (MicroBatch.Of(students[g]), MicroBatch.Of(teachers[g]));
            var taught = TorchPass.Run(model, Config, teacher, weights, keep: false, sparse: false);
            var pass = TorchPass.Run(model, Config, student, weights, keep: true, this.options.GradientCheckpointing);
            var (logProbabilities, entropies) = Values(pass, student, options);
            Learn(pass, student, options, (rows, _, from, count) =>
            {
                var p = Distribution(taught.Rows.narrow(0, from, count), options).detach();
                var middle = ((p.exp() * mixture) + (rows.exp() * (1 - mixture))).clamp_min(float.Epsilon).log();
                var sum = (Divergence(p, middle) * mixture) + (Divergence(rows, middle) * (1 - mixture));
                divergence += sum.item<float>();
                return sum / all;
            });
            tokens += student.Batch.Count + teacher.Batch.Count;
            logProbability += logProbabilities.Sum(value => (double)value);
            entropy += entropies.Sum(value => (double)value);
        }

        return new LossStatistics(all, tokens, logProbability / all, entropy / all, divergence / all);

        static Tensor Divergence(Tensor of, Tensor from) => (of.exp() * (of - from)).sum();
    }

    /// <inheritdoc/>
    public void ResetOptimizer()
    {
        Clear(firstMoments);
        Clear(secondMoments);
        Step = 0;
    }

    /// <inheritdoc/>
    public double OptimizerStep(AdamWOptions options, double maxGradientNorm)
    {
        using var scope = NewDisposeScope();
        using var withoutGradients = no_grad();
        var norm = Math.Sqrt(gradients.Values.Sum(gradient => gradient.to_type(ScalarType.Float64).pow(2).sum().item<double>()));
        if (!double.IsFinite(norm))
        {
            throw new InvalidDataException($"The gradient is not finite at step {Step + 1}: lower the learning rate or look for broken inputs. The last checkpoint is intact.");
        }

        var scale = maxGradientNorm > 0 && norm > maxGradientNorm ? maxGradientNorm / norm : 1;
        Step++;
        foreach (var (name, weight) in weights)
        {
            var gradient = gradients.TryGetValue(name, out var accumulated) ? accumulated * scale : zeros_like(weight);
            var (first, second) = (Moment(firstMoments, name), Moment(secondMoments, name));
            first.mul_(options.Beta1).add_(gradient, 1 - options.Beta1);
            second.mul_(options.Beta2).addcmul_(gradient, gradient, 1 - options.Beta2);
            var move = first / (1 - Math.Pow(options.Beta1, Step)) / ((second / (1 - Math.Pow(options.Beta2, Step))).sqrt() + options.Epsilon);

            // Decay pulls matrices only: gains and biases have no scale to lose.
            move = weight.shape.Length > 1 ? move + (weight * options.WeightDecay) : move;
            weight.sub_(move * options.LearningRate);
        }

        Clear(gradients);
        return norm;

        Tensor Moment(Dictionary<string, Tensor> moments, string name)
        {
            if (!moments.TryGetValue(name, out var moment))
            {
                moments.Add(name, moment = zeros_like(weights[name], requires_grad: false).DetachFromDisposeScope());
            }

            return moment;
        }
    }

    /// <summary>log p of every token at rows of hidden states, [N, V]; −1e30 and less where a token is banned.</summary>
    private Tensor Distribution(Tensor rows, SamplingOptions options)
    {
        var logits = model.Logits(rows) * (1 / (options.Temperature > 0 ? options.Temperature : 1));
        if (options.BannedTokens.Length > 0)
        {
            var banned = zeros([Config.VocabularySize], ScalarType.Bool, model.Device);
            banned.index_fill_(0, tensor([.. options.BannedTokens.Select(token => (long)token)], [options.BannedTokens.Length], device: model.Device), 1);
            logits = logits.masked_fill(banned, -1e30f);
        }

        return logits.log_softmax(-1);
    }

    private static Tensor Entropy(Tensor logProbabilities) => (logProbabilities.exp() * logProbabilities).sum([-1]).neg();

    private Tensor Chosen(Tensor logProbabilities, MicroBatch part, int from, int count) =>
        logProbabilities.gather(1, tensor([.. part.Targets.Tokens.Skip(from).Take(count).Select(token => (long)token)], [count, 1], device: model.Device)).squeeze(1);

    /// <summary>log p and entropy of all targets.</summary>
    private (float[] LogProbabilities, float[] Entropies) Values(TorchPass pass, MicroBatch part, SamplingOptions options)
    {
        using var withoutGradients = no_grad();
        var (logProbabilities, entropies) = (new List<float>(), new List<float>());
        for (var from = 0; from < part.Targets.Count; from += HeadRows)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(HeadRows, part.Targets.Count - from);
            var rows = Distribution(pass.Rows.narrow(0, from, count), options);
            logProbabilities.AddRange(Chosen(rows, part, from, count).cpu().contiguous().data<float>().ToArray());
            entropies.AddRange(Entropy(rows).cpu().contiguous().data<float>().ToArray());
        }

        return ([.. logProbabilities], [.. entropies]);
    }

    /// <summary>Adds the gradient of a loss that is a sum over targets, given part by part from log p of all tokens [N, V] and of the targets [N].</summary>
    private void Learn(TorchPass pass, MicroBatch part, SamplingOptions options, Func<Tensor, Tensor, int, int, Tensor> loss)
    {
        var inward = new List<Tensor>();
        for (var from = 0; from < part.Targets.Count; from += HeadRows)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(HeadRows, part.Targets.Count - from);
            var rows = pass.Rows.narrow(0, from, count).detach().requires_grad_();
            var logProbabilities = Distribution(rows, options);
            var slopes = autograd.grad([loss(logProbabilities, Chosen(logProbabilities, part, from, count), from, count)], [rows, weights[model.HeadName]]);
            Add(model.HeadName, slopes[1]);
            inward.Add(slopes[0].MoveToOuterDisposeScope());
        }

        if (inward.Count > 0)
        {
            pass.Backward(cat([.. inward], 0), Add);
        }
    }

    private void Add(string name, Tensor gradient)
    {
        if (gradients.TryGetValue(name, out var sum))
        {
            sum.add_(gradient);
        }
        else
        {
            gradients.Add(name, gradient.detach().clone().DetachFromDisposeScope());
        }
    }
}
