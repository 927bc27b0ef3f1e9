using CoScientist.Core;

namespace CoScientist.Training.Sampling;

/// <summary>One sample while it grows.</summary>
internal sealed class Continuation
{
    private readonly int[] tokens;
    private readonly float[] logProbabilities;
    private readonly ulong[] seen;
    private readonly StopStringMatcher? stops;
    private FinishReason finish = FinishReason.Length;
    private bool ended;
    private float[] probe = [];

    /// <summary>Starts a sample of a prefix.</summary>
    /// <param name="end">What it continues and where its result goes.</param>
    /// <param name="index">Index among the samples of that end.</param>
    /// <param name="vocabulary">Tokens of the model.</param>
    /// <param name="stops">Finds its stop strings; null for none.</param>
    /// <param name="pool">Where its pages come from.</param>
    public Continuation(SampleEnd end, int index, int vocabulary, StopStringMatcher? stops, PagePool pool)
    {
        (End, Index, this.stops) = (end, index, stops);
        var options = end.Options;
        Random = new SeededRandom(end.Seed, end.Branch, index);
        Table = new PageTable(pool);
        tokens = new int[options.MaxNewTokens];
        logProbabilities = new float[options.MaxNewTokens];
        seen = options.RepetitionPenalty == 1 ? [] : new ulong[(vocabulary + 63) / 64];
        for (var prefix = seen.Length == 0 ? null : end.Prefix; prefix is not null; prefix = prefix.Parent)
        {
            foreach (var token in prefix.Tokens)
            {
                seen[token / 64] |= 1UL << (token % 64);
            }
        }
    }

    /// <summary>What it continues.</summary>
    public SampleEnd End { get; }

    /// <summary>Index among the samples of that end.</summary>
    public int Index { get; }

    /// <summary>How its tokens are drawn.</summary>
    public SamplingOptions Options => End.Options;

    /// <summary>Its stream of random numbers.</summary>
    public SeededRandom Random { get; }

    /// <summary>Its pages.</summary>
    public PageTable Table { get; }

    /// <summary>Tokens drawn so far.</summary>
    public int Count { get; private set; }

    /// <summary>The last of them.</summary>
    public int LastToken => tokens[Count - 1];

    /// <summary>Tokens of its prompt and of itself, one bit each; empty unless repetition is penalised.</summary>
    public ReadOnlySpan<ulong> Seen => seen;

    /// <summary>Whether nothing more is drawn; a probe may be left to read.</summary>
    public bool IsComplete => ended || Count == tokens.Length;

    /// <summary>Whether it can leave the batch.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Takes the token that was drawn.</summary>
    public void Take(int token, float logProbability)
    {
        tokens[Count] = token;
        logProbabilities[Count++] = logProbability;
        if (seen.Length > 0)
        {
            seen[token / 64] |= 1UL << (token % 64);
        }

        End.Live?.OnToken(token, logProbability);
        if (Options.EndTokens.AsSpan().Contains(token))
        {
            (ended, finish) = (true, FinishReason.EndToken);
        }
        else if (stops is not null && stops.Add(token))
        {
            (ended, finish) = (true, FinishReason.StopString);
        }
        else if (End.Live is { Cancelled.IsCancellationRequested: true })
        {
            ended = true;
        }

        IsDone = IsComplete && Options.ProbeTokens.Length == 0;
    }

    /// <summary>Takes the probabilities read after the last token, which complete it.</summary>
    public void TakeProbe(float[] probabilities)
    {
        probe = probabilities;
        IsDone = true;
    }

    /// <summary>What was drawn.</summary>
    public SampledSequence Result() => new(
        End.Request, End.Branch, Index, tokens[..Count], logProbabilities[..Count], finish, probe,
        finish == FinishReason.StopString ? stops!.TextBefore(tokens.AsSpan(0, Count)) : null);
}

/// <summary>The end of a prompt or branch, from which samples are drawn.</summary>
/// <param name="Prefix">The tokens up to it.</param>
/// <param name="Request">Index of the request.</param>
/// <param name="Branch">Index of the branch; 0 without branches.</param>
/// <param name="Count">Samples from it.</param>
/// <param name="Seed">Seed of the request.</param>
/// <param name="FirstResult">Index of its first sample among all results.</param>
/// <param name="Options">How its tokens are drawn.</param>
/// <param name="Stops">Its stop strings in UTF-8.</param>
/// <param name="Live">Who hears of it as it grows; its result goes there instead of into the results. Null for requests of a batch.</param>
internal sealed record SampleEnd(Prefix Prefix, int Request, int Branch, int Count, long Seed, int FirstResult, SamplingOptions Options, byte[][] Stops, LiveRequest? Live = null);
