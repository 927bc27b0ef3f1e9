using System.Globalization;
using System.Text.RegularExpressions;
using CoScientist.Core.TextModels;

namespace CoScientist.Core.Grading.PaperProtocol;

/// <summary>A grader's word on one item.</summary>
/// <param name="Criteria">The item as the grader put it.</param>
/// <param name="Reasoning">Its reason.</param>
/// <param name="Violated">Violated guidelines, ascending; empty when the item is met.</param>
public sealed record PaperVerdict(string Criteria, string Reasoning, IReadOnlyList<int> Violated)
{
    /// <summary>Whether no guideline is violated.</summary>
    public bool Met => Violated.Count == 0;
}

/// <summary>A grading as read: one verdict per item, or the reason why it cannot be read.</summary>
/// <param name="Verdicts">In the rubric's order; empty when unreadable.</param>
/// <param name="Weaknesses">What the grader said of the plan as a whole; null when unreadable.</param>
/// <param name="Failure">Why it cannot be read; null when it can.</param>
public sealed record PaperGrading(IReadOnlyList<PaperVerdict> Verdicts, string? Weaknesses, string? Failure)
{
    /// <summary>Share of items met, 0–1; null when unreadable: ungraded is never zero.</summary>
    public double? Score => Failure is null ? Verdicts.Count(verdict => verdict.Met) / (double)Verdicts.Count : null;

    /// <summary>A grading that cannot be read.</summary>
    public static PaperGrading Unreadable(string reason) => new([], null, reason);
}

/// <summary>
/// Reads a grader's answer: weaknesses, then every item once, in the tags of the prompt, with nothing else in between. Anything
/// different makes the whole grading unreadable, with a reason; nothing is guessed and nothing passed over. Allowed
/// besides the letter of the prompt: thoughts in leading <c>think</c> tags, quotes around an item's number, capitals, and items
/// in another order, none of which leaves a doubt about a verdict.
/// </summary>
public static partial class PaperGradingParser
{
    /// <summary>Reads an answer.</summary>
    /// <param name="answer">The grader's answer.</param>
    /// <param name="items">Items of the rubric, at least 1.</param>
    public static PaperGrading Parse(TextCompletion answer, int items)
    {
        ArgumentNullException.ThrowIfNull(answer);
        ArgumentOutOfRangeException.ThrowIfLessThan(items, 1);
        if (answer.Failure is { } failure)
        {
            return PaperGrading.Unreadable(failure);
        }

        if (answer.Finish == FinishReason.Length)
        {
            return PaperGrading.Unreadable($"the answer was cut off after {answer.CompletionTokens} tokens");
        }

        try
        {
            return Read(PlanReader.WithoutThoughts(answer.Text), items);
        }
        catch (FormatException fault)
        {
            return PaperGrading.Unreadable(fault.Message);
        }
        catch (RegexMatchTimeoutException)
        {
            return PaperGrading.Unreadable("reading the answer takes too long; it is unlike any grading");
        }
    }

    private static PaperGrading Read(string text, int items)
    {
        var blocks = Blocks().Matches(text);
        if (blocks.Count == 0)
        {
            throw new FormatException("there is no item in the answer");
        }

        var weaknesses = text[..blocks[0].Index].Trim();
        if (weaknesses.Length == 0)
        {
            throw new FormatException("the weaknesses of the plan as a whole are missing");
        }

        RequireNoTag(weaknesses, "before the first item");
        var verdicts = new PaperVerdict?[items];
        var end = blocks[0].Index;
        foreach (Match block in blocks)
        {
            RequireNothing(text[end..block.Index], $"before item {block.Groups["num"].Value}");
            end = block.Index + block.Length;
            var number = Number(block.Groups["num"].Value, items);
            verdicts[number - 1] = verdicts[number - 1] is null ? Item(block.Groups["body"].Value, number) : throw new FormatException($"item {number} is judged twice");
        }

        RequireNothing(text[end..], "after the last item");
        var missing = Array.IndexOf(verdicts, null);
        return missing < 0
            ? new PaperGrading(verdicts!, weaknesses, null)
            : throw new FormatException($"item {missing + 1} of {items} is missing");
    }

    private static int Number(string text, int items) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= items
            ? number
            : throw new FormatException($"item {text} is not in the rubric, which has {items}");

    private static PaperVerdict Item(string body, int number)
    {
        var parts = Parts().Match(body);
        if (!parts.Success)
        {
            throw new FormatException($"item {number} is not made of criteria, reasoning and errors");
        }

        var (criteria, reasoning) = (parts.Groups["criteria"].Value.Trim(), parts.Groups["reasoning"].Value.Trim());
        RequireNoTag(criteria, $"in the criteria of item {number}");
        RequireNoTag(reasoning, $"in the reasoning of item {number}");
        return reasoning.Length == 0
            ? throw new FormatException($"item {number} has no reasoning")
            : new PaperVerdict(criteria, reasoning, Errors(parts.Groups["errors"].Value.Trim(), number));
    }

    private static int[] Errors(string text, int number)
    {
        if (text.Equals("none", StringComparison.OrdinalIgnoreCase))
        {
            return [];
        }

        var violated = new SortedSet<int>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var guideline) || guideline < 1 || guideline > Guidelines.Names.Count)
            {
                throw new FormatException($"the errors of item {number} are \"{Shortened(text)}\", neither none nor guidelines 1 to {Guidelines.Names.Count}");
            }

            if (!violated.Add(guideline))
            {
                throw new FormatException($"item {number} names guideline {guideline} twice");
            }
        }

        return [.. violated];
    }

    private static void RequireNoTag(string text, string place)
    {
        if (Tag().Match(text) is { Success: true } tag)
        {
            throw new FormatException($"there is a stray {tag.Value} tag {place}");
        }
    }

    private static void RequireNothing(string text, string place)
    {
        RequireNoTag(text, place);
        if (!string.IsNullOrWhiteSpace(text))
        {
            throw new FormatException($"there is text {place}: \"{Shortened(text.Trim())}\"");
        }
    }

    private static string Shortened(string text) => text.Length <= 40 ? text : text[..40] + "…";

    [GeneratedRegex("""<item\s+num\s*=\s*(?<quote>["']?)(?<num>[^\s"'<>]*)\k<quote>\s*>(?<body>.*?)</item>""", RegexOptions.IgnoreCase | RegexOptions.Singleline | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Blocks();

    [GeneratedRegex(@"^\s*<criteria>(?<criteria>.*?)</criteria>\s*<reasoning>(?<reasoning>.*?)</reasoning>\s*<errors>(?<errors>[^<>]*)</errors>\s*$", RegexOptions.IgnoreCase | RegexOptions.Singleline | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Parts();

    [GeneratedRegex(@"</?\s*(item|criteria|reasoning|errors)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Tag();
}
