using CoScientist.Core.Papers;

namespace CoScientist.Core.Extraction;

/// <summary>One sentence of a paper with its place and the part of the paper it stands in.</summary>
/// <param name="Text">As printed.</param>
/// <param name="Clean">Without citations, asides and connectives.</param>
/// <param name="Role">Part of the paper; of the abstract's labelled parts, the label's.</param>
/// <param name="Source">Its place; section -1 is the abstract.</param>
internal sealed record PaperSentence(string Text, string Clean, SectionRole Role, SourcePassage Source)
{
    /// <summary>All sentences of a paper: the abstract's, then the sections' in order.</summary>
    public static IReadOnlyList<PaperSentence> Of(Paper paper)
    {
        var result = new List<PaperSentence>();
        Add(result, paper.Abstract, -1, null);
        foreach (var section in paper.Sections.OrderBy(section => section.Order))
        {
            Add(result, section.Text, section.Order, section.Role);
        }

        return result;
    }

    private static void Add(List<PaperSentence> result, string text, int section, SectionRole? role)
    {
        var current = role ?? SectionRole.Other;
        foreach (var (start, length) in Sentences.Split(text))
        {
            var sentence = text.Substring(start, length);
            if (role is null && AbstractLabel(sentence) is { } label)
            {
                current = SectionRoles.Of([label]);
                sentence = sentence[(label.Length + 1)..];
            }

            result.Add(new PaperSentence(sentence, SentenceCleaner.Clean(sentence), current, new SourcePassage(section, start, length)));
        }
    }

    // "Methods: …" in a structured abstract.
    private static string? AbstractLabel(string sentence)
    {
        var colon = sentence.IndexOf(':', StringComparison.Ordinal);
        return colon is > 3 and < 40 && sentence[..colon].Count(letter => letter == ' ') <= 3 && char.IsUpper(sentence[0]) && SectionRoles.Of([sentence[..colon]]) != SectionRole.Other
            ? sentence[..colon]
            : null;
    }
}
