using System.Globalization;
using CoScientist.Core.Runs;

namespace CoScientist.Training.Trainers;

/// <summary>Ends a run that no longer learns anything, with the cause and the remedy; its checkpoints stay.</summary>
internal sealed class RunLimits
{
    /// <summary>Steps without any signal after which a run is hopeless.</summary>
    public const int SilentSteps = 50;

    /// <summary>Steps without one readable grading after which the grader is broken.</summary>
    public const int UngradedSteps = 5;

    private int silent;
    private int ungraded;

    /// <summary>Takes in the metrics of a step.</summary>
    /// <exception cref="InvalidDataException">The run cannot go on.</exception>
    public void Check(RunMetrics metrics)
    {
        if (metrics.Values.TryGetValue(RunMetricNames.Loss, out var loss) && !double.IsFinite(loss))
        {
            throw new InvalidDataException($"The loss is {loss.ToString(CultureInfo.InvariantCulture)} at step {metrics.Step}: lower the learning rate or look for broken inputs. The last checkpoint is intact.");
        }

        if (!metrics.Values.TryGetValue(RunMetricNames.GraderFailure, out var failures))
        {
            return;
        }

        ungraded = failures >= 1 ? ungraded + 1 : 0;
        silent = metrics.Values.GetValueOrDefault(RunMetricNames.ZeroStd) >= 1 ? silent + 1 : 0;
        if (ungraded >= UngradedSteps)
        {
            throw new InvalidDataException($"The grader gave no readable verdict in {UngradedSteps} steps: choose another grader, or see its answers in the run's samples. The last checkpoint is intact.");
        }

        if (silent >= SilentSteps)
        {
            throw new InvalidDataException($"All plans of each goal have earned the same for {SilentSteps} steps, so there is nothing to learn: raise the temperature or groupSize, take a stricter grader, or other goals. The last checkpoint is intact.");
        }
    }
}
