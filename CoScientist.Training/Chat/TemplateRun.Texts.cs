using System.Globalization;
using System.Text;

namespace CoScientist.Training.Chat;

/// <content>Work on texts, with Python's rules.</content>
internal sealed partial class TemplateRun
{
    /// <summary>The present date in the form of C's <c>strftime</c>.</summary>
    private string Date(string format)
    {
        var now = time.GetLocalNow();
        var result = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                result.Append(format[i]);
                continue;
            }

            result.Append(now.ToString(format[++i] switch
            {
                'd' => "dd",
                'm' => "MM",
                'b' => "MMM",
                'B' => "MMMM",
                'y' => "yy",
                'Y' => "yyyy",
                'a' => "ddd",
                'A' => "dddd",
                'H' => "HH",
                'I' => "hh",
                'p' => "tt",
                'M' => "mm",
                'S' => "ss",
                '%' => "'%'",
                var other => throw Fault($"the date format '%{other}'"),
            }, CultureInfo.InvariantCulture));
        }

        return result.ToString();
    }

    private MarkedString Strip(MarkedString text, object? characters, bool left, bool right)
    {
        var given = characters is Undefined or null ? null : Text(characters).Text;
        var (start, end) = (0, text.Text.Length);
        while (left && start < end && Goes(text.Text[start]))
        {
            start++;
        }

        while (right && end > start && Goes(text.Text[end - 1]))
        {
            end--;
        }

        Charge(text.Text.Length);
        return text.Slice(start, end);

        // To Python the separators U+001C to U+001F are white space too.
        bool Goes(char character) => given is null ? char.IsWhiteSpace(character) || character is >= '\u001C' and <= '\u001F' : given.Contains(character, StringComparison.Ordinal);
    }

    private List<object?> Split(MarkedString text, object? separator, long most)
    {
        var parts = new List<object?>();
        if (separator is Undefined or null)
        {
            // Runs of white space separate, and none are left at the ends.
            for (var rest = Strip(text, null, left: true, right: false); rest.Text.Length > 0; rest = Strip(rest, null, left: true, right: false))
            {
                var end = parts.Count == most ? rest.Text.Length : rest.Text.TakeWhile(character => !char.IsWhiteSpace(character)).Count();
                parts.Add(rest.Slice(0, end));
                rest = rest.Slice(end, rest.Text.Length);
            }

            return parts;
        }

        var by = Text(separator).Text;
        if (by.Length == 0)
        {
            throw Fault("a split by an empty text");
        }

        var start = 0;
        for (var next = 0; parts.Count != most && (next = text.Text.IndexOf(by, start, StringComparison.Ordinal)) >= 0; start = next + by.Length)
        {
            parts.Add(text.Slice(start, next));
        }

        parts.Add(text.Slice(start, text.Text.Length));
        return parts;
    }

    private MarkedString Replace(MarkedString text, string old, MarkedString with)
    {
        if (old.Length == 0)
        {
            throw Fault("a replacement of an empty text");
        }

        return Join(Split(text, MarkedString.Own(old), -1), with);
    }

    private MarkedString Join(object? items, MarkedString between)
    {
        var parts = new List<MarkedString>();
        foreach (var item in Items(items))
        {
            if (parts.Count > 0)
            {
                parts.Add(between);
            }

            parts.Add(Text(item));
        }

        return Joined(parts);
    }

    private MarkedString Cased(MarkedString text, string how)
    {
        Charge(text.Text.Length);
        return text.Map(plain => how switch
        {
            "upper" => plain.ToUpperInvariant(),
            "lower" => plain.ToLowerInvariant(),
            "title" => string.Concat(plain.Select((character, i) => i > 0 && char.IsLetter(plain[i - 1]) ? char.ToLowerInvariant(character) : char.ToUpperInvariant(character))),
            _ => plain.Length == 0 ? plain : char.ToUpperInvariant(plain[0]) + plain[1..].ToLowerInvariant(),
        });
    }
}
