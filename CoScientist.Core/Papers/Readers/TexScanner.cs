namespace CoScientist.Core.Papers.Readers;

/// <summary>Walks over TeX text: commands, groups and optional arguments. Malformed text ends groups early and never throws.</summary>
internal struct TexScanner(string text, int position)
{
    public int Position { get; private set; } = position;

    public readonly bool AtEnd => Position >= text.Length;

    /// <summary>The next character; '\0' at the end.</summary>
    public readonly char Peek => AtEnd ? '\0' : text[Position];

    public char Next() => text[Position++];

    public void SkipSpace()
    {
        while (!AtEnd && char.IsWhiteSpace(text[Position]))
        {
            Position++;
        }
    }

    public void SkipStar()
    {
        if (Peek == '*')
        {
            Position++;
        }
    }

    /// <summary>Name of a command, the backslash already read: letters (with @), or one other character.</summary>
    public string CommandName()
    {
        var start = Position;
        while (!AtEnd && (char.IsAsciiLetter(text[Position]) || text[Position] == '@'))
        {
            Position++;
        }

        if (Position == start && !AtEnd)
        {
            Position++;
        }

        return text[start..Position];
    }

    /// <summary>A whole command with its backslash; null when none stands here.</summary>
    public string? TryCommand()
    {
        if (Peek != '\\')
        {
            return null;
        }

        Position++;
        return "\\" + CommandName();
    }

    /// <summary>Text up to a character, which is not read.</summary>
    public string Until(char end)
    {
        var start = Position;
        while (!AtEnd && text[Position] != end)
        {
            Position++;
        }

        return text[start..Position];
    }

    /// <summary>A required argument: a group without its braces, else a command, else one character.</summary>
    public string Argument()
    {
        SkipSpace();
        if (AtEnd)
        {
            return "";
        }

        return Peek == '{' ? Balanced('{', '}') : TryCommand() ?? Next().ToString();
    }

    /// <summary>An optional argument without its brackets; null when there is none.</summary>
    public string? OptionalArgument()
    {
        var start = Position;
        SkipSpace();
        if (Peek == '[')
        {
            return Balanced('[', ']');
        }

        Position = start;
        return null;
    }

    private string Balanced(char open, char close)
    {
        var start = ++Position;
        var depth = 1;
        var braces = 0;
        while (!AtEnd)
        {
            var letter = Next();
            if (letter == '\\' && !AtEnd)
            {
                Position++;
            }
            else if (open == '[' && letter is '{' or '}')
            {
                braces += letter == '{' ? 1 : -1;
            }
            else if (letter == open && braces == 0)
            {
                depth++;
            }
            else if (letter == close && braces == 0 && --depth == 0)
            {
                return text[start..(Position - 1)];
            }
        }

        return text[start..];
    }
}
