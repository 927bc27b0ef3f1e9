using System.Globalization;
using System.Text;

namespace CoScientist.Training.Tokenization;

/// <summary>
/// Brings a pattern of a <c>tokenizer.json</c>, which Hugging Face's library gives to Oniguruma (Ruby syntax), to the syntax of
/// .NET with the same meaning. What it does not know is refused by name and place instead of being matched differently.
/// </summary>
internal sealed class OnigurumaPattern
{
    private const int LongestPattern = 10_000;
    private const int DeepestGroup = 50;

    private static readonly HashSet<string> Categories =
    [
        "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
        "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf", "Cs", "Co", "Cn",
    ];

    // Letters, marks, digits and connectors (Unicode Technical Standard 18); .NET's own \w leaves some out.
    private const string WordCharacters = @"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\u24B6-\u24E9";

    private readonly string pattern;
    private readonly StringBuilder output = new();
    private readonly Stack<(int Start, bool IgnoreCase)> groups = new();
    private int position;
    private int atom;
    private bool repeatable;
    private bool ignoreCase;

    private OnigurumaPattern(string pattern) => this.pattern = pattern;

    /// <summary>The pattern in .NET's syntax.</summary>
    /// <exception cref="TokenizerFault">A construct is unknown or broken.</exception>
    public static string Translate(string pattern)
    {
        if (pattern.Length > LongestPattern)
        {
            throw new TokenizerFault($"a pattern of pre_tokenizer has {pattern.Length} characters; at most {LongestPattern} are accepted.");
        }

        return new OnigurumaPattern(pattern).Translate();
    }

    private string Translate()
    {
        while (position < pattern.Length)
        {
            var character = pattern[position++];
            switch (character)
            {
                case '(':
                    OpenGroup();
                    break;
                case ')':
                    CloseGroup();
                    break;
                case '|':
                    output.Append('|');
                    repeatable = false;
                    break;
                case '*' or '+' or '?' or '{':
                    Repeat(character);
                    break;
                case '[':
                    Atom(Class());
                    break;
                case '\\':
                    Atom(Escape(inClass: false));
                    break;
                case '.':
                    Atom(@"[^\n]");
                    break;
                case '^':
                    Atom(@"(?:\A|(?<=\n)(?!\z))");
                    break;
                case '$':
                    Atom(@"(?=\n|\z)");
                    break;
                default:
                    Atom(Literal(character, inClass: false));
                    break;
            }
        }

        return groups.Count == 0 ? output.ToString() : throw Fault("a group without an end");
    }

    private void Atom(string translated)
    {
        atom = output.Length;
        output.Append(translated);
        repeatable = true;
    }

    private void OpenGroup()
    {
        if (groups.Count == DeepestGroup)
        {
            throw Fault($"more than {DeepestGroup} groups inside each other");
        }

        groups.Push((output.Length, ignoreCase));
        repeatable = false;
        foreach (var kind in new[] { "?:", "?=", "?!", "?<=", "?<!", "?>" })
        {
            if (pattern.AsSpan(position).StartsWith(kind))
            {
                position += kind.Length;
                output.Append('(').Append(kind);
                return;
            }
        }

        if (pattern.AsSpan(position).StartsWith("?i:"))
        {
            position += 3;
            output.Append("(?i:");
            ignoreCase = true;
        }
        else if (position < pattern.Length && pattern[position] == '?')
        {
            throw Fault("a kind of group");
        }
        else
        {
            output.Append("(?:");
        }
    }

    private void CloseGroup()
    {
        if (groups.Count == 0)
        {
            throw Fault("a ')' without its '('");
        }

        (atom, ignoreCase) = groups.Pop();
        output.Append(')');
        repeatable = true;
    }

    private void Repeat(char kind)
    {
        var quantifier = kind == '{' ? Interval() : kind.ToString();
        if (quantifier is null)
        {
            Atom(@"\{");
            return;
        }

        if (!repeatable)
        {
            throw Fault("a repetition of nothing");
        }

        output.Append(quantifier);
        var modifier = position < pattern.Length ? pattern[position] : '\0';
        if (kind != '{' && modifier is '+' or '?')
        {
            position++;
            if (modifier == '?')
            {
                output.Append('?');
            }
            else
            {
                // Possessive: what it took it does not give back.
                output.Insert(atom, "(?>").Append(')');
            }
        }

        // A further repetition repeats the whole.
        output.Insert(atom, "(?:").Append(')');
    }

    /// <summary>What follows a '{': the bounds; null where it is no repetition but a brace.</summary>
    private string? Interval()
    {
        var end = pattern.IndexOf('}', position);
        var bounds = end < 0 ? [] : pattern[position..end].Split(',');
        if (bounds.Length is 0 or > 2 || bounds.All(string.IsNullOrEmpty) || !Array.TrueForAll(bounds, bound => bound.Length <= 4 && bound.All(char.IsAsciiDigit)))
        {
            return null;
        }

        position = end + 1;
        var (least, most) = (Bound(bounds[0]), bounds.Length == 1 ? Bound(bounds[0]) : Bound(bounds[1]));
        if (most < least)
        {
            throw Fault("a repetition whose bounds are swapped");
        }

        return "{" + (least ?? 0) + (bounds.Length == 1 ? "" : "," + most) + "}";

        static int? Bound(string text) => text.Length == 0 ? null : int.Parse(text);
    }

    private string Class()
    {
        var result = new StringBuilder("[");
        if (position < pattern.Length && pattern[position] == '^')
        {
            position++;
            result.Append('^');
        }

        for (var empty = true; ; empty = false)
        {
            if (position == pattern.Length)
            {
                throw Fault("a character class without an end");
            }

            var character = pattern[position++];
            switch (character)
            {
                case ']' when !empty:
                    return result.Append(']').ToString();
                case ']':
                    throw Fault("an empty character class");
                case '[':
                    throw Fault("a class inside a class");
                case '&' when position < pattern.Length && pattern[position] == '&':
                    throw Fault("an intersection of classes");
                case '\\':
                    result.Append(Escape(inClass: true));
                    break;
                case '-' when !empty && position < pattern.Length && pattern[position] != ']':
                    // A range, whose first character is written already.
                    result.Append('-');
                    break;
                default:
                    result.Append(Literal(character, inClass: true));
                    break;
            }
        }
    }

    private string Escape(bool inClass)
    {
        if (position == pattern.Length)
        {
            throw Fault("a backslash at the end");
        }

        var character = pattern[position++];
        switch (character)
        {
            case 's' or 'S' or 'd' or 'D':
                return $"\\{character}";
            case 'w':
                return inClass ? WordCharacters : $"[{WordCharacters}]";
            case 'W' when !inClass:
                return $"[^{WordCharacters}]";
            case 'r' or 'n' or 't' or 'f' or 'v':
                return $"\\{character}";
            case 'p' or 'P':
                return Property(character);
            case 'A' or 'z' when !inClass:
                return $"\\{character}";
            case 'x' or 'u':
                return Literal(Code(character), inClass);
        }

        return char.IsAsciiLetterOrDigit(character) ? throw Fault($"'\\{character}'") : Literal(character, inClass);
    }

    private string Property(char letter)
    {
        var end = pattern.IndexOf('}', position);
        if (end < 0 || pattern[position] != '{')
        {
            throw Fault($"'\\{letter}' without a name in braces");
        }

        var name = pattern[(position + 1)..end];
        position = end + 1;
        if (name.StartsWith('^'))
        {
            (name, letter) = (name[1..], letter == 'p' ? 'P' : 'p');
        }

        return Categories.Contains(name) ? $"\\{letter}{{{name}}}" : throw Fault($"'\\p{{{name}}}', which is no general category,");
    }

    /// <summary>The character of \xHH, \x{H…} or \uHHHH.</summary>
    private char Code(char kind)
    {
        var braces = kind == 'x' && position < pattern.Length && pattern[position] == '{';
        var start = braces ? position + 1 : position;
        var end = braces ? pattern.IndexOf('}', start) : Math.Min(pattern.Length, start + (kind == 'x' ? 2 : 4));
        if (end <= start || !int.TryParse(pattern.AsSpan(start, end - start), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) || value > char.MaxValue)
        {
            throw Fault($"'\\{kind}' without a code of the basic plane");
        }

        position = braces ? end + 1 : end;
        return (char)value;
    }

    private string Literal(char character, bool inClass)
    {
        if (char.IsSurrogate(character))
        {
            throw Fault("a character beyond the basic plane");
        }

        // Without regard to case, the long s is an s and the Kelvin sign a k; .NET knows the second only.
        var text = $"\\u{(int)character:X4}";
        return ignoreCase && character is 's' or 'S' ? inClass ? text + @"\u017F" : @"[sS\u017F]" : text;
    }

    private TokenizerFault Fault(string what) =>
        new($"a pattern of pre_tokenizer is not supported: {what} at character {position} of \"{pattern}\". Use a model with a tokenizer like those of GPT-2, Qwen or Llama 3.");
}
