using System.Text;

namespace CoScientist.Core.Papers.Readers;

/// <summary>Spans of TeX that are taken whole: environments and mathematics.</summary>
internal static class TexSpans
{
    /// <summary>Everything up to the matching \end of an environment, nested ones of the same name included.</summary>
    public static string Inside(string name, ref TexScanner scan)
    {
        var result = new StringBuilder();
        var depth = 1;
        while (!scan.AtEnd)
        {
            result.Append(scan.Until('\\'));
            var command = scan.TryCommand();
            if (command is @"\begin" or @"\end" && scan.Peek == '{')
            {
                var inner = scan.Argument();
                depth += inner.Trim() != name ? 0 : command == @"\begin" ? 1 : -1;
                if (depth == 0)
                {
                    break;
                }

                result.Append(command).Append('{').Append(inner).Append('}');
            }
            else
            {
                result.Append(command);
            }
        }

        return result.ToString();
    }

    /// <summary>A formula between single or double dollar signs, without them.</summary>
    public static string Mathematics(ref TexScanner scan)
    {
        scan.Next();
        var display = scan.Peek == '$';
        if (display)
        {
            scan.Next();
        }

        var formula = Formula(ref scan, "$");
        if (display && scan.Peek == '$')
        {
            scan.Next();
        }

        return formula;
    }

    /// <summary>A formula up to the command or character that ends it.</summary>
    public static string Formula(ref TexScanner scan, string end)
    {
        var result = new StringBuilder();
        while (!scan.AtEnd)
        {
            var piece = scan.TryCommand() ?? scan.Next().ToString();
            if (piece == end)
            {
                break;
            }

            result.Append(piece);
        }

        return result.ToString().Trim();
    }
}
