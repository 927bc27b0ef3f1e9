using System.Text;
using System.Text.RegularExpressions;

namespace CoScientist.Core.Papers.Readers;

/// <summary>Puts pieces of text together that pages, columns and formulas broke apart.</summary>
internal static partial class RunningText
{
    /// <summary>Paragraphs out of pieces: those that go on are joined, a word that was split between two is whole again; the others stand alone.</summary>
    public static IEnumerable<string> Paragraphs(IEnumerable<string> pieces)
    {
        var current = new StringBuilder();
        foreach (var piece in pieces)
        {
            if (current.Length > 0 && !GoesOn(Tail(current), piece))
            {
                yield return current.ToString();
                current.Clear();
            }

            if (current.Length > 0 && SplitWord().IsMatch(Tail(current)) && char.IsLower(piece.FirstOrDefault()))
            {
                current.Length--;
            }
            else if (current.Length > 0)
            {
                current.Append(' ');
            }

            current.Append(piece);
        }

        if (current.Length > 0)
        {
            yield return current.ToString();
        }
    }

    // In the middle of a sentence: the piece before has not ended one, or the next starts in lower case.
    private static bool GoesOn(string before, string next) =>
        before.Length > 0 && next.Length > 0 && (!SentenceEnd().IsMatch(before) || char.IsLower(next[0]));

    private static string Tail(StringBuilder text) => text.ToString(Math.Max(0, text.Length - 8), Math.Min(8, text.Length));

    [GeneratedRegex(@"[.!?:;…][""'”’)\]\d]*$", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex SentenceEnd();

    [GeneratedRegex(@"\p{L}[-\u00AD\u2010]$", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex SplitWord();
}
