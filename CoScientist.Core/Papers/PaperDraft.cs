using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace CoScientist.Core.Papers;

/// <summary>What a reader has gathered so far: cleans texts, gives sections their order and role, and refuses what is no paper.</summary>
internal sealed partial class PaperDraft
{
    private const int LeastWordsWithoutHeadings = 200;

    private readonly List<(IReadOnlyList<string> Path, string Text)> sections = [];

    public string Title { get; set; } = "";

    public List<string> Authors { get; } = [];

    public int? Year { get; set; }

    public string? Venue { get; set; }

    public string? Doi { get; set; }

    public string? Pmid { get; set; }

    public string? ArxivId { get; set; }

    public string? Licence { get; set; }

    public int? Version { get; set; }

    public string Abstract { get; set; } = "";

    /// <summary>Subjects and keywords: only used to guess the domain.</summary>
    public string Subjects { get; set; } = "";

    /// <summary>
    /// Adds a section with its own text, without its subsections'; back matter and empty sections are left out. What follows
    /// under the same headings belongs to the same section.
    /// </summary>
    public void AddSection(IReadOnlyList<string> path, string text)
    {
        var headings = path.Select(CleanLine).Where(heading => heading.Length > 0).ToList();
        var clean = CleanText(text);
        if (clean.Length == 0 || headings.Any(SectionRoles.IsBackMatter))
        {
            return;
        }

        if (sections.Count > 0 && sections[^1].Path.SequenceEqual(headings, StringComparer.Ordinal))
        {
            sections[^1] = (headings, $"{sections[^1].Text}\n\n{clean}");
        }
        else
        {
            sections.Add((headings, clean));
        }
    }

    /// <summary>The finished paper.</summary>
    /// <exception cref="PaperFormatException">There is no title, or too little text to be a paper.</exception>
    public Paper ToPaper(string fileName, string format, ReadOnlySpan<byte> content, TimeProvider time)
    {
        var title = CleanLine(Title);
        var summary = CleanText(Abstract);
        if (title.Length == 0)
        {
            throw new PaperFormatException(fileName, "it has no title. Give it one and import it again.");
        }

        var words = sections.Sum(section => section.Text.Count(char.IsWhiteSpace));
        if (summary.Length == 0 && sections.TrueForAll(section => section.Path.Count == 0) && words < LeastWordsWithoutHeadings)
        {
            throw new PaperFormatException(fileName, "it has neither an abstract nor a section heading, and too little text to be a paper. Add headings such as Abstract, Introduction and Methods.");
        }

        var id = TypedId.New<PaperId>(time);
        var roles = SectionRoles.OfAll([.. sections.Select(section => section.Path)]);
        return new Paper
        {
            Id = id,
            Title = title,
            Authors = [.. Authors.Select(CleanLine).Where(author => author.Length > 0)],
            Year = Year,
            Venue = NullIfEmpty(Venue),
            Doi = PaperIdentifiers.Doi(Doi),
            Pmid = PaperIdentifiers.Pmid(Pmid),
            ArxivId = PaperIdentifiers.Arxiv(ArxivId) ?? PaperIdentifiers.ArxivOfDoi(Doi),
            Version = Version ?? PaperIdentifiers.VersionOfFile(fileName),
            Licence = NullIfEmpty(Licence),
            Domain = Domains.Guess($"{Subjects} {Venue} {title} {summary}"),
            Abstract = summary,
            Format = format,
            SourceName = fileName,
            ContentHash = Convert.ToHexStringLower(SHA256.HashData(content)),
            ImportedAt = time.GetUtcNow(),
            Sections =
            [
                .. sections.Select((section, order) => new PaperSection
                {
                    PaperId = id,
                    Order = order,
                    Heading = string.Join(" / ", section.Path),
                    Role = roles[order],
                    Text = section.Text,
                }),
            ],
        };
    }

    /// <summary>One line: white space runs become one space.</summary>
    public static string CleanLine(string text) => WhiteSpace().Replace(text, " ").Trim();

    /// <summary>Paragraphs separated by one blank line, each on one line.</summary>
    public static string CleanText(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var paragraph in BlankLine().Split(text.ReplaceLineEndings("\n")))
        {
            var line = CleanLine(paragraph);
            if (line.Length > 0)
            {
                result.Append(result.Length > 0 ? "\n\n" : "").Append(line);
            }
        }

        return result.ToString();
    }

    private static string? NullIfEmpty(string? text) => text is null || CleanLine(text) is not { Length: > 0 } clean ? null : clean;

    // Control characters go with the white space: they have no place in text that pages show.
    [GeneratedRegex(@"[\s\p{Cc}\u200B\uFEFF]+", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex WhiteSpace();

    [GeneratedRegex(@"\n[^\S\n]*\n\s*", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex BlankLine();
}
