using System.Globalization;
using System.Text;

namespace CoScientist.Training.Checkpoints;

/// <summary>Texts out of files that nobody has checked, for messages.</summary>
internal static class FileText
{
    /// <summary>The text on one line and not too long: a file must not write on a terminal what it likes.</summary>
    public static string Shown(string text, int longest = 120)
    {
        var shown = new StringBuilder();
        foreach (var rune in text.EnumerateRunes().Take(longest))
        {
            var hidden = Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
            _ = hidden ? shown.Append("\\u{").Append(rune.Value.ToString("X", CultureInfo.InvariantCulture)).Append('}') : shown.Append(rune.ToString());
        }

        return text.EnumerateRunes().Skip(longest).Any() ? shown.Append('…').ToString() : shown.ToString();
    }
}
