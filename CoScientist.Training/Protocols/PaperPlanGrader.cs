using CoScientist.Core.Grading;
using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Core.Runs;
using CoScientist.Core.TextModels;

namespace CoScientist.Training.Protocols;

/// <summary>
/// Grades by the paper's text protocol: a model server, or a checkpoint that writes its gradings. What cannot be read is asked
/// for once more and then left ungraded.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="spec">How it is asked.</param>
/// <param name="seed">Seed of the first try.</param>
/// <param name="parallel">Requests under way at once; 0 hands over all of them as one batch, for models that batch by themselves.</param>
public sealed class PaperPlanGrader(ITextModel model, GradingSpec spec, long seed, int parallel = 0) : IPlanGrader
{
    private const int Retries = 1;

    private readonly PaperGrader grader = new(model, Retries, spec.MaxNewTokens);

    /// <inheritdoc/>
    public IReadOnlyList<PlanGrading> Grade(IReadOnlyList<PlanToGrade> plans, CancellationToken cancellationToken)
    {
        // Each question covers some of a plan's items: all, or one.
        var questions = plans.SelectMany((plan, p) => spec.Items == ItemQuestions.Together
            ? [new Question(p, 0, plan.Goal.Items.Count)]
            : plan.Goal.Items.Select((_, k) => new Question(p, k, 1))).ToArray();
        var tasks = questions.Select(question => Task(plans[question.Plan], question)).ToArray();

        // Training has a thread of its own and waits for its rewards.
        var answers = (parallel == 0 ? grader.GradeAsync(tasks, seed, cancellationToken) : GradeEachAsync(tasks, cancellationToken)).GetAwaiter().GetResult();
        var verdicts = plans.Select(plan => new ItemVerdict?[plan.Goal.Items.Count]).ToArray();
        var failures = new string?[plans.Count];
        foreach (var (question, answer) in questions.Zip(answers))
        {
            failures[question.Plan] ??= answer.Failure;
            for (var k = 0; k < answer.Verdicts.Count; k++)
            {
                verdicts[question.Plan][question.First + k] = Verdict(answer.Verdicts[k]);
            }
        }

        return [.. plans.Select((plan, p) => PlanGrading.Of(plan, verdicts[p], failures[p]))];
    }

    private static ItemVerdict Verdict(PaperVerdict verdict) => new(verdict.Met, verdict.Violated, verdict.Violated.Count, Probability: null, verdict.Reasoning);

    private PaperGradingTask Task(PlanToGrade plan, Question question) => new(
        plan.Goal.Text,
        [.. plan.Goal.Items.Skip(question.First).Take(question.Count).Select(item => item.Text)],
        spec.Reference ? plan.Goal.ReferenceSolution : null,
        plan.Text);

    /// <summary>One request for each question, so that a server's fault costs no other; but a server that answers nothing at all is an error.</summary>
    private async Task<IReadOnlyList<PaperGrading>> GradeEachAsync(PaperGradingTask[] tasks, CancellationToken cancellationToken)
    {
        var gradings = new PaperGrading[tasks.Length];
        var faults = new TextModelException?[tasks.Length];
        var options = new ParallelOptions { MaxDegreeOfParallelism = parallel, CancellationToken = cancellationToken };
        await Parallel.ForAsync(0, tasks.Length, options, async (i, token) =>
        {
            for (var attempt = 0; attempt <= Retries && gradings[i] is null; attempt++)
            {
                try
                {
                    gradings[i] = (await grader.GradeAsync([tasks[i]], seed + i, token))[0];
                }
                catch (TextModelException fault)
                {
                    faults[i] = fault;
                }
            }
        });
        var unanswered = faults.Where((_, i) => gradings[i] is null).ToArray();
        if (unanswered.Length == tasks.Length && tasks.Length > 0)
        {
            throw unanswered[0]!;
        }

        return [.. gradings.Select((grading, i) => grading ?? PaperGrading.Unreadable(faults[i]!.Message))];
    }

    private readonly record struct Question(int Plan, int First, int Count);
}
