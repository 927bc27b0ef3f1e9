using System.Text.RegularExpressions;

namespace CoScientist.Core.Extraction;

/// <summary>Sentences of running text with their places.</summary>
internal static partial class Sentences
{
    /// <summary>Splits a section's text; each sentence lies inside one paragraph.</summary>
    public static IEnumerable<(int Start, int Length)> Split(string text)
    {
        var start = 0;
        foreach (Match end in Boundary().Matches(text))
        {
            var stop = end.Groups["stop"];
            if (stop.Length > 0 && IsAbbreviation(text, stop.Index))
            {
                continue;
            }

            var length = stop.Index + stop.Length - start;
            if (length > 1)
            {
                yield return (start, length);
            }

            start = end.Index + end.Length;
        }

        if (text.Length - start > 1)
        {
            yield return (start, text.Length - start);
        }
    }

    private static bool IsAbbreviation(string text, int stop)
    {
        if (text[stop] != '.')
        {
            return false;
        }

        var begin = stop;
        while (begin > 0 && (char.IsLetter(text[begin - 1]) || (text[begin - 1] == '.' && begin < stop)))
        {
            begin--;
        }

        // One capital is an initial or a genus (E. coli); some words always carry a stop.
        var word = text[begin..stop];
        return (word.Length == 1 && char.IsUpper(word[0]) && (begin == 0 || text[begin - 1] is ' ' or '(')) || Abbreviation().IsMatch(word);
    }

    // A full stop may be followed by closing quotes or brackets and by raised citation marks.
    [GeneratedRegex(@"(?<stop>[.!?][""”’)\]]*)\s+(?=[""“‘(\[]?[\p{Lu}\d\p{IsGreek}])|(?<stop>)\n\n", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Boundary();

    [GeneratedRegex(@"^(e\.g|i\.e|al|figs?|eqs?|refs?|secs?|tabs?|dr|prof|mr|mrs|ms|st|vs|cf|approx|resp|ca|spp?|subsp|var|cv|inc|ltd|corp|vol|pp|viz|a\.k\.a|w\.r\.t|s\.t|et|jr)$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Abbreviation();
}
