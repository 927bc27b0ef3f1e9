using System.Globalization;
using System.Text;
using CoScientist.Core;

namespace CoScientist.Training.Chat;

/// <summary>Kinds of lexical units.</summary>
internal enum TokenKind
{
    /// <summary>Text between tags.</summary>
    Data,

    /// <summary><c>{{</c>, <c>}}</c>, <c>{%</c>, <c>%}</c> or a sign of an expression.</summary>
    Sign,

    /// <summary>A name or keyword.</summary>
    Name,

    /// <summary>A string literal, unescaped.</summary>
    Text,

    /// <summary>A number.</summary>
    Number,

    /// <summary>The end of the template.</summary>
    End,
}

/// <summary>A lexical unit and its line.</summary>
internal readonly record struct TemplateToken(TokenKind Kind, string Text, int Line);

/// <summary>
/// Cuts a template into units, with the white-space rules that Hugging Face's library sets: the line end after a block goes, and so
/// does the indentation before one (<c>trim_blocks</c>, <c>lstrip_blocks</c>); a minus takes all white space on its side.
/// </summary>
internal sealed class TemplateLexer(string source, string template)
{
    private static readonly string[] Signs = ["==", "!=", "<=", ">=", "//", "**", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ".", ":", "|"];

    private readonly string text = Normalised(template);
    private readonly List<TemplateToken> tokens = [];
    private int position;
    private int line = 1;
    private int counted;

    /// <summary>All units; the last is the end.</summary>
    /// <exception cref="InvalidDataException">A tag or string has no end, or a character is unknown.</exception>
    public List<TemplateToken> Read()
    {
        var atLineStart = true;
        while (position < text.Length)
        {
            var open = NextTag();
            var kind = open < text.Length ? text[open + 1] : '\0';
            var data = text[position..open];
            var sign = open + 2 < text.Length ? text[open + 2] : '\0';
            if (open < text.Length && sign == '-')
            {
                data = data.TrimEnd();
            }
            else if (open < text.Length && kind != '{' && sign != '+')
            {
                var start = data.LastIndexOf('\n') + 1;
                if ((start > 0 || atLineStart) && data.AsSpan(start).TrimEnd(" \t").Length == 0)
                {
                    data = data[..start];
                }
            }

            Add(TokenKind.Data, data);
            position = open;
            if (open == text.Length)
            {
                break;
            }

            position += sign is '-' or '+' ? 3 : 2;
            switch (kind)
            {
                case '#':
                    var end = text.IndexOf("#}", position, StringComparison.Ordinal);
                    position = end < 0 ? throw Fault("a comment without its end '#}'") : end;
                    break;
                case '{':
                    Inside("{{", "}}");
                    break;
                default:
                    Inside("{%", "%}");
                    break;
            }

            atLineStart = Close(kind != '{');
        }

        Add(TokenKind.End, "");
        return tokens;
    }

    private static string Normalised(string template)
    {
        var lines = template.ReplaceLineEndings("\n");
        return lines.EndsWith('\n') ? lines[..^1] : lines;
    }

    private int NextTag()
    {
        for (var open = position; (open = text.IndexOf('{', open)) >= 0 && open + 1 < text.Length; open++)
        {
            if (text[open + 1] is '{' or '%' or '#')
            {
                return open;
            }
        }

        return text.Length;
    }

    /// <summary>The end of a tag and the white space that goes with it; whether a line starts behind it.</summary>
    private bool Close(bool block)
    {
        // For a comment the sign before its end is its last character.
        var sign = text[position] == '#' ? text[position - 1] : text[position];
        position += text[position] is '-' or '+' ? 3 : 2;
        var start = position;
        if (sign == '-')
        {
            while (position < text.Length && char.IsWhiteSpace(text[position]))
            {
                position++;
            }
        }
        else if (block && sign != '+' && position < text.Length && text[position] == '\n')
        {
            position++;
        }

        return position > start && text[position - 1] == '\n';
    }

    private void Inside(string open, string close)
    {
        Add(TokenKind.Sign, open);
        var braces = 0;
        while (true)
        {
            while (position < text.Length && char.IsWhiteSpace(text[position]))
            {
                position++;
            }

            var rest = text.AsSpan(Math.Min(position, text.Length));
            if (rest.Length == 0)
            {
                throw Fault($"a tag '{open}' without its end '{close}'");
            }

            if (braces == 0 && (rest.StartsWith(close) || (rest[0] is '-' or '+' && rest[1..].StartsWith(close))))
            {
                Add(TokenKind.Sign, close);
                return;
            }

            if (rest[0] is '"' or '\'')
            {
                Add(TokenKind.Text, Literal(rest[0]));
            }
            else if (char.IsLetter(rest[0]) || rest[0] == '_')
            {
                Take(TokenKind.Name, static character => char.IsLetterOrDigit(character) || character == '_');
            }
            else if (char.IsAsciiDigit(rest[0]))
            {
                Take(TokenKind.Number, static character => char.IsAsciiDigit(character) || character == '.');
            }
            else
            {
                var sign = Array.Find(Signs, sign => text.AsSpan(position).StartsWith(sign)) ?? throw Fault($"the character '{rest[0]}'");
                braces += sign switch { "{" => 1, "}" => -1, _ => 0 };
                Add(TokenKind.Sign, sign);
                position += sign.Length;
            }
        }
    }

    private void Take(TokenKind kind, Func<char, bool> belongs)
    {
        var end = position;
        while (end < text.Length && belongs(text[end]))
        {
            end++;
        }

        Add(kind, text[position..end]);
        position = end;
    }

    private string Literal(char quote)
    {
        var result = new StringBuilder();
        for (position++; position < text.Length; position++)
        {
            var character = text[position];
            if (character == quote)
            {
                position++;
                return result.ToString();
            }

            if (character != '\\' || position + 1 == text.Length)
            {
                result.Append(character);
                continue;
            }

            var escaped = text[++position];
            if (escaped is 'u' or 'x')
            {
                var digits = escaped == 'u' ? 4 : 2;
                result.Append(position + digits < text.Length && ushort.TryParse(text.AsSpan(position + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
                    ? (char)value
                    : throw Fault($"an escape '\\{escaped}' without {digits} hexadecimal digits"));
                position += digits;
                continue;
            }

            result.Append(escaped switch { 'n' => "\n", 't' => "\t", 'r' => "\r", '\\' or '\'' or '"' => escaped.ToString(), _ => "\\" + escaped });
        }

        throw Fault("a string without its end");
    }

    private void Add(TokenKind kind, string value)
    {
        if (kind != TokenKind.Data || value.Length > 0)
        {
            tokens.Add(new TemplateToken(kind, value, Line()));
        }
    }

    private int Line()
    {
        line += text.AsSpan(counted, position - counted).Count('\n');
        counted = position;
        return line;
    }

    private InvalidDataException Fault(string what) => new($"{source}, line {Line()}: {FileText.Shown(what)} is not understood in the chat template.");
}
