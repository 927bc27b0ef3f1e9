using CoScientist.Training.Sampling;

namespace CoScientist.Web.Serving;

/// <summary>One of the answers to a request, in the form that the protocol has for it in a list of choices, whole or piece by piece.</summary>
internal interface IChoice
{
    /// <summary>Its first piece in a stream; null for none.</summary>
    object? First();

    /// <summary>Takes a token; a piece of the stream, or null when no text is certain yet.</summary>
    object? Take(int token, float logProbability);

    /// <summary>Its last pieces in a stream: what was held back, and why it ended.</summary>
    IEnumerable<object> Last(SampledSequence sample);

    /// <summary>All of it.</summary>
    object Whole(SampledSequence sample);

    /// <summary>Why an answer ended.</summary>
    static string Reason(SampledSequence sample) => sample.Ended ? "stop" : "length";
}
