using CoScientist.Core.Runs;
using CoScientist.Training.Sampling;

namespace CoScientist.Training.Trainers;

/// <summary>Tokens whose keys and values a run would cache if it wrote and graded all plans of a step, or of an evaluation, together.</summary>
/// <param name="spec">The run.</param>
/// <param name="data">Its goals.</param>
/// <param name="prompt">Tokens of the longest prompt for a plan.</param>
/// <param name="taught">Tokens of the longest goal with its rubric.</param>
internal sealed class CachedTokens(RunSpec spec, RunData data, int prompt, int taught)
{
    private static readonly SamplerLimits Limits = new();

    /// <summary>Tokens of the policy's cache.</summary>
    /// <param name="share">Part of the plans that are held at once; one plan always is.</param>
    public int OfPolicy(double share) => Part(Math.Max(Evaluated(), spec.Parts().Max(Trained)), share, Pages(prompt) + Pages(spec.MaxNewTokens));

    /// <summary>Tokens of the cache of a grader, a judge or a model that is evaluated.</summary>
    /// <param name="share">Part of the plans that are held at once; one plan always is.</param>
    public int OfReader(double share)
    {
        // A grader reads goal, rubric, reference and plan, and may write about them, or branches into the items.
        var items = data.Train.Concat(data.Validation).Concat(data.Test).Max(goal => goal.Items.Count);
        var plan = Pages((2 * taught) + spec.MaxNewTokens);
        var (samples, branches) = spec.Data.Sandbox || spec.Grading.Verdicts == VerdictReading.Likelihood ? (items, items * Pages(Limits.PageTokens))
            : spec.Grading.Items == ItemQuestions.Separately ? (items, (items - 1) * plan + (items * Pages(spec.Grading.MaxNewTokens)))
            : (1, Pages(spec.Grading.MaxNewTokens));
        var plans = Math.Min((Limits.Rows / samples) + 1, spec.Parts().Select(Plans).Append(Math.Max(data.Validation.Count, data.Test.Count)).Max());
        return Part(Math.Max(Evaluated(), plans * (plan + branches)), share, plan + branches);
    }

    private static int Part(long tokens, double share, long one) => (int)Math.Min(int.MaxValue / 2, Math.Max(one, (long)(tokens * share)));

    /// <summary>Pages are filled by one text each and rarely to the end.</summary>
    private static long Pages(int tokens) => tokens + (2L * Limits.PageTokens);

    private static int GroupOf(string method, RunSpec spec) => method switch { "grpo" => spec.GroupSize, "opsd" => spec.Opsd.PlansPerGoal, _ => 0 };

    private int Plans(RunStage part) => Math.Min(Limits.Rows, spec.GoalsPerStep * GroupOf(part.Method, spec));

    /// <summary>The plans of a goal share its prompt.</summary>
    private long Trained(RunStage part)
    {
        var plans = Plans(part);
        return plans == 0 ? 0 : (plans * Pages(spec.MaxNewTokens)) + (((plans / GroupOf(part.Method, spec)) + 1) * Pages(prompt));
    }

    /// <summary>In evaluations each goal has one plan.</summary>
    private long Evaluated() => Math.Min(Limits.Rows, Math.Max(data.Validation.Count, data.Test.Count)) * (Pages(prompt) + Pages(spec.MaxNewTokens));
}
