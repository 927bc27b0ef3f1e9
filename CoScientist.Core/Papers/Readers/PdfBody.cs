using System.Text.RegularExpressions;

namespace CoScientist.Core.Papers.Readers;

/// <summary>Headings and paragraphs out of the lines of a PDF. Captions, tables, formulas, notes and references are left out.</summary>
internal sealed partial class PdfBody
{
    private const int LongestHeading = 90;
    private const int MostHeadingWords = 12;

    private readonly PaperDraft draft;
    private readonly List<PdfColumnLine> lines;
    private readonly double height;
    private readonly double spacing;
    private readonly PdfWords words;
    private readonly FlatOutline outline = new();
    private readonly List<string> pieces = [];
    private readonly List<PdfColumnLine> paragraph = [];
    private IReadOnlyList<string> path = [];
    private int[] lastNumber = [];
    private bool inAbstract;

    public PdfBody(PaperDraft draft, List<PdfColumnLine> lines)
    {
        this.draft = draft;
        this.lines = lines;
        height = PdfLayout.BodyHeight(lines);
        words = new PdfWords(lines.Select(line => line.Line.Text));
        var gaps = lines.Zip(lines.Skip(1), (one, next) => next.Line.Middle - one.Line.Middle).Where(gap => gap > 0.5 * height && gap < 3 * height).Order().ToList();
        spacing = gaps.Count == 0 ? 1.2 * height : gaps[gaps.Count / 2];
    }

    /// <summary>Reads from a line on.</summary>
    public void Read(int from, CancellationToken cancellationToken)
    {
        for (var i = from; i < lines.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (RunInAbstract().Match(lines[i].Line.Text) is { Success: true } match && draft.Abstract.Length == 0 && !inAbstract)
            {
                EndSection();
                inAbstract = true;
                if (match.Groups["rest"].Length > 0)
                {
                    paragraph.Add(lines[i] with { Line = lines[i].Line with { Text = match.Groups["rest"].Value } });
                }
            }
            else if (Heading(i) is { } heading)
            {
                EndSection();
                i += heading.Lines - 1;
                path = outline.Path(heading.Text);
            }
            else
            {
                if (paragraph.Count > 0 && StartsParagraph(lines[i - 1], lines[i]))
                {
                    EndParagraph();
                }

                paragraph.Add(lines[i]);
            }
        }

        EndSection();
    }

    private void EndSection()
    {
        EndParagraph();
        var text = string.Join("\n\n", RunningText.Paragraphs(pieces));
        if (inAbstract && text.Length > 0)
        {
            draft.Abstract = text;
            inAbstract = false;
        }
        else
        {
            draft.AddSection(path, text);
        }

        pieces.Clear();
    }

    private void EndParagraph()
    {
        var text = paragraph.Aggregate("", (before, line) => words.Join(before, line.Line.Text));
        var size = paragraph.Count == 0 ? 0 : paragraph.Average(line => line.Line.Height);
        if (Caption().IsMatch(text) && (CaptionMark().IsMatch(text) || size < 0.97 * height))
        {
            // Captions stand anywhere on the page; the text around them goes on.
        }
        else if (IsProse(text, size))
        {
            pieces.Add(text);
        }
        else if (text.Contains('=', StringComparison.Ordinal) && pieces.Count > 0 && !pieces[^1].EndsWith("[formula]", StringComparison.Ordinal))
        {
            pieces[^1] += " [formula]";
        }

        paragraph.Clear();
    }

    // Letters of a readable size in words of a readable length: cells of tables, axes of figures and formulas have neither.
    private bool IsProse(string text, double size)
    {
        // A short line alone that does not end a sentence is the head of a table or a label of a figure.
        if (paragraph.Count == 1 && paragraph[0].Line.Right < paragraph[0].ColumnRight - (4 * height) && !SentenceEnd().IsMatch(text))
        {
            return false;
        }

        if (text.Length == 0 || (size < 0.88 * height && !inAbstract && (paragraph.Count < 4 || size < 0.75 * height)))
        {
            return false;
        }

        var letters = text.Count(char.IsLetter);
        var readable = Word().Count(text);
        return letters > 0.6 * text.Length && readable >= 2 && readable > 0.3 * (text.Count(letter => letter == ' ') + 1);
    }

    private bool StartsParagraph(PdfColumnLine before, PdfColumnLine line)
    {
        if (Math.Abs(before.ColumnLeft - line.ColumnLeft) > 5 || line.Line.Top < before.Line.Top)
        {
            // The next column or page: a new paragraph only where it is indented.
            return IsIndented(line) || Math.Abs(before.Line.Height - line.Line.Height) > 0.08 * height || Caption().IsMatch(line.Line.Text);
        }

        return line.Line.Middle - before.Line.Middle > 1.35 * spacing
            || (IsIndented(line) && !IsIndented(before))
            || Math.Abs(before.Line.Height - line.Line.Height) > 0.12 * height
            || (Caption().IsMatch(line.Line.Text) && CaptionMark().IsMatch(line.Line.Text));
    }

    private bool IsIndented(PdfColumnLine line) => line.Line.Left > line.ColumnLeft + (0.7 * height) && line.Line.Left < line.ColumnLeft + (4 * height);

    private (string Text, int Lines)? Heading(int at)
    {
        var line = lines[at].Line;
        var text = line.Text;
        var isLarge = line.Height > 1.07 * height;
        if (text.Length > LongestHeading || text.Count(char.IsLetter) < 3 || text.EndsWith(',') || text.EndsWith(';') || char.IsLower(text[0]))
        {
            return null;
        }

        // A heading over two lines.
        var count = 1;
        if (isLarge && at + 1 < lines.Count && lines[at + 1].Line is var second && Math.Abs(second.Height - line.Height) < 0.02 * height && second.Top > line.Top
            && second.Top - line.Bottom < 0.6 * line.Height && !Numbered().IsMatch(second.Text) && text.Length + second.Text.Length < 2 * LongestHeading)
        {
            text = words.Join(text, second.Text);
            count = 2;
        }

        if (text.Split(' ').Length > MostHeadingWords * count || Caption().IsMatch(text))
        {
            return null;
        }

        if (Numbered().Match(text) is { Success: true } numbered)
        {
            return Follows(numbered.Groups["number"].Value) && StandsAlone(at) ? (text, count) : null;
        }

        var isKnown = KnownHeading().IsMatch(text) || SectionRoles.IsBackMatter(text);
        return StandsAlone(at) && (isKnown || (isLarge && !text.EndsWith('.') && Word().IsMatch(text)) || IsQuiet(at)) ? (text, count) : null;
    }

    // A heading in the letters of the text: a short line after a gap, and the full line after it starts a sentence.
    private bool IsQuiet(int at)
    {
        var line = lines[at];
        var width = line.ColumnRight - line.ColumnLeft;
        return at > 0 && at + 1 < lines.Count && lines[at + 1] is var next && next.Line.Top > line.Line.Top
            && QuietHeading().IsMatch(line.Line.Text)
            && line.Line.Left < line.ColumnLeft + (0.5 * height) && line.Line.Right - line.Line.Left < 0.75 * width
            && Math.Abs(line.Line.Height - height) < 0.15 * height
            && (lines[at - 1].Line.Top > line.Line.Top || line.Line.Middle - lines[at - 1].Line.Middle > 1.2 * spacing)
            && next.Line.Middle - line.Line.Middle < 2 * spacing && next.Line.Right - next.Line.Left > 0.75 * width && char.IsUpper(next.Line.Text[0]);
    }

    // A line of its own: the text after it does not go on with it.
    private bool StandsAlone(int at)
    {
        var line = lines[at];
        var isShort = line.Line.Right < line.ColumnRight - (2 * height);
        var after = at + 1 < lines.Count && lines[at + 1].Line.Top > line.Line.Top ? lines[at + 1].Line.Middle - line.Line.Middle : double.MaxValue;
        var before = at > 0 && lines[at - 1].Line.Top < line.Line.Top ? line.Line.Middle - lines[at - 1].Line.Middle : double.MaxValue;
        return (isShort && (before > 1.1 * spacing || after > 1.1 * spacing || line.Line.Height > 1.07 * height)) || (before > 1.2 * spacing && after > 1.2 * spacing);
    }

    // Numbers of headings count on; those of lists and formulas start over. One heading may have been missed.
    private bool Follows(string number)
    {
        if (!char.IsAsciiDigit(number[0]))
        {
            return true;
        }

        var parts = number.Split('.', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse).ToArray();
        var depth = 0;
        while (depth < parts.Length - 1 && depth < lastNumber.Length && parts[depth] == lastNumber[depth])
        {
            depth++;
        }

        var last = depth < lastNumber.Length ? lastNumber[depth] : 0;
        if (parts[depth] <= last || parts[depth] > last + 2 || parts[(depth + 1)..].Any(part => part > 1))
        {
            return false;
        }

        lastNumber = parts;
        return true;
    }

    [GeneratedRegex(@"^(?<number>\d{1,2}(\.\d{1,2}){0,3}|[IVX]{1,5}(?=\.)|[A-H](?=[.)]?\s))[.)]?\s+(?=\p{Lu}|[""“‘]\p{Lu})", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Numbered();

    [GeneratedRegex(@"^(introduction|background|related works?|aims?|objectives?|((materials?|patients|subjects|participants) and )?methods?|methods? and materials?|methodology|experimental (procedures?|section|set-?up|design)|experiments?|statistical analys[ie]s|evaluation|data ?sets?|results?( and discussions?)?|discussions?( and conclusions?)?|(discussion, )?limitations|conclusions?( and (future|further) work)?|future work|appendix( [A-Z])?)\W*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex KnownHeading();

    [GeneratedRegex(@"^\p{Lu}[\p{L}\d ,:’'()/–-]{4,}(?<![,:])$", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex QuietHeading();

    [GeneratedRegex(@"^\W*(a\s?b\s?s\s?t\s?r\s?a\s?c\s?t|summary)\W{0,4}(?<rest>$|(?<=\W\s?)\S.*$)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex RunInAbstract();

    [GeneratedRegex(@"^(fig(ure|\.)?|table|tab\.|algorithm|listing|scheme|box|chart)\s*S?\d+\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Caption();

    [GeneratedRegex(@"^\w+\.?\s*S?\d+\s*([.:|–—]|$)", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex CaptionMark();

    [GeneratedRegex(@"[.!?:;,-][""'”’)\]]*$", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex SentenceEnd();

    [GeneratedRegex(@"\p{L}{3,}", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Word();
}
