using System.Text;

namespace CoScientist.Core.Papers.Readers;

/// <summary>Collects the simple macros of a document (\newcommand, \def, operators) and puts their bodies in.</summary>
internal sealed class TexMacros
{
    private const int MaxNesting = 16;
    private const int MostArguments = 9; // as TeX itself
    private const int MaxCharacters = 5_000_000;

    private readonly string fileName;
    private readonly Dictionary<string, Macro> macros = new(StringComparer.Ordinal);
    private int written;

    private sealed record Macro(int Arguments, string? Default, string Body);

    /// <summary>Reads the definitions of a document.</summary>
    public TexMacros(string fileName, string text)
    {
        this.fileName = fileName;
        for (var at = text.IndexOf('\\', StringComparison.Ordinal); at >= 0 && at < text.Length; at = text.IndexOf('\\', Math.Min(at + 1, text.Length)))
        {
            var scan = new TexScanner(text, at + 1);
            var name = scan.CommandName();
            if (name is "newcommand" or "renewcommand" or "providecommand" or "DeclareRobustCommand" or "DeclareMathOperator" or "def")
            {
                Define(name, scan);
            }
        }
    }

    /// <summary>The text with definitions taken out and macros replaced by what they stand for.</summary>
    /// <exception cref="PaperFormatException">The macros call themselves or grow beyond any paper.</exception>
    public string Expand(string text)
    {
        var result = new StringBuilder(text.Length);
        Expand(text, result, 0);
        return result.ToString();
    }

    private void Define(string command, TexScanner scan)
    {
        scan.SkipStar();
        scan.SkipSpace();
        var target = scan.Peek == '{' ? scan.Argument().Trim() : scan.TryCommand();
        if (target is null || !target.StartsWith('\\') || target.Length < 2)
        {
            return;
        }

        var arguments = 0;
        string? optional = null;
        if (command == "def")
        {
            var pattern = scan.Until('{');
            arguments = Math.Min(pattern.Count(letter => letter == '#'), MostArguments);
        }
        else
        {
            arguments = int.TryParse(scan.OptionalArgument(), out var count) ? Math.Clamp(count, 0, MostArguments) : 0;
            optional = arguments > 0 ? scan.OptionalArgument() : null;
        }

        if (scan.Peek == '{' && scan.Argument() is var body && !body.Contains('@', StringComparison.Ordinal))
        {
            macros[target[1..]] = new Macro(arguments, optional, command == "DeclareMathOperator" ? $@"\operatorname{{{body}}}" : body);
        }
    }

    private void Expand(string text, StringBuilder result, int nesting)
    {
        var scan = new TexScanner(text, 0);
        while (!scan.AtEnd)
        {
            if (scan.Peek != '\\')
            {
                result.Append(scan.Next());
                continue;
            }

            var start = scan.Position;
            scan.Next();
            var name = scan.CommandName();
            if (name is "newcommand" or "renewcommand" or "providecommand" or "DeclareRobustCommand" or "DeclareMathOperator" or "def")
            {
                SkipDefinition(name, ref scan);
            }
            else if (macros.TryGetValue(name, out var macro) && nesting < MaxNesting)
            {
                var body = Fill(macro, ref scan);
                written += body.Length + 1;
                if (written > MaxCharacters)
                {
                    throw new PaperFormatException(fileName, "its TeX macros grow without end. Mend the definitions and import it again.");
                }

                Expand(body, result, nesting + 1);
            }
            else
            {
                result.Append(text, start, scan.Position - start);
            }
        }
    }

    private static string Fill(Macro macro, ref TexScanner scan)
    {
        if (macro.Arguments == 0)
        {
            return macro.Body;
        }

        var arguments = new string[macro.Arguments];
        for (var i = 0; i < arguments.Length; i++)
        {
            arguments[i] = i == 0 && macro.Default is not null ? scan.OptionalArgument() ?? macro.Default : scan.Argument();
        }

        var body = new StringBuilder();
        for (var i = 0; i < macro.Body.Length; i++)
        {
            if (macro.Body[i] == '#' && i + 1 < macro.Body.Length && macro.Body[i + 1] - '1' is >= 0 and < 9 and var number && number < arguments.Length)
            {
                body.Append(arguments[number]);
                i++;
            }
            else
            {
                body.Append(macro.Body[i]);
            }
        }

        return body.ToString();
    }

    private static void SkipDefinition(string command, ref TexScanner scan)
    {
        scan.SkipStar();
        scan.SkipSpace();
        if (scan.Peek == '{')
        {
            scan.Argument();
        }
        else
        {
            scan.TryCommand();
        }

        if (command == "def")
        {
            scan.Until('{');
        }
        else
        {
            scan.OptionalArgument();
            scan.OptionalArgument();
        }

        if (scan.Peek == '{')
        {
            scan.Argument();
        }
    }
}
