using System.Text;
using System.Text.RegularExpressions;

namespace CoScientist.Core.Papers.Readers;

/// <summary>Markdown: headings make the sections; title, authors and the like may stand in a YAML front matter.</summary>
/// <param name="time">Clock for ids and import times.</param>
public sealed partial class MarkdownReader(TimeProvider time) : IPaperReader
{
    /// <inheritdoc/>
    public string Format => "markdown";

    /// <inheritdoc/>
    public bool CanRead(string fileName, ReadOnlySpan<byte> head) => PaperReaders.HasExtension(fileName, ".md", ".markdown");

    /// <inheritdoc/>
    public Paper Read(string fileName, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var lines = PlainTextReader.Decode(fileName, content).Split('\n');
        var draft = new PaperDraft();
        var at = ReadFrontMatter(lines, draft);
        var outline = new Outline(draft);
        var fenced = false;
        for (; at < lines.Length; at++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var line = lines[at];
            if (Fence().IsMatch(line))
            {
                fenced = !fenced;
            }
            else if (!fenced && Heading(lines, ref at) is { } heading)
            {
                outline.Open(heading.Level, Plain(heading.Text));
            }
            else if (!fenced && !TableRow().IsMatch(line))
            {
                outline.Append(ListMark().Replace(Plain(line), "\n"));
            }
        }

        outline.Close();
        return draft.ToPaper(fileName, Format, content.Span, time);
    }

    private static (int Level, string Text)? Heading(string[] lines, ref int at)
    {
        if (HashHeading().Match(lines[at]) is { Success: true } hash)
        {
            return (hash.Groups[1].Length, WithoutClosing(hash.Groups[2].Value.Trim()));
        }

        if (at + 1 < lines.Length && lines[at].Trim().Length > 0 && Underline().IsMatch(lines[at + 1]) && (at == 0 || lines[at - 1].Trim().Length == 0))
        {
            at++;
            return (lines[at].TrimStart()[0] == '=' ? 1 : 2, lines[at - 1]);
        }

        return null;
    }

    /// <summary>A heading without the number signs that may close it; those of a word, such as C#, stay.</summary>
    private static string WithoutClosing(string heading)
    {
        var words = heading.TrimEnd('#');
        return words.Length == 0 || char.IsWhiteSpace(words[^1]) ? words.TrimEnd() : heading;
    }

    private static int ReadFrontMatter(string[] lines, PaperDraft draft)
    {
        var end = lines[0].Trim() == "---" ? Array.FindIndex(lines, 1, line => line.Trim() is "---" or "...") : -1;
        if (end < 0)
        {
            return 0;
        }

        var key = "";
        foreach (var line in lines.Take(1..end))
        {
            if (Field().Match(line) is { Success: true } field)
            {
                key = field.Groups["key"].Value.ToLowerInvariant();
                Set(draft, key, field.Groups["value"].Value.Trim());
            }
            else if (line.TrimStart().StartsWith('-'))
            {
                Set(draft, key, line.TrimStart()[1..].Replace("name:", "", StringComparison.Ordinal).Trim());
            }
            else if (key == "abstract")
            {
                draft.Abstract += " " + line.Trim();
            }
        }

        return end + 1;
    }

    private static void Set(PaperDraft draft, string key, string value)
    {
        value = value.Trim('"', '\'');
        switch (key)
        {
            case "title": draft.Title = value; break;
            case "author" or "authors":
                draft.Authors.AddRange(value.Trim('[', ']').Split([',', ';'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(author => author.Trim('"', '\'')));
                break;
            case "date" or "year": draft.Year = TexAuthors.Year(value); break;
            case "doi": draft.Doi = value; break;
            case "arxiv": draft.ArxivId = value; break;
            case "journal" or "venue": draft.Venue = value; break;
            case "license" or "licence": draft.Licence = value; break;
            case "keywords" or "tags": draft.Subjects += " " + value; break;
            case "abstract": draft.Abstract = value.Trim('|', '>', ' '); break;
        }
    }

    private static string Plain(string line)
    {
        line = Image().Replace(line, "");
        line = Link().Replace(line, "$1");
        line = Tag().Replace(line, "");
        return Emphasis().Replace(line, "$2").Replace("`", "", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"^\s{0,3}(#{1,6})\s(.*)$", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex HashHeading();

    [GeneratedRegex(@"^\s{0,3}(={3,}|-{3,})\s*$", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Underline();

    [GeneratedRegex(@"^\s{0,3}(```|~~~)", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Fence();

    [GeneratedRegex(@"^\s*\|.*\|\s*$", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex TableRow();

    [GeneratedRegex(@"^\s*(?:[-*+]|\d+[.)])\s+", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex ListMark();

    [GeneratedRegex(@"^(?<key>[A-Za-z_]+)\s*:(?<value>.*)$", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Field();

    [GeneratedRegex(@"!\[[^\]]*\]\([^)]*\)", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Image();

    [GeneratedRegex(@"\[([^\]]+)\]\([^)]*\)", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Link();

    [GeneratedRegex(@"</?[A-Za-z][^<>]*>", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Tag();

    [GeneratedRegex(@"(\*{1,3}|\b_{1,3})(?=\S)([^*\n]+?)(?<=\S)\1", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Emphasis();
}
