using System.Text.Json;

namespace CoScientist.Core.Papers.Readers;

/// <summary>The bulk layout of S2ORC: one text, and for each kind of part the places where it stands, as JSON within a string.</summary>
internal static class S2orcAnnotations
{
    /// <summary>Reads a record into the draft.</summary>
    /// <exception cref="PaperFormatException">The text, its headings or its paragraphs are missing or broken.</exception>
    public static void Read(string fileName, JsonElement root, PaperDraft draft, CancellationToken cancellationToken)
    {
        var text = root.Get("content").Get("text").Text();
        var annotations = root.Get("content").Get("annotations");
        IEnumerable<string> Texts(string kind) => Parts(fileName, text, annotations, kind).Select(part => part.Text);

        var metadata = root.Get("metadata");
        draft.Title = root.Any("title").Text() is { Length: > 0 } title ? title : metadata.Get("title").Text() is { Length: > 0 } named ? named : string.Join(' ', Texts("title"));
        draft.Authors.AddRange(root.Any("authors").ValueKind == JsonValueKind.Array ? S2orcReader.Names(root.Get("authors")) : Texts("author").Where(author => author.Count(char.IsLetter) > 1));
        draft.Year = TexAuthors.Year(root.Any("year").Text());
        draft.Venue = root.Any("venue").Text() is { Length: > 0 } venue ? venue : string.Join(' ', Texts("venue"));
        var ids = root.Get("externalids");
        draft.Doi = ids.Any("doi", "DOI").Text();
        draft.Pmid = ids.Any("pubmed", "PubMed").Text();
        draft.ArxivId = ids.Any("arxiv", "ArXiv").Text();
        draft.Licence = root.Get("content").Get("source").Get("oainfo").Any("license").Text();
        draft.Abstract = string.Join("\n\n", Texts("abstract"));

        var headings = Parts(fileName, text, annotations, "sectionheader").ToList();
        var paragraphs = Parts(fileName, text, annotations, "paragraph").ToList();
        if (paragraphs.Count == 0)
        {
            throw new PaperFormatException(fileName, "it names no paragraphs in its text: the article itself is missing from it. Bring a record with its full text.");
        }

        var outline = new FlatOutline();
        headings.Insert(0, (0, "", null));
        for (var i = 0; i < headings.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var end = i + 1 < headings.Count ? headings[i + 1].Start : int.MaxValue;
            var own = paragraphs.Where(part => part.Start >= headings[i].Start && part.Start < end).Select(part => part.Text);
            draft.AddSection(outline.Path(headings[i].Text, headings[i].Number), string.Join("\n\n", own));
        }
    }

    private static List<(int Start, string Text, string? Number)> Parts(string fileName, string text, JsonElement annotations, string kind)
    {
        var json = annotations.Get(kind).Text();
        if (json.Length == 0)
        {
            return [];
        }

        try
        {
            using var places = JsonText.Parse(json);
            return
            [
                .. from place in places.RootElement.Items()
                   let start = place.Get("start").Number() ?? -1
                   let end = place.Get("end").Number() ?? -1
                   where start >= 0 && start < end && end <= text.Length
                   orderby start
                   select (start, text[start..end], (string?)place.Get("attributes").Get("n").Text()),
            ];
        }
        catch (JsonException fault)
        {
            throw new PaperFormatException(fileName, $"its annotation '{kind}' is no JSON list of places. Fetch the record again.", fault);
        }
    }
}
