using CoScientist.Training.Engines;
using CoScientist.Training.Kernels.Reference;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;

namespace CoScientist.Tests.Shared;

/// <summary>Losses on whole distributions of the plain model; their slopes with respect to every logit are taken numerically.</summary>
internal sealed class DistributionReference(ModelConfig config, SamplingOptions options)
{
    /// <summary>log p of the branch's targets.</summary>
    public double[] LogProbabilities(ReferenceModel model, int[] prompt, TrainingBranch branch) =>
        [.. Rows(model, prompt, branch).Select((row, t) => Math.Log(Probabilities(row)[branch.Tokens[branch.FirstTarget + t]]))];

    /// <summary>Probabilities of all tokens at each of the branch's targets.</summary>
    public double[][] Distributions(ReferenceModel model, int[] prompt, TrainingBranch branch) => [.. Rows(model, prompt, branch).Select(Probabilities)];

    /// <summary>Adds to the model's gradients those of Σ gₜ·log pₜ + eₜ·Hₜ over the branch's targets.</summary>
    public void Differentiate(ReferenceModel model, int[] prompt, TrainingBranch branch, Func<int, (double G, double E)> weights)
    {
        var logits = Logits(model, prompt, branch, out var first);
        var dlogits = new double[logits.Length];
        for (var t = branch.FirstTarget; t < branch.Tokens.Length; t++)
        {
            var at = (first + t - branch.FirstTarget) * config.VocabularySize;
            var (token, (g, e)) = (branch.Tokens[t], weights(t - branch.FirstTarget));
            Slopes(logits.AsSpan(at, config.VocabularySize).ToArray(), moved =>
            {
                var p = Probabilities(moved);
                return (g * Math.Log(p[token])) + (e * -p.Where(x => x > 0).Sum(x => x * Math.Log(x)));
            }).CopyTo(dlogits, at);
        }

        model.Backward(dlogits);
    }

    /// <summary>Adds to the model's gradients those of the mean divergence between teachers and students.</summary>
    /// <returns>The divergence.</returns>
    public double Distil(ReferenceModel model, TrainingGroup[] students, TrainingGroup[] teachers, double mixture)
    {
        var targets = students.Sum(group => group.Branches.Sum(branch => branch.Tokens.Length - branch.FirstTarget));
        var sum = 0.0;
        foreach (var (student, teacher) in students.Zip(teachers))
        {
            foreach (var branch in student.Branches)
            {
                var taught = Distributions(model, teacher.Prompt, branch);
                var logits = Logits(model, student.Prompt, branch, out var first);
                var dlogits = new double[logits.Length];
                for (var t = 0; t < taught.Length; t++)
                {
                    var row = logits.AsSpan((first + t) * config.VocabularySize, config.VocabularySize).ToArray();
                    sum += Divergence(taught[t], row, mixture);
                    Slopes(row, moved => Divergence(taught[t], moved, mixture) / targets).CopyTo(dlogits, (first + t) * config.VocabularySize);
                }

                model.Backward(dlogits);
            }
        }

        return sum / targets;
    }

    /// <summary>Logits of prompt and branch, [N, V], and the row that predicts the branch's first target.</summary>
    private static double[] Logits(ReferenceModel model, int[] prompt, TrainingBranch branch, out int first)
    {
        int[] sequence = [.. prompt, .. branch.Tokens];
        first = prompt.Length + branch.FirstTarget - 1;
        return model.Logits(sequence, new SegmentVisibility([(sequence.Length, -1)]));
    }

    private double[][] Rows(ReferenceModel model, int[] prompt, TrainingBranch branch)
    {
        var logits = Logits(model, prompt, branch, out var first);
        return [.. Enumerable.Range(first, branch.Tokens.Length - branch.FirstTarget).Select(row => logits.AsSpan(row * config.VocabularySize, config.VocabularySize).ToArray())];
    }

    private double[] Probabilities(double[] logits)
    {
        var temperature = options.Temperature > 0 ? options.Temperature : 1;
        var largest = logits.Max();
        var p = logits.Select((logit, v) => options.BannedTokens.Contains(v) ? 0 : Math.Exp((logit - largest) / temperature)).ToArray();
        var sum = p.Sum();
        return [.. p.Select(x => x / sum)];
    }

    private double Divergence(double[] taught, double[] student, double mixture) => taught.Zip(Probabilities(student), (a, b) =>
    {
        var m = (mixture * a) + ((1 - mixture) * b);
        return (mixture * (a > 0 ? a * Math.Log(a / m) : 0)) + ((1 - mixture) * (b > 0 ? b * Math.Log(b / m) : 0));
    }).Sum();

    private static double[] Slopes(double[] row, Func<double[], double> of) => [.. row.Select((value, v) =>
    {
        var moved = (double[])row.Clone();
        moved[v] = value + 1e-5;
        var above = of(moved);
        moved[v] = value - 1e-5;
        return (above - of(moved)) / 2e-5;
    })];
}
