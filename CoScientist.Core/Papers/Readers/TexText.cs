using System.Text;

namespace CoScientist.Core.Papers.Readers;

/// <summary>
/// Turns the body of a TeX document into sections of plain text. Figures, tables and listings are left out, mathematics stays
/// TeX between dollar signs, citations become "[1]" (or the names where the text uses them), references "[ref]".
/// </summary>
internal sealed class TexText
{
    // No paper has twenty; what lies within each level is copied.
    private const int MaxNesting = 60;

    private readonly PaperDraft draft;
    private readonly TexFront front;
    private readonly TexCitations citations;
    private readonly List<(int Level, string Title)> headings = [];
    private readonly StringBuilder section = new();

    /// <summary>Reads into a draft.</summary>
    /// <param name="draft">Where title, abstract and sections go.</param>
    /// <param name="citationLabels">Names and years of the bibliography by key.</param>
    public TexText(PaperDraft draft, IReadOnlyDictionary<string, string> citationLabels)
    {
        this.draft = draft;
        front = new TexFront(draft, Plain);
        citations = new TexCitations(citationLabels);
    }

    /// <summary>Reads the whole document into the draft.</summary>
    public void Read(string document)
    {
        var start = document.IndexOf(@"\begin{document}", StringComparison.Ordinal);
        var end = document.IndexOf(@"\end{document}", Math.Max(start, 0), StringComparison.Ordinal);
        var preamble = start < 0 ? "" : document[..start];
        var body = document[(start < 0 ? 0 : start + 16)..(end < 0 ? document.Length : end)];
        front.ReadPreamble(preamble);
        Append(body, section, 0, topLevel: true);
        Flush();
    }

    /// <summary>Plain text of a piece of TeX, without sections.</summary>
    public string Plain(string tex)
    {
        var text = new StringBuilder();
        Append(tex, text, 0, topLevel: false);
        return text.ToString();
    }

    private void Append(string tex, StringBuilder text, int depth, bool topLevel)
    {
        if (depth > MaxNesting)
        {
            return;
        }

        var scan = new TexScanner(tex, 0);
        while (!scan.AtEnd)
        {
            switch (scan.Peek)
            {
                case '\\':
                    scan.Next();
                    Command(scan.CommandName(), ref scan, text, depth, topLevel);
                    break;
                case '$':
                    text.Append('$').Append(TexSpans.Mathematics(ref scan)).Append('$');
                    break;
                case '{' when RunInHeading(tex, scan.Position):
                    AppendRunIn(scan.Argument(), ref scan, text, depth);
                    break;
                case '{' or '}':
                    scan.Next();
                    break;
                case '~' or '&':
                    scan.Next();
                    text.Append(' ');
                    break;
                case '-' or '`' or '\'':
                    text.Append(TexSymbols.Ligature(ref scan));
                    break;
                default:
                    text.Append(scan.Next());
                    break;
            }
        }
    }

    private static bool RunInHeading(string tex, int at) => tex.AsSpan(at).StartsWith(@"{\bf") || tex.AsSpan(at).StartsWith(@"{\it") || tex.AsSpan(at).StartsWith(@"{\em");

    // Bold words before the first sentence of a paragraph are its heading: they end with a stop of their own.
    private void AppendRunIn(string group, ref TexScanner scan, StringBuilder text, int depth)
    {
        var opens = OpensParagraph(text);
        var start = text.Length;
        Append(group, text, depth + 1, topLevel: false);
        var ahead = scan;
        ahead.SkipSpace();
        if (opens && text.Length > start && !char.IsPunctuation(text[^1]) && char.IsUpper(ahead.Peek))
        {
            text.Append(". ");
        }
    }

    private static bool OpensParagraph(StringBuilder text)
    {
        var breaks = 0;
        for (var i = text.Length - 1; i >= 0 && breaks < 2; i--)
        {
            if (!char.IsWhiteSpace(text[i]))
            {
                return false;
            }

            breaks += text[i] == '\n' ? 1 : 0;
        }

        return true;
    }

    private void Command(string name, ref TexScanner scan, StringBuilder text, int depth, bool topLevel)
    {
        if (topLevel && (Heading(name, ref scan) || front.Read(name, ref scan)))
        {
            return;
        }

        switch (name)
        {
            case "begin":
                Environment(scan.Argument().Trim(), ref scan, text, depth, topLevel);
                break;
            case "end":
                scan.Argument();
                text.Append("\n\n");
                break;
            case "(" or "[":
                text.Append('$').Append(TexSpans.Formula(ref scan, name == "(" ? @"\)" : @"\]")).Append('$');
                break;
            case "item":
                text.Append("\n\n");
                if (scan.OptionalArgument() is { Length: > 0 } label)
                {
                    Append(label, text, depth + 1, topLevel: false);
                    text.Append(' ');
                }

                break;
            case "textbf" or "textit" or "emph" or "underline" when scan.Peek == '{':
                AppendRunIn(scan.Argument(), ref scan, text, depth);
                break;
            case "par" or "newline" or "bigskip" or "medskip" or "smallskip":
                text.Append("\n\n");
                break;
            case "\\":
                scan.SkipStar();
                scan.OptionalArgument();
                text.Append(' ');
                break;
            case "bibliography" or "maketitle" or "tableofcontents":
                if (name == "bibliography")
                {
                    scan.Argument();
                }

                break;
            case var cite when TexCitations.IsCitation(cite):
                text.Append(citations.Read(name, ref scan, Plain));
                break;
            case var reference when reference.EndsWith("ref", StringComparison.OrdinalIgnoreCase) && reference is not "href":
                scan.SkipStar();
                scan.Argument();
                text.Append("[ref]");
                break;
            default:
                Formatting(name, ref scan, text, depth, topLevel);
                break;
        }
    }

    private void Formatting(string name, ref TexScanner scan, StringBuilder text, int depth, bool topLevel)
    {
        if (TexSymbols.Accented(name, ref scan) is { } letter)
        {
            text.Append(letter);
        }
        else if (TexSymbols.Symbol(name) is { } symbol)
        {
            text.Append(symbol);
        }
        else if (TexSymbols.DroppedArguments(name) is { } dropped)
        {
            scan.SkipStar();
            scan.OptionalArgument();
            for (var i = 0; i < dropped; i++)
            {
                scan.Argument();
                scan.OptionalArgument();
            }
        }
        else
        {
            // An unknown command: its name goes, what stands in its braces stays.
            scan.SkipStar();
            if (scan.Peek == '[')
            {
                scan.OptionalArgument();
            }

            while (scan.Peek == '{')
            {
                Append(scan.Argument(), text, depth + 1, topLevel);
                text.Append(scan.Peek == '{' ? " " : "");
            }
        }
    }

    private void Environment(string name, ref TexScanner scan, StringBuilder text, int depth, bool topLevel)
    {
        var bare = name.TrimEnd('*');
        if (bare is "abstract" or "onecolabstract")
        {
            draft.Abstract = Plain(TexSpans.Inside(name, ref scan));
        }
        else if (TexSymbols.IsFormula(bare))
        {
            if (TexSymbols.HasColumns(bare))
            {
                scan.OptionalArgument();
                scan.Argument();
            }

            text.Append(" $").Append(TexSpans.Inside(name, ref scan).Trim()).Append("$ ");
        }
        else if (TexSymbols.IsLeftOut(bare))
        {
            TexSpans.Inside(name, ref scan);
        }
        else
        {
            scan.OptionalArgument();
            if (bare is "minipage" or "multicols" or "adjustwidth" or "spacing")
            {
                scan.Argument();
            }

            text.Append("\n\n");
            if (bare is not ("document" or "frontmatter" or "multicols" or "spacing"))
            {
                Append(TexSpans.Inside(name, ref scan), text, depth + 1, topLevel);
                text.Append("\n\n");
            }
        }
    }

    private bool Heading(string name, ref TexScanner scan)
    {
        if (name == "appendix")
        {
            Open(0, "Appendix");
            return true;
        }

        var level = name switch
        {
            "part" or "chapter" => 0,
            "section" => 1,
            "subsection" => 2,
            "subsubsection" => 3,
            "paragraph" or "subparagraph" => 4,
            _ => -1,
        };
        if (level < 0)
        {
            return false;
        }

        scan.SkipStar();
        scan.OptionalArgument();
        Open(level, Plain(scan.Argument()).Trim().TrimEnd('.', ':'));
        return true;
    }

    private void Open(int level, string title)
    {
        Flush();
        headings.RemoveAll(heading => heading.Level >= level);
        headings.Add((level, title));
    }

    private void Flush()
    {
        draft.AddSection([.. headings.Select(heading => heading.Title)], section.ToString());
        section.Clear();
    }
}
