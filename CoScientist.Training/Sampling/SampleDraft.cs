using CoScientist.Core;
using CoScientist.Training.Kernels;
using CoScientist.Training.Model;

namespace CoScientist.Training.Sampling;

/// <summary>Whose sample it is: index of the request, of the branch (0 without branches), and among the samples of that branch.</summary>
internal readonly record struct SamplePlace(int Request, int Branch, int Sample);

/// <summary>One sample while it grows: how its tokens are drawn from logits, whatever computes those, and when it ends.</summary>
internal unsafe class SampleDraft
{
    private readonly SamplePlace place;
    private readonly SeededRandom random;
    private readonly int vocabulary;
    private readonly int[] tokens;
    private readonly float[] logProbabilities;
    private readonly ulong[] seen;
    private readonly StopStringMatcher? stops;
    private FinishReason finish = FinishReason.Length;
    private bool ended;
    private float[] probe = [];

    /// <summary>An empty sample.</summary>
    /// <param name="place">Whose it is; its stream of random numbers depends on it.</param>
    /// <param name="seed">Seed of the request.</param>
    /// <param name="options">How its tokens are drawn.</param>
    /// <param name="vocabulary">Tokens of the model.</param>
    /// <param name="stops">Finds its stop strings; null for none.</param>
    public SampleDraft(SamplePlace place, long seed, SamplingOptions options, int vocabulary, StopStringMatcher? stops)
    {
        (this.place, this.vocabulary, this.stops, Options) = (place, vocabulary, stops, options);
        random = new SeededRandom(seed, place.Branch, place.Sample);
        tokens = new int[options.MaxNewTokens];
        logProbabilities = new float[options.MaxNewTokens];
        seen = options.RepetitionPenalty == 1 ? [] : new ulong[(vocabulary + 63) / 64];
    }

    /// <summary>How its tokens are drawn.</summary>
    public SamplingOptions Options { get; }

    /// <summary>Tokens drawn so far.</summary>
    public int Count { get; private set; }

    /// <summary>The last of them.</summary>
    public int LastToken => tokens[Count - 1];

    /// <summary>Whether nothing more is drawn; a probe may be left to read.</summary>
    public bool IsComplete => ended || Count == tokens.Length;

    /// <summary>Whether it needs no more logits.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Turns logits [V] into the row that <see cref="Draw"/> reads.</summary>
    /// <returns>log of the sum over the row.</returns>
    /// <exception cref="InvalidDataException">The logits are not finite.</exception>
    public static float Distribution(float* logits, int vocabulary, SamplingOptions options, float* row)
    {
        LogitRow.Distribution(logits, vocabulary, options.BannedTokens, options.Temperature > 0 ? (float)(1 / options.Temperature) : 1, row);
        var normaliser = LogitRow.Normaliser(row, vocabulary, out _);
        return float.IsFinite(normaliser)
            ? normaliser
            : throw new InvalidDataException("The model gives no finite probabilities: its weights are damaged or training has diverged. Go back to an earlier checkpoint.");
    }

    /// <summary>Counts tokens that it continues among those that a repetition penalty makes less likely.</summary>
    public void See(ReadOnlySpan<int> read)
    {
        if (seen.Length > 0)
        {
            foreach (var token in read)
            {
                seen[token / 64] |= 1UL << (token % 64);
            }
        }
    }

    /// <summary>Draws the next token, or reads the probe where it is complete.</summary>
    /// <param name="row">What follows the last token, by <see cref="Distribution"/>.</param>
    /// <param name="penalised">Room for another such row.</param>
    /// <param name="normaliser">log of the sum over the row.</param>
    public void Draw(float* row, float* penalised, float normaliser)
    {
        if (IsComplete)
        {
            probe = TokenChoice.Probe(row, Options.ProbeTokens);
            IsDone = true;
            return;
        }

        var from = row;
        var total = normaliser;
        if (seen.Length > 0)
        {
            from = penalised;
            var bytes = (long)MatMul.Padded(vocabulary) * sizeof(float);
            Buffer.MemoryCopy(row, from, bytes, bytes);
            TokenChoice.Penalise(from, seen, (float)Options.RepetitionPenalty);
            total = LogitRow.Normaliser(from, vocabulary, out _);
        }

        var token = Options switch
        {
            { Temperature: 0 } => TokenChoice.Best(from, vocabulary),
            { Truncates: true } => TokenChoice.DrawFiltered(from, vocabulary, total, Options, random.NextDouble()),
            _ => TokenChoice.Draw(from, vocabulary, total, random.NextDouble()),
        };
        Take(token, row[token] - normaliser);
    }

    /// <summary>What was drawn.</summary>
    public SampledSequence Result() => new(
        place.Request, place.Branch, place.Sample, tokens[..Count], logProbabilities[..Count], finish, probe,
        finish == FinishReason.StopString ? stops!.TextBefore(tokens.AsSpan(0, Count)) : null);

    /// <summary>Hears of each token drawn; true ends the sample there.</summary>
    protected virtual bool IsGivenUp(int token, float logProbability) => false;

    private void Take(int token, float logProbability)
    {
        tokens[Count] = token;
        logProbabilities[Count++] = logProbability;
        See([token]);
        var givenUp = IsGivenUp(token, logProbability);
        if (Options.EndTokens.AsSpan().Contains(token))
        {
            (ended, finish) = (true, FinishReason.EndToken);
        }
        else if (stops is not null && stops.Add(token))
        {
            (ended, finish) = (true, FinishReason.StopString);
        }
        else
        {
            ended = givenUp;
        }

        IsDone = IsComplete && Options.ProbeTokens.Length == 0;
    }
}
