namespace CoScientist.Training.Sampling;

/// <summary>Reads tokens and says what may follow, with a memory of what it has read: all that another runtime brings along to sample by <see cref="DecoderSampling"/>.</summary>
internal interface IDecoder
{
    /// <summary>Sequences that it can hold at once, when each comes to so many tokens; at least 1.</summary>
    int RowsFor(int length);

    /// <summary>Forgets everything and reads sequences.</summary>
    /// <param name="sequences">The sequences, each with a token at least.</param>
    /// <param name="logits">Receives what may follow each, [sequences, V].</param>
    void Read(IReadOnlyList<int[]> sequences, Span<float> logits);

    /// <summary>Goes on: sequence i becomes a copy of <paramref name="parents"/>[i] with one more token; all others are forgotten.</summary>
    /// <param name="parents">Sequences of the last call.</param>
    /// <param name="tokens">The token that each is continued by.</param>
    /// <param name="logits">Receives what may follow each, [sequences, V].</param>
    void Continue(ReadOnlySpan<int> parents, ReadOnlySpan<int> tokens, Span<float> logits);
}
