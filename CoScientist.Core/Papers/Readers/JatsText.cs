using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace CoScientist.Core.Papers.Readers;

/// <summary>Plain text of JATS elements: figures and tables left out, formulas as TeX or in a linear form.</summary>
internal static partial class JatsText
{
    private static readonly HashSet<string> LeftOut = new(StringComparer.Ordinal)
    {
        "fig", "fig-group", "table-wrap", "table-wrap-group", "supplementary-material", "media", "graphic", "inline-graphic", "inline-supplementary-material",
        "label", "object-id", "title", "sec", "app", "app-group", "ref-list", "fn", "fn-group", "ack", "glossary", "bio", "notes", "attrib", "permissions", "caption", "table", "floats-group", "boxed-text", "contrib-group",
    };

    private static readonly HashSet<string> Paragraphs = new(StringComparer.Ordinal)
    {
        "p", "list", "list-item", "def-list", "def-item", "disp-quote", "statement", "verse-group", "disp-formula-group", "preformat", "code",
    };

    /// <summary>Text of an element's own paragraphs, separated by blank lines; subsections are not part of it.</summary>
    public static string Block(XElement element)
    {
        var text = new StringBuilder();
        AppendChildren(element, text);
        return text.ToString();
    }

    /// <summary>Text of a title, name or other short element on one line; empty for null.</summary>
    public static string Inline(XElement? element)
    {
        if (element is null)
        {
            return "";
        }

        var text = new StringBuilder();
        AppendChildren(element, text);
        return PaperDraft.CleanLine(text.ToString());
    }

    private static void AppendChildren(XElement element, StringBuilder text)
    {
        foreach (var node in element.Nodes())
        {
            switch (node)
            {
                case XText piece:
                    text.Append(LineBreaks().Replace(piece.Value, " "));
                    break;
                case XElement child when !LeftOut.Contains(child.Name.LocalName):
                    AppendElement(child, text);
                    break;
            }
        }
    }

    private static void AppendElement(XElement element, StringBuilder text)
    {
        switch (element.Name.LocalName)
        {
            case "disp-formula" or "inline-formula":
                AppendFormula(element, text);
                break;
            case "math":
                text.Append(Math(element));
                break;
            case "tex-math":
                text.Append(Tex(element.Value));
                break;
            case "break":
                text.Append(' ');
                break;
            case "sup":
                AppendRaised(element, text);
                break;
            case "xref" when element.Attribute("ref-type")?.Value is "fn" or "aff" or "corresp" or "author-notes":
                break;
            case var name when Paragraphs.Contains(name):
                text.Append("\n\n");
                AppendChildren(element, text);
                text.Append("\n\n");
                break;
            default:
                AppendChildren(element, text);
                break;
        }
    }

    private static void AppendFormula(XElement element, StringBuilder text)
    {
        var tex = element.Descendants().FirstOrDefault(child => child.Name.LocalName == "tex-math");
        var math = element.Descendants().FirstOrDefault(child => child.Name.LocalName == "math");
        var formula = tex is not null ? Tex(tex.Value) : math is not null ? Math(math) : Inline(element);

        // Some formulas exist only as a picture.
        text.Append(' ').Append(formula.Length > 0 ? formula : "[formula]").Append(' ');
    }

    // Raised citation numbers would stick to the word before them; a raised number after a number is a power.
    private static void AppendRaised(XElement element, StringBuilder text)
    {
        if (element.Descendants().Any(child => child.Name.LocalName == "xref"))
        {
            return;
        }

        var start = text.Length;
        AppendChildren(element, text);
        if (start > 0 && text.Length > start && char.IsDigit(text[start - 1]) && (char.IsDigit(text[start]) || text[start] is '-' or '−' or '–'))
        {
            text.Insert(start, '^');
        }
    }

    // Some publishers wrap every formula in a whole LaTeX document.
    private static string Tex(string source)
    {
        var body = DocumentBody().Match(source);
        return $"${(body.Success ? body.Groups[1].Value : source).Trim().Trim('$').Trim()}$";
    }

    private static string Math(XElement element)
    {
        var parts = element.Elements().Select(Math).ToArray();
        return element.Name.LocalName switch
        {
            "mi" or "mn" or "mtext" or "ms" => element.Value.Trim(),
            "mo" => element.Value.Trim() is { Length: > 0 } sign && "=<>≤≥≈≠∈+→∝".Contains(sign, StringComparison.Ordinal) ? $" {sign} " : element.Value.Trim(),
            "mspace" => " ",
            "msub" or "munder" when parts.Length == 2 => $"{parts[0]}_{parts[1]}",
            "msup" or "mover" when parts.Length == 2 => $"{parts[0]}^{parts[1]}",
            "msubsup" or "munderover" when parts.Length == 3 => $"{parts[0]}_{parts[1]}^{parts[2]}",
            "mfrac" when parts.Length == 2 => $"({parts[0]})/({parts[1]})",
            "msqrt" => $"sqrt({string.Concat(parts)})",
            "annotation" or "annotation-xml" => "",
            _ => string.Concat(parts),
        };
    }

    [GeneratedRegex(@"\s+", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex LineBreaks();

    [GeneratedRegex(@"\\begin\{document\}(.*?)\\end\{document\}", RegexOptions.Singleline | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex DocumentBody();
}
