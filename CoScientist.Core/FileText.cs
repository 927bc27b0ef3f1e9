using System.Globalization;
using System.Text;

namespace CoScientist.Core;

/// <summary>Texts out of files that nobody has checked, for messages.</summary>
public static class FileText
{
    /// <summary>The text on one line and not too long: a file must not write on a terminal what it likes.</summary>
    /// <param name="text">The text.</param>
    /// <param name="longest">Most characters; default 120.</param>
    public static string Shown(string text, int longest = 120)
    {
        ArgumentNullException.ThrowIfNull(text);
        var shown = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (shown.Length >= longest)
            {
                return shown.Append('…').ToString();
            }

            var hidden = Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
            _ = hidden ? shown.Append("\\u{").Append(rune.Value.ToString("X", CultureInfo.InvariantCulture)).Append('}') : shown.Append(rune.ToString());
        }

        return shown.ToString();
    }
}
