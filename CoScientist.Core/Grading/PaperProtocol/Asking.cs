using CoScientist.Core.TextModels;

namespace CoScientist.Core.Grading.PaperProtocol;

/// <summary>
/// How judges are asked: greedily, so that a judge does not argue with itself. An answer that cannot be read is asked for again
/// with other seeds and a little temperature, as greedy decoding would repeat itself.
/// </summary>
internal static class Asking
{
    private const double RetryTemperature = 0.3;

    /// <summary>Asks; in order, what was read of each prompt's answer, or of the last one when none of them can be read.</summary>
    /// <param name="model">Who is asked.</param>
    /// <param name="prompts">The questions.</param>
    /// <param name="options">Most tokens, and the seed of the first try; later ones take the next seeds.</param>
    /// <param name="retries">Times an unreadable answer is asked for again.</param>
    /// <param name="read">Reads an answer to the prompt of an index.</param>
    /// <param name="isRead">Whether the answer could be read.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="TextModelException">The model cannot be reached or refuses.</exception>
    public static async Task<T[]> UntilReadAsync<T>(ITextModel model, IReadOnlyList<TextPrompt> prompts, TextSamplingOptions options, int retries, Func<TextCompletion, int, T> read, Func<T, bool> isRead, CancellationToken cancellationToken)
    {
        var readings = new T[prompts.Count];
        var rejected = prompts.Select(_ => new List<TextCompletion>()).ToArray();
        List<int> open = [.. Enumerable.Range(0, prompts.Count)];
        for (var attempt = 0; attempt <= retries && open.Count > 0; attempt++)
        {
            // A batch gives each prompt a seed of its own: the next try starts behind them.
            var now = options with { Temperature = attempt == 0 ? 0 : RetryTemperature, Seed = options.Seed + ((long)attempt * prompts.Count) };
            var answers = await model.CompleteAsync([.. open.Select(index => prompts[index])], now, cancellationToken);
            var unread = new List<int>();
            foreach (var (index, answer) in open.Zip(answers))
            {
                readings[index] = read(answer, index);

                // Where no answer could be had, every try has been made already.
                if (!isRead(readings[index]) && answer.Failure is null)
                {
                    unread.Add(index);
                    rejected[index].Add(answer);
                }
            }

            open = unread;
        }

        // Asked again another day, the model may do better; kept answers would stay unreadable.
        foreach (var answer in open.SelectMany(index => rejected[index]))
        {
            await answer.RejectAsync("it is not in the form that was asked for", cancellationToken);
        }

        return readings;
    }
}
