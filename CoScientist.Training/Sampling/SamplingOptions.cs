using System.Globalization;
using System.Text;

namespace CoScientist.Training.Sampling;

/// <summary>
/// How tokens are drawn. The filters work in this order: banned tokens, repetition penalty, temperature, top-k, top-p (of what
/// top-k left), min-p; a token is drawn from what is left, in proportion to its probability. At temperature 0 the likeliest
/// token is taken after the repetition penalty, and the other filters change nothing.
/// </summary>
public sealed record SamplingOptions
{
    /// <summary>Temperature, at least 0; 0 takes the likeliest token. Default 1.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Keeps this many of the likeliest tokens (Fan et al. 2018, arXiv 1805.04833); of equally likely ones those with the lower ids. Default 0: all.</summary>
    public int TopK { get; init; }

    /// <summary>Keeps the likeliest tokens whose probabilities first reach this mass, in (0, 1] (nucleus sampling, Holtzman et al. 2020, arXiv 1904.09751). Default 1: all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Keeps tokens at least this many times as likely as the likeliest, in [0, 1] (Nguyen et al. 2024, arXiv 2407.01082). Default 0: all.</summary>
    public double MinP { get; init; }

    /// <summary>
    /// Makes tokens of the prompt and of the sample so far less likely: positive logits are divided by it, negative ones
    /// multiplied (Keskar et al. 2019, arXiv 1909.05858, with the sign rule of Hugging Face's implementation). Above 0; default 1: none.
    /// </summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>Most tokens to draw. Default 160.</summary>
    public int MaxNewTokens { get; init; } = 160;

    /// <summary>Tokens that end a sample and are part of it. Default none.</summary>
    public int[] EndTokens { get; init; } = [];

    /// <summary>Texts that end a sample, wherever they begin or end within tokens. Looked for in the decoded bytes, special tokens left out. Default none.</summary>
    public string[] StopStrings { get; init; } = [];

    /// <summary>Tokens that are never drawn; the distribution is over the others.</summary>
    public int[] BannedTokens { get; init; } = [];

    /// <summary>Tokens whose probabilities are read after the last drawn token (over these tokens only); empty reads none.</summary>
    public int[] ProbeTokens { get; init; } = [];

    /// <summary>Whether top-k, top-p or min-p leave tokens out.</summary>
    internal bool Truncates => TopK > 0 || TopP < 1 || MinP > 0;

    /// <summary>Checks that the options make sense for a vocabulary.</summary>
    /// <param name="vocabulary">Number of tokens.</param>
    /// <exception cref="ArgumentException">Names every fault at once, by property.</exception>
    public void Validate(int vocabulary)
    {
        var faults = new List<string>();
        Require(double.IsFinite(Temperature) && Temperature >= 0, $"{nameof(Temperature)} ({Number(Temperature)}) must be a finite number of at least 0");
        Require(TopK >= 0, $"{nameof(TopK)} ({TopK}) must be at least 0, which keeps all tokens");
        Require(TopP is > 0 and <= 1, $"{nameof(TopP)} ({Number(TopP)}) must be above 0 and at most 1");
        Require(MinP is >= 0 and <= 1, $"{nameof(MinP)} ({Number(MinP)}) must lie between 0 and 1");
        Require(double.IsFinite(RepetitionPenalty) && RepetitionPenalty > 0, $"{nameof(RepetitionPenalty)} ({Number(RepetitionPenalty)}) must be a finite number above 0");
        Require(MaxNewTokens >= 0, $"{nameof(MaxNewTokens)} ({MaxNewTokens}) must be at least 0");
        foreach (var stop in StopStrings)
        {
            Require(stop.Length > 0, $"{nameof(StopStrings)} holds an empty text, which would end every sample at once");
            Require(string.Equals(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(stop)), stop, StringComparison.Ordinal), $"{nameof(StopStrings)} holds half a character (a lone surrogate), which no text contains");
        }

        Tokens(nameof(EndTokens), EndTokens);
        Tokens(nameof(BannedTokens), BannedTokens);
        Tokens(nameof(ProbeTokens), ProbeTokens);
        Require(BannedTokens.Distinct().Count() < vocabulary, $"{nameof(BannedTokens)} holds every token, so nothing can be drawn");
        if (faults.Count > 0)
        {
            throw new ArgumentException($"The sampling options are not usable: {string.Join("; ", faults)}.");
        }

        void Require(bool holds, string fault)
        {
            if (!holds)
            {
                faults.Add(fault);
            }
        }

        void Tokens(string name, int[] tokens)
        {
            foreach (var token in tokens)
            {
                Require((uint)token < (uint)vocabulary, $"{name} holds {token}, and the model's tokens are 0 to {vocabulary - 1}");
            }
        }

        static string Number(double value) => value.ToString(CultureInfo.InvariantCulture);
    }
}
