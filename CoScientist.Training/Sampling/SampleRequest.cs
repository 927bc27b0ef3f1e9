using CoScientist.Training.Model;

namespace CoScientist.Training.Sampling;

/// <summary>A prompt to be continued, alone or through several branches that share it.</summary>
public sealed record SampleRequest
{
    /// <summary>Tokens that all continuations share, at least one.</summary>
    public required int[] Prompt { get; init; }

    /// <summary>Continuations of the prompt that are given, each read before sampling from it; empty samples from the prompt itself.</summary>
    public IReadOnlyList<int[]> Branches { get; init; } = [];

    /// <summary>Samples from each end. Default 1.</summary>
    public int Count { get; init; } = 1;

    /// <summary>Seed of this request; each of its samples draws from a stream of its own.</summary>
    public long Seed { get; init; }

    /// <summary>Checks that it makes sense for a model.</summary>
    /// <param name="index">Its index among the requests.</param>
    /// <param name="model">The model.</param>
    /// <param name="most">Tokens that are drawn at most.</param>
    /// <exception cref="ArgumentException">It does not.</exception>
    internal void Check(int index, ModelConfig model, int most)
    {
        if (Count < 1)
        {
            throw new ArgumentException($"Request {index} asks for {Count} samples: ask for at least one.");
        }

        foreach (var tokens in Branches.Prepend(Prompt))
        {
            if (tokens.Length == 0)
            {
                throw new ArgumentException($"Request {index} has a prompt or branch without tokens: give at least one.");
            }

            foreach (var token in tokens)
            {
                if ((uint)token >= (uint)model.VocabularySize)
                {
                    throw new ArgumentException($"Request {index} holds the token {token}, and the model's tokens are 0 to {model.VocabularySize - 1}.");
                }
            }
        }

        var longest = Prompt.Length + Branches.Select(branch => branch.Length).DefaultIfEmpty().Max();
        if (longest + most > model.MaxPositions)
        {
            throw new ArgumentException($"A prompt of {longest} tokens (request {index}) leaves no room for {most} more in the model's {model.MaxPositions} positions: shorten it or draw fewer.");
        }
    }
}

/// <summary>Why a sample ended.</summary>
public enum FinishReason
{
    /// <summary>It has as many tokens as were asked for.</summary>
    Length,

    /// <summary>An end token was drawn.</summary>
    EndToken,

    /// <summary>A stop string was completed.</summary>
    StopString,
}

/// <summary>One continuation.</summary>
/// <param name="Request">Index of its request.</param>
/// <param name="Branch">Index of its branch; 0 without branches.</param>
/// <param name="Sample">Index among the samples of that branch.</param>
/// <param name="Tokens">Tokens drawn, with the end token or those of the stop string when one ended it.</param>
/// <param name="LogProbabilities">log p of each, in nats, under softmax(logits / temperature) over the tokens that are not banned (temperature 0: 1): before repetition penalty, top-k, top-p and min-p, so that it is what the training pass computes.</param>
/// <param name="Finish">Why it ended.</param>
/// <param name="Probe">Probabilities of the probe tokens, normalised among themselves; empty without probes.</param>
/// <param name="TextBeforeStop">Its text up to the stop string; null unless one ended it.</param>
public sealed record SampledSequence(int Request, int Branch, int Sample, int[] Tokens, float[] LogProbabilities, FinishReason Finish, float[] Probe, string? TextBeforeStop)
{
    /// <summary>Whether it ended by itself, by an end token or a stop string.</summary>
    public bool Ended => Finish != FinishReason.Length;
}
