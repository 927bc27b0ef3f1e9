using System.Text;
using System.Text.RegularExpressions;

namespace CoScientist.Core.Papers.Readers;

/// <summary>Plain text: the first line is the title; short lines that say Abstract, Introduction, 2 Methods and the like make the sections.</summary>
/// <param name="time">Clock for ids and import times.</param>
public sealed partial class PlainTextReader(TimeProvider time) : IPaperReader
{
    // Books have a tenth of it; bounds what the patterns work on.
    private const int MaxBytes = 16 * 1024 * 1024;
    private const int MaxLine = 1_000_000;

    /// <inheritdoc/>
    public string Format => "text";

    /// <inheritdoc/>
    public bool CanRead(string fileName, ReadOnlySpan<byte> head) => PaperReaders.HasExtension(fileName, ".txt", ".text");

    /// <inheritdoc/>
    public Paper Read(string fileName, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var lines = Decode(fileName, content).Split('\n').Select(line => line.Trim()).ToArray();
        var draft = new PaperDraft();
        var at = Array.FindIndex(lines, line => line.Length > 0);
        if (at < 0)
        {
            throw new PaperFormatException(fileName, "it is empty.");
        }

        draft.Title = lines[at++];
        at = ReadAuthors(lines, at, draft);
        var outline = new Outline(draft);
        var afterHeading = false;
        for (; at < lines.Length; at++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var alone = afterHeading || lines[at - 1].Length == 0 || (at + 1 < lines.Length && lines[at + 1].Length == 0);
            afterHeading = false;
            if (alone && HeadingLevel(lines[at]) is { } level)
            {
                afterHeading = true;
                outline.Open(level, Numbering().Replace(lines[at], ""));
            }
            else if (RunInAbstract().Match(lines[at]) is { Success: true } match)
            {
                outline.Open(1, "Abstract");
                outline.Append(match.Groups["rest"].Value);
            }
            else
            {
                outline.Append(lines[at]);
            }
        }

        outline.Close();
        return draft.ToPaper(fileName, Format, content.Span, time);
    }

    /// <summary>Text of a file in UTF-8 (or UTF-16 with its mark), line breaks as \n, words joined that a line break split.</summary>
    /// <exception cref="PaperFormatException">It is not text, or longer than any paper.</exception>
    internal static string Decode(string fileName, ReadOnlyMemory<byte> content)
    {
        if (content.Length > MaxBytes)
        {
            throw new PaperFormatException(fileName, $"it is larger than {MaxBytes / (1024 * 1024)} MB, which no paper in plain text is.");
        }

        try
        {
            using var reader = new StreamReader(content.AsStream(), new UTF8Encoding(false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: true);
            var text = reader.ReadToEnd().ReplaceLineEndings("\n");
            if (text.Contains('\0', StringComparison.Ordinal))
            {
                throw new PaperFormatException(fileName, "it is not text. Supported are " + PaperReaders.Supported + ".");
            }

            var number = 0;
            foreach (var line in text.AsSpan().EnumerateLines())
            {
                number++;
                if (line.Length > MaxLine)
                {
                    throw new PaperFormatException(fileName, $"line {number} is longer than {MaxLine:N0} characters, which no paper needs. Break it into lines.");
                }
            }

            return SplitWord().Replace(text, "$1$2");
        }
        catch (DecoderFallbackException fault)
        {
            throw new PaperFormatException(fileName, "it is not UTF-8 text. Save it as UTF-8 and import it again.", fault);
        }
    }

    // Between the title and the first heading: a line of names, nothing else.
    private static int ReadAuthors(string[] lines, int at, PaperDraft draft)
    {
        var first = Array.FindIndex(lines, at, line => line.Length > 0);
        if (first < 0)
        {
            return at;
        }

        var names = TexAuthors.Read(lines[first], text => text).ToArray();
        if (names.Length == 0 || HeadingLevel(lines[first]) is not null || lines[first].EndsWith('.'))
        {
            return at;
        }

        draft.Authors.AddRange(names);
        return first + 1;
    }

    private static int? HeadingLevel(string line)
    {
        if (line.Length is 0 or > 80 || line.EndsWith('.') || line.EndsWith(','))
        {
            return null;
        }

        var number = Numbering().Match(line);
        var bare = line[number.Length..];
        var known = KnownHeading().IsMatch(bare) || SectionRoles.IsBackMatter(bare);
        var capitals = bare.Any(char.IsLetter) && !bare.Any(char.IsLower) && bare.Length > 3;
        return known || capitals || (number.Success && char.IsUpper(bare.FirstOrDefault()) && bare.Split(' ').Length <= 10)
            ? 1 + number.Value.TrimEnd('.', ' ', ')').Count(letter => letter == '.')
            : null;
    }

    [GeneratedRegex(@"^(?:(?:\d{1,2}(?:\.\d{1,2})*|[IVX]{1,4})[.)]?\s+)", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Numbering();

    [GeneratedRegex(@"^(abstract|summary|introduction|background|related work|aims?|objectives?|(materials? and |patients and )?methods?|methodology|approach|model|experiments?|experimental (set-?up|design)|evaluation|data|datasets?|results?( and discussion)?|discussion|limitations|conclusions?)\W*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex KnownHeading();

    [GeneratedRegex(@"^abstract\s*[.:—–-]\s*(?<rest>\S.*)$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex RunInAbstract();

    [GeneratedRegex(@"(\p{Ll})-\n(\p{Ll})", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex SplitWord();
}
