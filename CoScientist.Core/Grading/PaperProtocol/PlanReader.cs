namespace CoScientist.Core.Grading.PaperProtocol;

/// <summary>A plan as a policy answered, with what the format penalty looks at.</summary>
/// <param name="Text">The plan; empty when the answer holds none.</param>
/// <param name="Words">Its words.</param>
/// <param name="Fault">What is wrong with the form of the answer; null when nothing is.</param>
/// <param name="Form">The flags of the penalty: not finished without a closed solution tag, overlong over <see cref="PaperPrompts.MaxPlanWords"/> words.</param>
public sealed record PlanReading(string Text, int Words, string? Fault, PlanForm Form);

/// <summary>Takes the plan out of a policy's answer: only what stands in the solution tags counts.</summary>
public static class PlanReader
{
    private const string Open = "<solution>";
    private const string Close = "</solution>";
    private const string ThinkOpen = "<think>";
    private const string ThinkClose = "</think>";

    /// <summary>Reads an answer. Without a solution tag, what follows the thoughts is taken, so that people can see it; the flags say that it is not finished.</summary>
    public static PlanReading Read(string answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        var rest = WithoutThoughts(answer);

        // The last one: a policy that announces its tags in a sentence has not opened them yet.
        var open = rest.LastIndexOf(Open, StringComparison.OrdinalIgnoreCase);
        if (open < 0)
        {
            return Reading(rest, closed: false, "the answer has no <solution> tag");
        }

        var text = rest[(open + Open.Length)..];
        var close = text.IndexOf(Close, StringComparison.OrdinalIgnoreCase);
        return close < 0
            ? Reading(text, closed: false, "the <solution> tag is not closed")
            : Reading(text[..close], closed: true, null);
    }

    /// <summary>Words of a plan, separated by white space.</summary>
    public static int CountWords(string text)
    {
        var (words, inWord) = (0, false);
        foreach (var character in text)
        {
            words += !inWord && !char.IsWhiteSpace(character) ? 1 : 0;
            inWord = !char.IsWhiteSpace(character);
        }

        return words;
    }

    /// <summary>
    /// What follows the thoughts: all of it when there are none, nothing when they never end. Some servers put the opening tag
    /// into the prompt, so that only the closing one is part of the answer.
    /// </summary>
    internal static string WithoutThoughts(string answer)
    {
        var end = answer.IndexOf(ThinkClose, StringComparison.OrdinalIgnoreCase);
        return end >= 0
            ? answer[(end + ThinkClose.Length)..]
            : answer.TrimStart().StartsWith(ThinkOpen, StringComparison.OrdinalIgnoreCase) ? "" : answer;
    }

    private static PlanReading Reading(string text, bool closed, string? fault)
    {
        text = text.Trim();
        var words = CountWords(text);
        var overlong = words > PaperPrompts.MaxPlanWords;
        fault ??= words == 0 ? "the <solution> tag is empty" : overlong ? $"the plan has {words} words; {PaperPrompts.MaxPlanWords} are allowed" : null;
        return new PlanReading(text, words, fault, new PlanForm(closed && words > 0, Overlong: overlong));
    }
}
