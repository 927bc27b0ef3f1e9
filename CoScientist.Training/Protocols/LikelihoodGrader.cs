using CoScientist.Core.Grading;
using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Training.Engines;
using CoScientist.Training.Sampling;

namespace CoScientist.Training.Protocols;

/// <summary>
/// Grades by the likelihood of a digit as the answer's first token (<see cref="PaperPrompts.GradeItem"/>): nothing is written, and
/// every grading that fits the model is readable. Goal, reference and plan are read once; the items branch from them.
/// </summary>
public sealed class LikelihoodGrader : IPlanGrader
{
    private const int Verdicts = 9;
    private const int NotAddressed = 8;
    private readonly ISamplingEngine engine;
    private readonly ChatFormat chat;
    private readonly bool showReference;
    private readonly double threshold;
    private readonly int[] digits;

    /// <summary>A grader around a checkpoint.</summary>
    /// <param name="engine">Its weights.</param>
    /// <param name="chat">How it is spoken to.</param>
    /// <param name="showReference">Whether it is shown the reference solution.</param>
    /// <param name="threshold">An item is met when P(no guideline violated) exceeds it; see <see cref="Core.Runs.GradingSpec.Threshold"/>.</param>
    /// <exception cref="InvalidDataException">The tokenizer has no token of its own for a digit.</exception>
    public LikelihoodGrader(ISamplingEngine engine, ChatFormat chat, bool showReference, double threshold = 0.5)
    {
        (this.engine, this.chat, this.showReference, this.threshold) = (engine, chat, showReference, threshold);
        var tokens = Enumerable.Range(0, Verdicts).Select(digit => chat.Tokenizer.Encode(((char)('0' + digit)).ToString())).ToArray();
        digits = tokens.All(token => token.Length == 1)
            ? [.. tokens.Select(token => token[0])]
            : throw new InvalidDataException("The grader's tokenizer has no token of its own for each digit, so that the likelihood of a verdict cannot be read: set grading.verdicts to \"answer\".");
    }

    /// <inheritdoc/>
    public IReadOnlyList<PlanGrading> Grade(IReadOnlyList<PlanToGrade> plans, CancellationToken cancellationToken)
    {
        var prompts = plans.Select(Prompts).ToArray();
        var readable = Enumerable.Range(0, plans.Count).Where(p => prompts[p].Max(prompt => prompt.Length) < engine.Config.MaxPositions).ToArray();
        var verdicts = plans.Select(plan => new ItemVerdict?[plan.Goal.Items.Count]).ToArray();
        var options = new SamplingOptions { Temperature = 0, MaxNewTokens = 0, ProbeTokens = digits };
        foreach (var sample in engine.Sample([.. readable.Select(p => Branched(prompts[p]))], options, cancellationToken))
        {
            verdicts[readable[sample.Request]][sample.Branch] = Verdict(sample.Probe);
        }

        return [.. plans.Select((plan, p) => Array.IndexOf(readable, p) >= 0
            ? PlanGrading.Of(plan, verdicts[p])
            : PlanGrading.Ungraded(plan, $"the plan is longer than the {engine.Config.MaxPositions} tokens that the grader can read"))];
    }

    /// <summary>Prompts as what they share and what each adds: the same tokens, whatever the template puts where.</summary>
    internal static SampleRequest Branched(IReadOnlyList<int[]> prompts)
    {
        var shared = prompts.Min(prompt => prompt.Length) - 1;
        foreach (var prompt in prompts)
        {
            shared = Math.Min(shared, prompt.AsSpan().CommonPrefixLength(prompts[0]));
        }

        return new SampleRequest { Prompt = prompts[0][..shared], Branches = [.. prompts.Select(prompt => prompt[shared..])] };
    }

    private ItemVerdict Verdict(float[] probabilities)
    {
        if (probabilities[0] > threshold)
        {
            return new ItemVerdict(Met: true, [], 0, probabilities[0]);
        }

        var likeliest = 1;
        for (var digit = 2; digit < Verdicts; digit++)
        {
            likeliest = probabilities[digit] > probabilities[likeliest] ? digit : likeliest;
        }

        return likeliest == NotAddressed
            ? new ItemVerdict(Met: false, [.. Enumerable.Range(1, ItemOutcome.Guidelines)], ItemOutcome.Guidelines, probabilities[0])
            : new ItemVerdict(Met: false, [likeliest], 1, probabilities[0]);
    }

    private int[][] Prompts(PlanToGrade plan)
    {
        var task = new PaperGradingTask(plan.Goal.Text, [.. plan.Goal.Items.Select(item => item.Text)], showReference ? plan.Goal.ReferenceSolution : null, plan.Text);
        return [.. task.Items.Select((_, item) => chat.Prompt(PaperPrompts.GradeItem(task, item), thinking: false))];
    }
}
