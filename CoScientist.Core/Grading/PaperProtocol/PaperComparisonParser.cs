using System.Text.RegularExpressions;
using CoScientist.Core.TextModels;

namespace CoScientist.Core.Grading.PaperProtocol;

/// <summary>A comparison as read.</summary>
/// <param name="Choice">The plan preferred, by its place in the prompt; null when unreadable.</param>
/// <param name="Reasons">The judge's reasons; null when unreadable.</param>
/// <param name="Failure">Why it cannot be read; null when it can.</param>
public sealed record PaperComparison(PairChoice? Choice, string? Reasons, string? Failure)
{
    /// <summary>A comparison that cannot be read.</summary>
    public static PaperComparison Unreadable(string reason) => new(null, null, reason);
}

/// <summary>
/// Reads a judge's answer: reasons, then the preference, each in its tag, once, and nothing else. Allowed besides the letter of
/// the prompt: thoughts in leading <c>think</c> tags, and capitals.
/// </summary>
public static partial class PaperComparisonParser
{
    /// <summary>Reads an answer.</summary>
    public static PaperComparison Parse(TextCompletion answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        if (answer.Failure is { } failure)
        {
            return PaperComparison.Unreadable(failure);
        }

        if (answer.Finish == FinishReason.Length)
        {
            return PaperComparison.Unreadable($"the answer was cut off after {answer.CompletionTokens} tokens");
        }

        try
        {
            return Read(PlanReader.WithoutThoughts(answer.Text));
        }
        catch (RegexMatchTimeoutException)
        {
            return PaperComparison.Unreadable("reading the answer takes too long; it is unlike any comparison");
        }
    }

    private static PaperComparison Read(string text)
    {
        var parts = Parts().Match(text);
        if (!parts.Success)
        {
            return PaperComparison.Unreadable("the answer is not a comparison followed by a preference, each in its tag, and nothing else");
        }

        var reasons = parts.Groups["reasons"].Value.Trim();
        if (reasons.Length == 0)
        {
            return PaperComparison.Unreadable("the comparison gives no reasons");
        }

        if (Tag().Match(reasons) is { Success: true } tag)
        {
            return PaperComparison.Unreadable($"there is a stray {tag.Value} tag in the reasons");
        }

        var preference = parts.Groups["preference"].Value.Trim();
        return preference.ToLowerInvariant() switch
        {
            "1" => new PaperComparison(PairChoice.First, reasons, null),
            "2" => new PaperComparison(PairChoice.Second, reasons, null),
            "tie" => new PaperComparison(PairChoice.Tie, reasons, null),
            _ => PaperComparison.Unreadable($"the preference is \"{(preference.Length <= 40 ? preference : preference[..40] + "…")}\", neither 1, 2 nor tie"),
        };
    }

    [GeneratedRegex(@"^\s*<comparison>(?<reasons>.*?)</comparison>\s*<preference>(?<preference>[^<>]*)</preference>\s*$", RegexOptions.IgnoreCase | RegexOptions.Singleline | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Parts();

    [GeneratedRegex(@"</?\s*(comparison|preference)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Tag();
}
