using System.Globalization;
using CoScientist.Core.Runs;

namespace CoScientist.Training.Trainers;

/// <summary>
/// Ends a run that no longer learns anything, with the cause and the remedy; its checkpoints stay. What counts as such:
/// a loss, gradient or entropy that is no number; no readable verdict in <see cref="UngradedSteps"/> steps; no difference within
/// any group in <see cref="SilentSteps"/> steps; and, <see cref="CollapsedSteps"/> steps in a row, a collapse:
/// the loss above twice that of the part's first step and one nat more, an entropy below <see cref="DeadEntropy"/> nats a token,
/// or every plan cut off, each only where the part did not begin so. A healthy run comes nowhere near: its loss stays about or
/// below where it began, its entropy above some hundredths, and its plans end.
/// </summary>
/// <param name="parts">Parts of the run, each with a loss of its own; null takes the run for one part.</param>
internal sealed class RunLimits(IReadOnlyList<RunStage>? parts = null)
{
    /// <summary>Steps without any signal after which a run is hopeless.</summary>
    public const int SilentSteps = 50;

    /// <summary>Steps without one readable grading after which the grader is broken.</summary>
    public const int UngradedSteps = 5;

    /// <summary>Steps of collapse after which a policy does not come back.</summary>
    public const int CollapsedSteps = 5;

    /// <summary>Entropy, nats per token, below which a policy has one answer only.</summary>
    public const double DeadEntropy = 1e-3;

    private static readonly string[] Finite = [RunMetricNames.Loss, RunMetricNames.GradNorm, RunMetricNames.Entropy];

    private readonly Dictionary<string, int> collapsed = new(StringComparer.Ordinal);
    private IReadOnlyDictionary<string, double>? first;
    private int part;
    private int silent;
    private int ungraded;

    /// <summary>Takes in the metrics of a step.</summary>
    /// <exception cref="InvalidDataException">The run cannot go on.</exception>
    public void Check(RunMetrics metrics)
    {
        var values = metrics.Values;
        foreach (var name in Finite)
        {
            if (values.TryGetValue(name, out var value) && !double.IsFinite(value))
            {
                throw new InvalidDataException($"The {Words(name)} is {value.ToString(CultureInfo.InvariantCulture)} at step {metrics.Step}: lower the learning rate or look for broken inputs. The last checkpoint is intact.");
            }
        }

        CheckCollapse(metrics);
        if (!values.TryGetValue(RunMetricNames.GraderFailure, out var failures))
        {
            return;
        }

        ungraded = failures >= 1 ? ungraded + 1 : 0;
        silent = values.GetValueOrDefault(RunMetricNames.ZeroStd) >= 1 ? silent + 1 : 0;
        if (ungraded >= UngradedSteps)
        {
            throw new InvalidDataException($"The grader gave no readable verdict in {UngradedSteps} steps: choose another grader, or see its answers in the run's samples. The last checkpoint is intact.");
        }

        if (silent >= SilentSteps)
        {
            throw new InvalidDataException($"All plans of each goal have earned the same for {SilentSteps} steps, so there is nothing to learn: raise the temperature or groupSize, take a stricter grader, or other goals. The last checkpoint is intact.");
        }
    }

    private static string Words(string metric) => metric switch
    {
        RunMetricNames.GradNorm => "gradient's norm",
        RunMetricNames.Entropy => "entropy",
        _ => "loss",
    };

    private void CheckCollapse(RunMetrics metrics)
    {
        // Evaluations report nothing of the policy's training, and step 0 is before it.
        if (metrics.Step == 0 || !metrics.Values.ContainsKey(RunMetricNames.LearningRate))
        {
            return;
        }

        var now = parts is null ? 0 : parts.TakeWhile(stage => stage.FirstStep < metrics.Step).Count();
        if (first is null || now != part)
        {
            (first, part) = (metrics.Values, now);
            collapsed.Clear();
            return;
        }

        var start = first;
        Count(RunMetricNames.Loss, (loss, before) => loss > (2 * before) + 1, (loss, before) => FormattableString.Invariant($"the loss is {loss:0.###}, and was {before:0.###} at first"));
        Count(RunMetricNames.Entropy, (entropy, before) => entropy < DeadEntropy && before >= DeadEntropy, (entropy, _) => FormattableString.Invariant($"the policy's entropy is {entropy:0.0e+0} nats a token: it has one answer only"));
        Count(RunMetricNames.ClippedRatio, (share, before) => share >= 1 && before < 1, (_, _) => "no plan ends any more");

        void Count(string metric, Func<double, double, bool> broken, Func<double, double, string> words)
        {
            if (!metrics.Values.TryGetValue(metric, out var value) || !start.TryGetValue(metric, out var before))
            {
                return;
            }

            var steps = broken(value, before) ? collapsed.GetValueOrDefault(metric) + 1 : 0;
            collapsed[metric] = steps;
            if (steps >= CollapsedSteps)
            {
                throw new InvalidDataException($"The policy has collapsed: for {CollapsedSteps} steps {words(value, before)}. Lower the learning rate by ten or more and start a new run. The checkpoints are intact; go by the one the judge liked best, for the last may be broken.");
            }
        }
    }
}
