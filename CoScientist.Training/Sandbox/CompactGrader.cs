using CoScientist.Training.Engines;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sampling;

namespace CoScientist.Training.Sandbox;

/// <summary>A plan to be graded.</summary>
/// <param name="Goal">The goal's text.</param>
/// <param name="Plan">The plan's text.</param>
/// <param name="Items">The rubric's items that count.</param>
/// <param name="Reference">One possible solution, which the policy never sees; null grades without it.</param>
public sealed record GradingTask(string Goal, string Plan, IReadOnlyList<string> Items, string? Reference = null);

/// <summary>A grader's word on one item.</summary>
/// <param name="Met">Whether 'ok' is likelier than the threshold.</param>
/// <param name="Probability">Probability of 'ok' among the eight verdicts.</param>
/// <param name="Guideline">0 when met, else the likeliest violated guideline.</param>
/// <param name="Quote">What the grader quoted from the plan.</param>
public sealed record ItemGrade(bool Met, double Probability, int Guideline, string Quote)
{
    /// <summary>Guidelines violated: none when met, all seven when no part of the plan addresses the item (guideline 1), else one.</summary>
    public int Violations => Guideline switch { 0 => 0, 1 => 7, _ => 1 };
}

/// <summary>Grades by the compact protocol: the verdict is read from token likelihoods, so every grading is readable.</summary>
/// <param name="engine">The grader's weights; never those in training.</param>
/// <param name="threshold">An item is met when P(ok) exceeds it. Calibrated when the base model was built.</param>
/// <param name="showReference">Whether the goals' reference solutions are shown when it grades the plans of a run. Default false.</param>
public sealed class CompactGrader(ISamplingEngine engine, double threshold, bool showReference = false) : IPlanGrader
{
    private readonly CompactProtocol protocol = new(engine.Tokenizer);

    /// <inheritdoc/>
    public IReadOnlyList<PlanGrading> Grade(IReadOnlyList<PlanToGrade> plans, CancellationToken cancellationToken)
    {
        var tasks = plans.Select(plan => new GradingTask(plan.Goal.Text, plan.Text, [.. plan.Goal.Items.Select(item => item.Text)], showReference ? plan.Goal.ReferenceSolution : null)).ToArray();
        var readable = tasks.Select(Fits).ToArray();
        var grades = new Queue<IReadOnlyList<ItemGrade>>(Grade([.. tasks.Where((_, i) => readable[i])], cancellationToken));
        return [.. plans.Select((plan, i) => readable[i]
            ? PlanGrading.Of(plan, [.. grades.Dequeue().Select(grade => Verdict(grade.Guideline) with { Probability = grade.Probability, Reason = grade.Quote })])
            : PlanGrading.Ungraded(plan, $"the plan is longer than the {engine.Config.MaxPositions} tokens that the grader can read"))];
    }

    /// <summary>Grades of every item of every task, in order.</summary>
    public IReadOnlyList<IReadOnlyList<ItemGrade>> Grade(IReadOnlyList<GradingTask> tasks, CancellationToken cancellationToken)
    {
        var requests = tasks.Select(task => new SampleRequest
        {
            Prompt = protocol.GradePrompt(task.Goal, task.Plan, task.Reference),
            Branches = [.. task.Items.Select(protocol.Item)],
        }).ToArray();
        var options = new SamplingOptions { Temperature = 0, MaxNewTokens = 2, ProbeTokens = protocol.VerdictTokens };
        var grades = tasks.Select(task => new ItemGrade[task.Items.Count]).ToArray();
        foreach (var sample in engine.Sample(requests, options, cancellationToken))
        {
            grades[sample.Request][sample.Branch] = Read(sample);
        }

        return grades;
    }

    /// <summary>The one guideline of a compact verdict: 0 when met; 1, 'handles all criteria', says that nothing addresses the item, which violates all seven.</summary>
    internal static ItemVerdict Verdict(int guideline) => guideline switch
    {
        0 => new ItemVerdict(Met: true, [], 0),
        1 => new ItemVerdict(Met: false, [1], Core.Grading.ItemOutcome.Guidelines),
        _ => new ItemVerdict(Met: false, [guideline], 1),
    };

    // After the item come two quoted words and the verdict.
    private bool Fits(GradingTask task) =>
        protocol.GradePrompt(task.Goal, task.Plan, task.Reference).Length + task.Items.Max(item => protocol.Item(item).Length) + 3 <= engine.Config.MaxPositions;

    private ItemGrade Read(SampledSequence sample)
    {
        var met = sample.Probe[0] > threshold;
        var guideline = 1;
        for (var g = 2; g < sample.Probe.Length; g++)
        {
            if (sample.Probe[g] > sample.Probe[guideline])
            {
                guideline = g;
            }
        }

        return new ItemGrade(met, sample.Probe[0], met ? 0 : guideline, protocol.QuoteText(sample.Tokens));
    }
}
