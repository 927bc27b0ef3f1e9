using System.Text.RegularExpressions;

namespace CoScientist.Core.Papers.Readers;

/// <summary>Tells a hyphen at the end of a line that only splits a word from one that belongs to it, by the other words of the document.</summary>
/// <param name="lines">All lines of the document.</param>
internal sealed partial class PdfWords(IEnumerable<string> lines)
{
    private readonly HashSet<string> known = lines.SelectMany(line => InLine().Matches(line).Select(match => match.Value)).ToHashSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>A text with the next line.</summary>
    public string Join(string before, string next)
    {
        if (before.Length == 0 || Split().Match(before) is not { Success: true } split || Start().Match(next) is not { Success: true } start)
        {
            return before.Length == 0 ? next : $"{before} {next}";
        }

        var (first, second) = (split.Groups["word"].Value, start.Value);
        var keep = !known.Contains(first + second) && known.Contains($"{first}-{second}");
        return keep || !char.IsLower(second[0]) ? before + next : before[..^1] + next;
    }

    // Words, hyphened ones whole; not the last of a line where it is split.
    [GeneratedRegex(@"[\p{L}\d]+(?:-[\p{L}\d]+)*(?!-$)(?![\p{L}\d])", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex InLine();

    [GeneratedRegex(@"(?<word>[\p{L}\d]+(?:-[\p{L}\d]+)*)[-\u2010\u00AD]$", RegexOptions.CultureInvariant | RegexOptions.RightToLeft, TextLimits.PatternMilliseconds)]
    private static partial Regex Split();

    [GeneratedRegex(@"^[\p{L}\d]+(?:-[\p{L}\d]+)*", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Start();
}
