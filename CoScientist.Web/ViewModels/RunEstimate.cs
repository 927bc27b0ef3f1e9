using CoScientist.Core.Runs;

namespace CoScientist.Web.ViewModels;

/// <summary>How long a run may take, by the pace of one that was timed.</summary>
/// <param name="Duration">At most about this long.</param>
/// <param name="Run">The run whose pace it is.</param>
public sealed record RunEstimate(TimeSpan Duration, string Run)
{
    /// <summary>Counts plans: those trained on, those of each judged evaluation, and four a goal at the end (base and best, sampled and greedy), each as dear as a trained one.</summary>
    /// <param name="spec">What is to run.</param>
    /// <param name="timed">A run of the same model.</param>
    /// <param name="secondsPerStep">Its mean training step.</param>
    public static RunEstimate Of(RunSpec spec, Run timed, double secondsPerStep)
    {
        var reference = timed.Spec;
        var perPlan = secondsPerStep / (reference.GoalsPerStep * reference.GroupSize);
        var trained = (double)spec.Steps * spec.GoalsPerStep * spec.GroupSize;
        var judged = (1 + Math.Ceiling((double)spec.Steps / spec.EvaluateEvery)) * spec.ValidationGoals;
        return new RunEstimate(TimeSpan.FromSeconds(perPlan * (trained + judged + (4.0 * spec.TestGoals))), timed.Name);
    }
}
