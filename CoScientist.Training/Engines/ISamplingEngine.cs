using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tokenization;

namespace CoScientist.Training.Engines;

/// <summary>The part of the seam that writing, grading and judging need: a model that is read.</summary>
public interface ISamplingEngine : IDisposable
{
    /// <summary>Shape of the model.</summary>
    ModelConfig Config { get; }

    /// <summary>Its tokenizer.</summary>
    BpeTokenizer Tokenizer { get; }

    /// <summary>
    /// Draws continuations, in order of request, branch and sample. The same seeds give the same tokens. The managed engine keeps
    /// that to the bit whatever else is asked for and however many threads there are; where another runtime multiplies, sums may
    /// round differently beside other requests, and a draw at the edge between two tokens with them.
    /// </summary>
    IReadOnlyList<SampledSequence> Sample(IReadOnlyList<SampleRequest> requests, SamplingOptions options, CancellationToken cancellationToken);
}
