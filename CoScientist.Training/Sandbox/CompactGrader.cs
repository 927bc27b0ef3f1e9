using CoScientist.Training.Engines;
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
public sealed class CompactGrader(IPolicyEngine engine, double threshold)
{
    private readonly CompactProtocol protocol = new(engine.Tokenizer);

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
