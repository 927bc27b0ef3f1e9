using System.Text;
using CoScientist.Core.Papers;

namespace CoScientist.Core.Extraction.Pipelines;

/// <summary>A numbered passage of a paper, small enough to belong to one part of its argument.</summary>
/// <param name="Number">From 1, in the paper's order.</param>
/// <param name="Text">The words.</param>
/// <param name="Role">Role of its section; <see cref="SectionRole.Other"/> for the abstract's.</param>
/// <param name="Source">Where it stands.</param>
internal sealed record PaperUnit(int Number, string Text, SectionRole Role, SourcePassage Source);

/// <summary>Passages of papers: cutting, showing and finding them.</summary>
internal static class PaperUnits
{
    /// <summary>Room for passages in one prompt, about 20,000 tokens.</summary>
    public const int MostCharacters = 80_000;

    /// <summary>
    /// The passages of a paper. Abstract, introduction and aims are cut into sentences, since one of their paragraphs often says both
    /// what was wanted and how it was done; everything else into paragraphs.
    /// </summary>
    public static IReadOnlyList<PaperUnit> Of(Paper paper)
    {
        var units = new List<PaperUnit>();
        Add(units, paper.Abstract, -1, SectionRole.Other, bySentence: true);
        foreach (var section in paper.Sections.OrderBy(section => section.Order))
        {
            Add(units, section.Text, section.Order, section.Role, section.Role is SectionRole.Background or SectionRole.Aims or SectionRole.Other);
        }

        return units;
    }

    /// <summary>Passages with their numbers, one a line; the last ones that do not fit are left out.</summary>
    /// <param name="units">The passages.</param>
    /// <param name="most">Most characters in all.</param>
    /// <param name="mostEach">Most characters of each.</param>
    public static string Show(IEnumerable<PaperUnit> units, int most = MostCharacters, int mostEach = int.MaxValue)
    {
        var text = new StringBuilder();
        foreach (var unit in units)
        {
            var line = $"[{unit.Number}] {Quote(unit.Text.Length <= mostEach ? unit.Text : unit.Text[..mostEach] + " …")}\n";
            if (text.Length + line.Length > most)
            {
                break;
            }

            text.Append(line);
        }

        return text.ToString();
    }

    /// <summary>Untrusted text cannot open or close the tags around material: its brackets are replaced by look-alikes.</summary>
    public static string Quote(string text) => text
        .Replace("</", "‹/", StringComparison.Ordinal)
        .Replace("<paper", "‹paper", StringComparison.OrdinalIgnoreCase)
        .Replace("<material", "‹material", StringComparison.OrdinalIgnoreCase);

    /// <summary>The place of quoted words in a passage; the whole passage when they do not stand there.</summary>
    public static SourcePassage Place(PaperUnit unit, string? quote)
    {
        var words = quote?.Trim(' ', '"', '“', '”', '.', '…');
        var at = string.IsNullOrEmpty(words) ? -1 : unit.Text.IndexOf(words, StringComparison.OrdinalIgnoreCase);
        return at < 0 ? unit.Source : new SourcePassage(unit.Source.SectionOrder, unit.Source.Start + at, words!.Length);
    }

    /// <summary>The place of quoted words anywhere in a paper; null when they stand nowhere.</summary>
    public static SourcePassage? Find(Paper paper, string? quote)
    {
        var words = quote?.Trim(' ', '"', '“', '”', '.', '…');
        if (string.IsNullOrEmpty(words))
        {
            return null;
        }

        foreach (var (order, text) in paper.Sections.OrderBy(section => section.Order).Select(section => (section.Order, section.Text)).Prepend((-1, paper.Abstract)))
        {
            var at = text.IndexOf(words, StringComparison.OrdinalIgnoreCase);
            if (at >= 0)
            {
                return new SourcePassage(order, at, words.Length);
            }
        }

        return null;
    }

    private static void Add(List<PaperUnit> units, string text, int section, SectionRole role, bool bySentence)
    {
        foreach (var (start, length) in bySentence ? Sentences.Split(text) : Paragraphs(text))
        {
            units.Add(new PaperUnit(units.Count + 1, text.Substring(start, length), role, new SourcePassage(section, start, length)));
        }
    }

    private static IEnumerable<(int Start, int Length)> Paragraphs(string text)
    {
        for (var start = 0; start < text.Length;)
        {
            var end = text.IndexOf("\n\n", start, StringComparison.Ordinal);
            end = end < 0 ? text.Length : end;
            if (end > start)
            {
                yield return (start, end - start);
            }

            start = end + 2;
        }
    }
}
