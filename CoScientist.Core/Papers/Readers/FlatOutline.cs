using System.Text.RegularExpressions;

namespace CoScientist.Core.Papers.Readers;

/// <summary>
/// Heading paths for sources that give headings one after another, without nesting. Numbers tell the depth ("2.1", "IV.",
/// "B."); where there are none, headings that say nothing of their part belong to the method, results or discussion before them.
/// </summary>
internal sealed partial class FlatOutline
{
    private const int ShortHeadingWords = 4;

    private readonly List<(int Level, string Title)> open = [];
    private int numberedLevel;
    private bool roman;

    /// <summary>The path down to a heading; without a heading of its own, a text goes on under the last one.</summary>
    /// <param name="heading">As printed, perhaps with its number.</param>
    /// <param name="number">Its number where the source keeps it apart.</param>
    public IReadOnlyList<string> Path(string? heading, string? number = null)
    {
        var title = PaperDraft.CleanLine(heading ?? "");
        if (title.Length > 0 && !Caption().IsMatch(title))
        {
            var (level, bare) = Place(title, number);
            open.RemoveAll(other => other.Level >= level);
            open.Add((level, bare));
        }

        return [.. open.Select(entry => entry.Title)];
    }

    private (int Level, string Title) Place(string title, string? number)
    {
        if (Level(number?.Trim().TrimEnd('.', ')')) is { } known)
        {
            numberedLevel = known;
            return (known, title);
        }

        if (Numbering().Match(title) is { Success: true } match && Level(match.Groups["number"].Value) is { } level)
        {
            // "1) …" stands below "A. …" where sections have Roman numbers.
            numberedLevel = roman && match.Value.Contains(')', StringComparison.Ordinal) ? 3 : level;
            return (numberedLevel, title[match.Length..]);
        }

        if (SectionRoles.IsBackMatter(title) || IsTelling(title) || open.Count == 0)
        {
            return (1, title);
        }

        var around = SectionRoles.Of([open[0].Title]);
        return (numberedLevel > 0 ? numberedLevel + 1 : around is SectionRole.Other or SectionRole.Background ? 1 : 2, title);
    }

    private int? Level(string? number)
    {
        if (string.IsNullOrEmpty(number))
        {
            return null;
        }

        if (char.IsAsciiDigit(number[0]))
        {
            return number.Split('.').Length;
        }

        // A single letter counts only below Roman numbers: elsewhere it opens an appendix, or is the word "A".
        if (RomanNumber().IsMatch(number) && (number.Length > 1 || number is "I" or "V" or "X"))
        {
            roman = true;
            return 1;
        }

        return number.Length == 1 && char.IsAsciiLetterUpper(number[0]) ? (roman ? 2 : 1) : number.Split('.').Length;
    }

    private static bool IsTelling(string title) => title.Split(' ').Length <= ShortHeadingWords && SectionRoles.Of([title]) != SectionRole.Other;

    [GeneratedRegex(@"^(?<number>\d{1,2}(?:\.\d{1,2})*|[IVXL]+(?=\.)|[A-Z](?=\.)|[A-Z](?:\.\d{1,2})+)[.)]?\s+(?=\p{L})", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Numbering();

    [GeneratedRegex(@"^[IVXL]+$", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex RomanNumber();

    // Captions that a converter took for headings: what follows goes on with the section around them.
    [GeneratedRegex(@"^(fig(ure|\.)?|table|scheme|chart|box|gr[aá]fico|tabla|abbildung|tabelle)\s*[.:]?\s*\d+", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Caption();
}
