using CoScientist.Core.TextModels;

namespace CoScientist.Core.Grading.PaperProtocol;

/// <summary>
/// Grades plans by the text protocol, greedily at first (see <see cref="Asking"/>); a plan stays ungraded when none of the answers
/// can be read.
/// </summary>
/// <param name="model">The grader.</param>
/// <param name="retries">Times an unreadable grading is asked for again. Default <see cref="Retries"/>.</param>
/// <param name="maxTokens">Most tokens of an answer. Default 8,192.</param>
public sealed class PaperGrader(ITextModel model, int retries = PaperGrader.Retries, int maxTokens = 8192)
{
    /// <summary>Times an unreadable grading is asked for again.</summary>
    public const int Retries = 2;

    /// <summary>Name of the grader.</summary>
    public string Name => model.Name;

    /// <summary>Grades the plans, in order.</summary>
    /// <param name="tasks">Plans with goal, rubric and reference.</param>
    /// <param name="seed">Seed of the first try; later ones take the next seeds.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="TextModelException">The model cannot be reached or refuses.</exception>
    public async Task<IReadOnlyList<PaperGrading>> GradeAsync(IReadOnlyList<PaperGradingTask> tasks, long seed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        var unanswered = new bool[tasks.Count];
        var gradings = await Asking.UntilReadAsync(
            model,
            [.. tasks.Select(PaperPrompts.Grade)],
            new TextSamplingOptions { MaxTokens = maxTokens, Seed = seed },
            retries,
            (answer, index) =>
            {
                unanswered[index] = answer.Failure is not null;
                return PaperGradingParser.Parse(answer, tasks[index].Items.Count);
            },
            grading => grading.Failure is null,
            cancellationToken);
        return [.. gradings.Select((grading, index) => grading.Failure is null || unanswered[index] ? grading : PaperGrading.Unreadable($"unreadable {retries + 1} times; at last {grading.Failure}"))];
    }
}
