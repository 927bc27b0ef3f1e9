namespace CoScientist.Training.Sampling;

/// <summary>One sample of a running batch while it grows, with the pages that hold what it has read.</summary>
internal sealed class Continuation : SampleDraft
{
    /// <summary>Starts a sample of a prefix.</summary>
    /// <param name="end">What it continues and where its result goes.</param>
    /// <param name="index">Index among the samples of that end.</param>
    /// <param name="vocabulary">Tokens of the model.</param>
    /// <param name="stops">Finds its stop strings; null for none.</param>
    /// <param name="pool">Where its pages come from.</param>
    public Continuation(SampleEnd end, int index, int vocabulary, StopStringMatcher? stops, PagePool pool)
        : base(new SamplePlace(end.Request, end.Branch, index), end.Seed, end.Options, vocabulary, stops)
    {
        (End, Index) = (end, index);
        Table = new PageTable(pool);
        for (var prefix = end.Prefix; prefix is not null; prefix = prefix.Parent)
        {
            See(prefix.Tokens);
        }
    }

    /// <summary>What it continues.</summary>
    public SampleEnd End { get; }

    /// <summary>Index among the samples of that end.</summary>
    public int Index { get; }

    /// <summary>Its pages.</summary>
    public PageTable Table { get; }

    /// <inheritdoc/>
    protected override bool IsGivenUp(int token, float logProbability)
    {
        End.Live?.OnToken(token, logProbability);
        return End.Live is { Cancelled.IsCancellationRequested: true };
    }
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
