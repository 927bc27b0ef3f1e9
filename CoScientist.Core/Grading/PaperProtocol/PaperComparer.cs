using CoScientist.Core.TextModels;

namespace CoScientist.Core.Grading.PaperProtocol;

/// <summary>
/// Has pairs of plans judged by a text model, each in both orders, as <see cref="PaperGrader"/> has plans graded; what cannot be
/// read is left unread.
/// </summary>
/// <param name="model">The judge.</param>
public sealed class PaperComparer(ITextModel model)
{
    private const int MaxTokens = 4096;

    /// <summary>Judges the pairs, in order.</summary>
    /// <param name="pairs">Pairs of plans with their goals.</param>
    /// <param name="seed">Seed of the first try; later ones take the next seeds.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="TextModelException">The model cannot be reached or refuses.</exception>
    public async Task<IReadOnlyList<PairVerdict>> CompareAsync(IReadOnlyList<PaperComparisonTask> pairs, long seed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        PaperComparisonTask[] tasks = [.. pairs, .. pairs.Select(pair => pair.Exchanged)];
        var read = await Asking.UntilReadAsync(
            model,
            [.. tasks.Select(PaperPrompts.Compare)],
            new TextSamplingOptions { MaxTokens = MaxTokens, Seed = seed },
            PaperGrader.Retries,
            (answer, _) => PaperComparisonParser.Parse(answer),
            comparison => comparison.Failure is null,
            cancellationToken);
        return [.. pairs.Select((_, i) => new PairVerdict(read[i].Choice, Back(read[pairs.Count + i].Choice)))];
    }

    // From the place in the exchanged prompt to the plan.
    private static PairChoice? Back(PairChoice? choice) => choice switch
    {
        PairChoice.First => PairChoice.Second,
        PairChoice.Second => PairChoice.First,
        _ => choice,
    };
}
