using System.Globalization;
using System.Text;

namespace CoScientist.Core.Storage;

/// <summary>What people type, as the full-text index understands it: all words, each as the beginning of a word (a single letter as a whole one); words between quotation marks side by side.</summary>
public static class SearchQuery
{
    private const int MostWords = 16;

    /// <summary>The query of FTS5; null when the text has no word. Nothing in the text can act as an operator.</summary>
    /// <param name="text">As typed; null or empty gives null.</param>
    public static string? Of(string? text) => Terms(text) is { Count: > 0 } terms
        ? string.Join(' ', terms.Select(term => $"\"{string.Join(' ', term.Words)}\"{(term.IsBeginning ? "*" : "")}"))
        : null;

    /// <summary>The same query for PostgreSQL, a <c>tsquery</c> once its function SearchFold has folded it; null when the text has no word.</summary>
    /// <param name="text">As typed; null or empty gives null.</param>
    public static string? OfPostgres(string? text)
    {
        var terms = Terms(text).Select(term => term.Words.SelectMany(Pieces).ToList() is { Count: > 0 } pieces
            ? $"('{string.Join("' <-> '", pieces)}'{(term.IsBeginning ? ":*" : "")})"
            : "").Where(term => term.Length > 0).ToList();
        return terms.Count == 0 ? null : string.Join(" & ", terms);
    }

    // The index has accents off, and cuts words at the signs of other scripts that are no letters.
    private static IEnumerable<string> Pieces(string word) =>
        string.Concat(word.EnumerateRunes().Select(rune => Rune.IsLetterOrDigit(rune) || rune.Value is >= 0x300 and <= 0x36f ? rune.ToString() : " "))
            .Split(' ').Where(piece => piece.EnumerateRunes().Any(Rune.IsLetterOrDigit));

    private static List<Term> Terms(string? text)
    {
        var terms = new List<Term>();
        var parts = (text ?? "").Replace('“', '"').Replace('”', '"').Split('"');
        var words = 0;
        for (var i = 0; i < parts.Length; i++)
        {
            var found = Words(parts[i]).Take(MostWords - words).ToList();
            words += found.Count;

            // Every second part stands between quotation marks, if the last one was closed.
            if (i % 2 == 1 && i < parts.Length - 1 && found.Count > 0)
            {
                terms.Add(new Term(found, IsBeginning: false));
            }
            else
            {
                terms.AddRange(found.Select(word => new Term([word], !BeginsTooMuch(word))));
            }
        }

        return terms;
    }

    // With one Latin letter or digit nearly every text has a word; in other scripts one sign may be a word.
    private static bool BeginsTooMuch(string word) => word.Length == 1 && char.IsAscii(word[0]);

    // As the index cuts words: letters and digits.
    private static IEnumerable<string> Words(string text)
    {
        var word = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (Rune.IsLetterOrDigit(rune) || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark)
            {
                word.Append(rune);
            }
            else if (word.Length > 0)
            {
                yield return word.ToString();
                word.Clear();
            }
        }

        if (word.Length > 0)
        {
            yield return word.ToString();
        }
    }

    /// <summary>Words side by side, or one word that may be the beginning of one.</summary>
    private sealed record Term(IReadOnlyList<string> Words, bool IsBeginning);
}
