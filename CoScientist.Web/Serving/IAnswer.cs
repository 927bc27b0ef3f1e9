using CoScientist.Training.Sampling;

namespace CoScientist.Web.Serving;

/// <summary>An answer in one of the forms of the protocol, whole or piece by piece.</summary>
internal interface IAnswer
{
    /// <summary>The first piece of a stream; null for none.</summary>
    object? First();

    /// <summary>Takes a token; a piece of the stream, or null when no text is certain yet.</summary>
    object? Take(int token, float logProbability);

    /// <summary>The last pieces of a stream: what was held back, why it ended, and the usage where it was asked for.</summary>
    IEnumerable<object> Last(SampledSequence sample);

    /// <summary>The whole answer.</summary>
    object Whole(SampledSequence sample);

    /// <summary>Why an answer ended.</summary>
    static string Reason(SampledSequence sample) => sample.Ended ? "stop" : "length";

    /// <summary>What an answer took.</summary>
    static object Usage(int promptTokens, SampledSequence sample) => new { prompt_tokens = promptTokens, completion_tokens = sample.Tokens.Length, total_tokens = promptTokens + sample.Tokens.Length };
}
