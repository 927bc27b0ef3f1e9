using System.Text.RegularExpressions;

namespace CoScientist.Core.Papers.Readers;

/// <summary>Title, authors, year and identifiers from the first page of a PDF and from the data that the file carries about itself.</summary>
internal static partial class PdfFront
{
    private const int LeastTitleLetters = 12;
    private const int LongestFront = 120;

    /// <summary>Reads the front matter into the draft.</summary>
    /// <returns>Index of the first line after title and authors.</returns>
    public static int Read(PdfPages pages, List<PdfColumnLine> lines, PaperDraft draft)
    {
        var firstPage = string.Join('\n', pages.Pages[0].Lines.Select(line => line.Text));
        var end = lines.FindIndex(line => FirstHeading().IsMatch(line.Line.Text));
        end = end < 0 || end > LongestFront ? Math.Min(lines.Count, LongestFront) : end;
        var (first, last) = Title(lines[..end], PdfLayout.BodyHeight(lines));
        var printed = string.Join(' ', lines[first..last].Select(line => line.Line.Text));
        var named = Letters(pages.Title);
        draft.Title = named.Length >= LeastTitleLetters && Letters(firstPage).Contains(named, StringComparison.Ordinal) ? pages.Title : printed;
        ReadAuthors(pages, lines[last..end], firstPage, draft);

        // Several are those of other works.
        var dois = Doi().Matches(firstPage).Select(match => match.Value.TrimEnd('.', ',', ';', ')').ToLowerInvariant()).Distinct(StringComparer.Ordinal).ToList();
        draft.Doi = dois.Count == 1 ? dois[0] : null;
        draft.Licence = Licence().Match(string.Join('\n', pages.Pages.Take(2).SelectMany(page => page.Lines).Select(line => line.Text))) is { Success: true } licence ? licence.Value : null;
        draft.Subjects = pages.Data.GetValueOrDefault("Keywords") ?? "";
        draft.Year = Published().Match(firstPage) is { Success: true } year ? TexAuthors.Year(year.Value) : TexAuthors.Year(pages.Data.GetValueOrDefault("CreationDate") ?? "");
        if (Arxiv().Match(firstPage) is { Success: true } arxiv)
        {
            draft.ArxivId = arxiv.Groups["id"].Value;
            draft.Year = 2000 + int.Parse(draft.ArxivId[..2]);
        }

        // What stands between the authors and the abstract is addresses and dates; without the word "Abstract" the text itself begins there.
        return end < lines.Count && FirstHeading().IsMatch(lines[end].Line.Text) ? end : last;
    }

    // The lines of the largest letters that make a title, unless they are the name of the journal.
    private static (int First, int Last) Title(List<PdfColumnLine> lines, double bodyHeight)
    {
        var runs = new List<(int First, int Last)>();
        for (var i = 0; i < lines.Count; i++)
        {
            var goesOn = runs.Count > 0 && Math.Abs(lines[i].Line.Height - lines[i - 1].Line.Height) < 0.05 * lines[i].Line.Height;
            if (goesOn)
            {
                runs[^1] = (runs[^1].First, i + 1);
            }
            else
            {
                runs.Add((i, i + 1));
            }
        }

        var titles = runs.Where(run => lines[run.First].Line.Height > 1.05 * bodyHeight && run.Last - run.First <= 6 &&
            lines[run.First..run.Last].Sum(line => line.Line.Text.Count(char.IsLetter)) >= LeastTitleLetters && lines[run.First..run.Last].Any(line => line.Line.Text.Contains(' ', StringComparison.Ordinal))).ToList();
        return titles.Count > 0 ? titles.MaxBy(run => lines[run.First].Line.Height) : runs.Count > 0 ? (0, 1) : (0, 0);
    }

    private static void ReadAuthors(PdfPages pages, List<PdfColumnLine> lines, string firstPage, PaperDraft draft)
    {
        var named = TexAuthors.Read((pages.Data.GetValueOrDefault("Author") ?? "").Replace(';', ','), text => text).ToList();
        var printed = new List<string>();
        foreach (var line in lines)
        {
            var names = TexAuthors.Read(Affiliation().Replace(line.Line.Text, ", "), text => text).ToList();
            if (names.Count == 0 && printed.Count > 0)
            {
                break;
            }

            printed.AddRange(names);
        }

        // The file often names only the first of them, or whoever saved it.
        var isTrue = named.TrueForAll(name => firstPage.Contains(name.Split(' ')[^1], StringComparison.OrdinalIgnoreCase));
        draft.Authors.AddRange(isTrue && named.Count >= printed.Count ? named : printed);
    }

    private static string Letters(string text) => string.Concat(text.Where(char.IsLetterOrDigit)).ToLowerInvariant();

    [GeneratedRegex(@"^\W*(a\s?b\s?s\s?t\s?r\s?a\s?c\s?t|summary|(\d\.?|I\.)?\s*introduction)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex FirstHeading();

    [GeneratedRegex(@"[\d*†‡§¶∗]+(,[\d*†‡§¶∗]+)*|\S+@\S+", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Affiliation();

    [GeneratedRegex(@"\b10\.[0-9]{4,9}/[^\s""<>]+", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Doi();

    [GeneratedRegex(@"arXiv:\s?(?<id>[0-9]{4}\.[0-9]{4,5})", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Arxiv();

    [GeneratedRegex(@"https?://creativecommons\.org/[\w./-]+|Creative Commons [A-Z][\w -]*Licen[sc]e|\bCC[ -]BY[\w.-]*( \d\.\d)?", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Licence();

    [GeneratedRegex(@"(published|accepted|copyright|©|\(c\)|proceedings|conference)[^\n]{0,60}?\b(19|20)\d\d\b|,\s(19|20)\d\d\.?$", RegexOptions.Multiline | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Published();
}
