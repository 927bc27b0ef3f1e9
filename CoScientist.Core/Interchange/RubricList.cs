using System.Buffers;
using System.Globalization;
using System.Text;

namespace CoScientist.Core.Interchange;

/// <summary>A list of strings in one cell, in JSON's notation or in Python's (single quotes, mixed quotes, no commas as NumPy prints).</summary>
public static class RubricList
{
    /// <summary>Reads the list; null when the text is none.</summary>
    public static IReadOnlyList<string>? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var trimmed = text.AsSpan().Trim();
        if (trimmed.Length < 2 || trimmed[0] != '[' || trimmed[^1] != ']')
        {
            return null;
        }

        var items = new List<string>();
        var inside = trimmed[1..^1];
        for (var at = 0; at < inside.Length;)
        {
            if (char.IsWhiteSpace(inside[at]) || inside[at] == ',')
            {
                at++;
            }
            else if (inside[at] is '\'' or '"' && ReadString(inside, ref at) is { } item)
            {
                items.Add(item.Trim());
            }
            else
            {
                return null;
            }
        }

        items.RemoveAll(item => item.Length == 0);
        return items;
    }

    private static string? ReadString(ReadOnlySpan<char> text, ref int at)
    {
        var quote = text[at++];
        var result = new StringBuilder();
        while (at < text.Length)
        {
            var letter = text[at++];
            if (letter == quote)
            {
                // Escapes can spell half a character, which is no text.
                return result.ToString() is var item && IsText(item) ? item : null;
            }

            if (letter != '\\' || at >= text.Length)
            {
                result.Append(letter);
                continue;
            }

            var escaped = text[at++];
            var digits = escaped switch { 'u' => 4, 'x' => 2, _ => 0 };
            if (digits > 0 && at + digits <= text.Length && ushort.TryParse(text.Slice(at, digits), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var code))
            {
                result.Append((char)code);
                at += digits;
            }
            else
            {
                result.Append(escaped switch { 'n' => '\n', 't' => '\t', 'r' => '\r', 'b' => '\b', 'f' => '\f', _ => escaped });
            }
        }

        return null;
    }

    private static bool IsText(ReadOnlySpan<char> text)
    {
        while (Rune.DecodeFromUtf16(text, out _, out var length) == OperationStatus.Done)
        {
            text = text[length..];
        }

        return text.IsEmpty;
    }
}
