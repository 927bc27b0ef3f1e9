using CoScientist.Core.TextModels;

namespace CoScientist.Core.Grading.PaperProtocol;

/// <summary>
/// Has pairs of plans judged by a text model, each in both orders. Greedy at first; an answer that cannot be read is asked for
/// again with other seeds and a little temperature, as <see cref="PaperGrader"/> does, and then left unread.
/// </summary>
/// <param name="model">The judge.</param>
public sealed class PaperComparer(ITextModel model)
{
    private const double RetryTemperature = 0.3;
    private const int MaxTokens = 4096;

    /// <summary>Name of the judge.</summary>
    public string Name => model.Name;

    /// <summary>Judges the pairs, in order.</summary>
    /// <param name="pairs">Pairs of plans with their goals.</param>
    /// <param name="seed">Seed of the first try; later ones take the next seeds.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="TextModelException">The model cannot be reached or refuses.</exception>
    public async Task<IReadOnlyList<PairVerdict>> CompareAsync(IReadOnlyList<PaperComparisonTask> pairs, long seed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        PaperComparisonTask[] tasks = [.. pairs, .. pairs.Select(pair => pair.Exchanged)];
        var choices = new PairChoice?[tasks.Length];
        List<int> open = [.. Enumerable.Range(0, tasks.Length)];
        for (var attempt = 0; attempt <= PaperGrader.Retries && open.Count > 0; attempt++)
        {
            var options = new TextSamplingOptions { Temperature = attempt == 0 ? 0 : RetryTemperature, MaxTokens = MaxTokens, Seed = seed + ((long)attempt * tasks.Length) };
            var answers = await model.CompleteAsync([.. open.Select(index => PaperPrompts.Compare(tasks[index]))], options, cancellationToken);
            foreach (var (index, answer) in open.Zip(answers))
            {
                choices[index] = PaperComparisonParser.Parse(answer).Choice;
            }

            open = open.FindAll(index => choices[index] is null);
        }

        return [.. pairs.Select((_, i) => new PairVerdict(choices[i], Back(choices[pairs.Count + i])))];
    }

    // From the place in the exchanged prompt to the plan.
    private static PairChoice? Back(PairChoice? choice) => choice switch
    {
        PairChoice.First => PairChoice.Second,
        PairChoice.Second => PairChoice.First,
        _ => choice,
    };
}
