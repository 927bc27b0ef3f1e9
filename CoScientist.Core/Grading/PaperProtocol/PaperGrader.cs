using CoScientist.Core.TextModels;

namespace CoScientist.Core.Grading.PaperProtocol;

/// <summary>
/// Grades plans by the text protocol. Gradings are greedy, so that a grader does not argue with itself; one that cannot be
/// read is asked for again with other seeds and a little temperature (greedy decoding would repeat itself), and
/// stays ungraded when none of the answers can be read.
/// </summary>
/// <param name="model">The grader.</param>
/// <param name="retries">Times an unreadable grading is asked for again. Default <see cref="Retries"/>.</param>
/// <param name="maxTokens">Most tokens of an answer. Default 8,192.</param>
public sealed class PaperGrader(ITextModel model, int retries = PaperGrader.Retries, int maxTokens = 8192)
{
    /// <summary>Times an unreadable grading is asked for again.</summary>
    public const int Retries = 2;

    private const double RetryTemperature = 0.3;

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
        var gradings = new PaperGrading[tasks.Count];
        List<int> open = [.. Enumerable.Range(0, tasks.Count)];
        for (var attempt = 0; attempt <= retries && open.Count > 0; attempt++)
        {
            // A batch gives each prompt a seed of its own: the next try starts behind them.
            var options = new TextSamplingOptions { Temperature = attempt == 0 ? 0 : RetryTemperature, MaxTokens = maxTokens, Seed = seed + ((long)attempt * tasks.Count) };
            var answers = await model.CompleteAsync([.. open.Select(index => PaperPrompts.Grade(tasks[index]))], options, cancellationToken);
            foreach (var (index, answer) in open.Zip(answers))
            {
                gradings[index] = PaperGradingParser.Parse(answer, tasks[index].Items.Count);
            }

            open = open.FindAll(index => gradings[index].Failure is not null);
        }

        foreach (var index in open)
        {
            gradings[index] = PaperGrading.Unreadable($"unreadable {retries + 1} times; at last {gradings[index].Failure}");
        }

        return gradings;
    }
}
