using System.Text;

namespace CoScientist.Core.Storage;

/// <summary>What people type, as the full-text index understands it: all words, each as the beginning of a word (a single letter as a whole one); words between quotation marks side by side.</summary>
public static class SearchQuery
{
    private const int MostWords = 16;

    /// <summary>The query of FTS5; null when the text has no word. Nothing in the text can act as an operator.</summary>
    /// <param name="text">As typed; null or empty gives null.</param>
    public static string? Of(string? text)
    {
        var query = new StringBuilder();
        var parts = (text ?? "").Replace('“', '"').Replace('”', '"').Split('"');
        var words = 0;
        for (var i = 0; i < parts.Length; i++)
        {
            var found = Words(parts[i]).Take(MostWords - words).ToList();
            words += found.Count;

            // Every second part stands between quotation marks, if the last one was closed.
            if (i % 2 == 1 && i < parts.Length - 1 && found.Count > 0)
            {
                query.Append('"').AppendJoin(' ', found).Append("\" ");
            }
            else
            {
                found.ForEach(word => query.Append('"').Append(word).Append(BeginsTooMuch(word) ? "\" " : "\"* "));
            }
        }

        return words == 0 ? null : query.ToString().TrimEnd();
    }

    // With one Latin letter or digit nearly every text has a word; in other scripts one sign may be a word.
    private static bool BeginsTooMuch(string word) => word.Length == 1 && char.IsAscii(word[0]);

    // As the index cuts words: letters and digits.
    private static IEnumerable<string> Words(string text)
    {
        var word = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (Rune.IsLetterOrDigit(rune) || Rune.GetUnicodeCategory(rune) is System.Globalization.UnicodeCategory.NonSpacingMark)
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
}
