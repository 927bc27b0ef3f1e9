using CoScientist.Core.Papers;

namespace CoScientist.Tests.Core.Papers;

public sealed class JsonPapersTests
{
    // The layout of 2019 and of CORD-19: paragraphs at the top, headings without numbers.
    private const string Flat = """
        {"paper_id": "0a", "metadata": {"title": "Tides and crabs", "authors": [{"first": "Ana", "middle": ["M."], "last": "Sol", "suffix": ""}, {"first": "ᰔ", "middle": [], "last": ""}], "year": "2011-11"},
         "abstract": [{"text": "Crabs follow tides.", "cite_spans": [], "section": "Abstract"}],
         "body_text": [
           {"text": "Crabs are common (1).", "cite_spans": [{"start": 17, "end": 20, "text": "(1)", "ref_id": "BIBREF0"}], "section": ""},
           {"text": "Traps were set on six beaches.", "section": "MATERIALS AND METHODS"},
           {"text": "Each beach was visited daily.", "section": "MATERIALS AND METHODS"},
           {"text": "Counts were log-transformed.", "section": "Counting of crabs on beaches at night"},
           {"text": "Crabs came at night.", "section": "RESULTS"},
           {"text": "Night was defined by the sun.", "section": "Figure 3"},
           {"text": "We thank the crabs.", "section": "Acknowledgments"}],
         "back_matter": [{"text": "None.", "section": "Funding"}], "bib_entries": {}, "ref_entries": {}}
        """;

    private const string PdfParse = """
        {"paper_id": "2004.01234", "header": {"generated_with": "S2ORC 1.0.0"}, "title": "Reading tides", "authors": [{"first": "Ana", "middle": [], "last": "Sol"}], "year": "2020", "venue": "Journal of Tides",
         "identifiers": {"doi": "https://doi.org/10.5555/TIDE.1", "arxiv_id": "2004.01234v2", "pubmed_id": "123"}, "abstract": "We read tides.",
         "pdf_parse": {"abstract": [], "body_text": [
           {"text": "𝒲aves EQUATION rise. See FIGREF0 and BIBREF4.", "sec_num": "1", "section": "Introduction",
            "eq_spans": [{"start": 6, "end": 14, "text": "EQUATION", "raw_str": "a = b", "ref_id": "EQREF"}],
            "cite_spans": [{"start": 37, "end": 44, "text": "BIBREF4", "ref_id": "BIBREF4"}, {"start": 90, "end": 99, "text": "x", "ref_id": "y"}],
            "ref_spans": [{"start": 25, "end": 32, "text": "FIGREF0", "ref_id": "FIGREF0"}]},
           {"text": "Gauges were placed.", "sec_num": "2.1", "section": "Gauges"},
           {"text": "We compare with a table.", "sec_num": "3", "section": "Experiments"}], "bib_entries": {}, "ref_entries": {"FIGREF0": {"text": "A figure.", "latex": null}}}}
        """;

    private const string GrobidParse = """
        {"paper_id": "7", "metadata": {"title": "Old tides", "authors": [], "abstract": "Tides are old.", "year": "1999", "doi": "10.5555/old", "pubmed_id": "77", "journal": "Sea"},
         "s2_pdf_hash": "0", "grobid_parse": {"abstract": [], "body_text": [{"text": "Tides were read from logs.", "section": null}], "bib_entries": {}, "ref_entries": {}}, "latex_parse": null}
        """;

    private const string Annotated = """
        {"corpusid": 5, "externalids": {"doi": "10.5555/bulk", "arxiv": null, "pubmed": "88"}, "content": {"source": {"oainfo": {"license": "CCBY"}},
         "text": "Bulk tides\nAna Sol\nTides in bulk.\nIntroduction\nMuch is known.\nMethods\nWe counted.\nTwice.",
         "annotations": {"title": "[{\"start\": 0, \"end\": 10}]", "author": "[{\"start\": 11, \"end\": 18}]", "abstract": "[{\"start\": 19, \"end\": 33}]",
           "sectionheader": "[{\"start\": 34, \"end\": 46, \"attributes\": {\"n\": \"1.\"}}, {\"start\": 62, \"end\": 69, \"attributes\": {\"n\": \"2.\"}}]",
           "paragraph": "[{\"start\": 47, \"end\": 61}, {\"start\": 70, \"end\": 81}, {\"start\": 82, \"end\": 88}, {\"start\": 80, \"end\": 9999}]"}}}
        """;

    private const string PeerRead = """
        {"name": "1704.00001v2.pdf", "metadata": {"source": "CRF", "title": "Tides in court", "authors": ["Ana Sol", "Ben Moon"], "emails": ["a@b.c"], "sections": [
          {"heading": null, "text": "000\n001"},
          {"heading": "1 Introduction", "text": "Courts need tides. Much is un-\n2\n101\n102\nknown of them.\nBBC .755 .740 +6%\nTable 2: Courts.\nOthers disagree."},
          {"heading": "2 Our Approach", "text": ""},
          {"heading": "2.1 Gauges", "text": "We place gauges."},
          {"heading": "References", "text": "Nobody."}], "references": [], "year": 2017, "abstractText": "Tides matter\nin court."}}
        """;

    private static Paper Read(string name, string json) => PaperFixtures.Read(name, PaperFixtures.Bytes(json));

    [Fact]
    public void S2orc_flat_headings_give_nested_sections_with_roles()
    {
        var paper = Read("a.json", Flat);

        Assert.Equal(("Tides and crabs", 2011, "s2orc", "Crabs follow tides."), (paper.Title, paper.Year, paper.Format, paper.Abstract));
        Assert.Equal(["Ana M. Sol"], paper.Authors);
        Assert.Equal(["", "MATERIALS AND METHODS", "MATERIALS AND METHODS / Counting of crabs on beaches at night", "RESULTS"], paper.Sections.Select(section => section.Heading));
        Assert.Equal([SectionRole.Background, SectionRole.Method, SectionRole.Method, SectionRole.Results], paper.Sections.Select(section => section.Role));
        Assert.Equal("Traps were set on six beaches.\n\nEach beach was visited daily.", paper.Sections[1].Text);
        Assert.Equal("Crabs came at night.\n\nNight was defined by the sun.", paper.Sections[3].Text);
    }

    [Fact]
    public void S2orc_marks_become_what_they_stand_for_and_identifiers_one_spelling()
    {
        var paper = Read("a.json", PdfParse);

        Assert.Equal("𝒲aves a = b rise. See [ref] and [5].", paper.Sections[0].Text);
        Assert.Equal(("10.5555/tide.1", "2004.01234", "123", "Journal of Tides"), (paper.Doi, paper.ArxivId, paper.Pmid, paper.Venue));
        Assert.Equal(["Introduction", "Gauges", "Experiments"], paper.Sections.Select(section => section.Heading.Split(" / ")[^1]));
        Assert.Equal(SectionRole.Experiments, paper.Sections[2].Role);
    }

    [Fact]
    public void S2orc_old_and_annotated_layouts_are_read()
    {
        var old = Read("a.json", GrobidParse);
        var bulk = Read("b.json", Annotated);

        Assert.Equal(("Old tides", "Tides are old.", "10.5555/old", "77", "Sea"), (old.Title, old.Abstract, old.Doi, old.Pmid, old.Venue));
        Assert.Equal("Tides were read from logs.", Assert.Single(old.Sections).Text);
        Assert.Equal(("Bulk tides", "Tides in bulk.", "10.5555/bulk", "CCBY"), (bulk.Title, bulk.Abstract, bulk.Doi, bulk.Licence));
        Assert.Equal(["Ana Sol"], bulk.Authors);
        Assert.Equal([("Introduction", "Much is known."), ("Methods", "We counted.\n\nTwice.")], bulk.Sections.Select(section => (section.Heading, section.Text)));
    }

    [Fact]
    public void PeerRead_line_numbers_go_and_broken_text_is_whole_again()
    {
        var paper = Read("173.pdf.json", PeerRead);

        Assert.Equal(("Tides in court", "peerread", 2017, "1704.00001", 2), (paper.Title, paper.Format, paper.Year, paper.ArxivId, paper.Version));
        Assert.Equal(["Ana Sol", "Ben Moon"], paper.Authors);
        Assert.Equal("Tides matter in court.", paper.Abstract);
        Assert.Equal(["Introduction", "Our Approach / Gauges"], paper.Sections.Select(section => section.Heading));
        Assert.Equal("Courts need tides. Much is unknown of them.\n\nOthers disagree.", paper.Sections[0].Text);
    }

    [Theory]
    [InlineData("{\"paper_id\": \"1\", \"metadata\": {\"title\": \"T\"}, \"abstract\": \"x\"}", "the article itself is missing")]
    [InlineData("{\"paper_id\": \"1\", \"body_text\": [{\"text\": \"x\"}]}", "it has no title")]
    [InlineData("{\"reviews\": [{\"comments\": \"good\"}], \"title\": \"T\"}", "holds the reviews")]
    [InlineData("{\"paper_id\": \"1\"", "line 1, byte 17: this is not JSON")]
    [InlineData("{\"paper_id\": 1}\n{\"paper_id\": 2}", "one file per article")]
    [InlineData("{\"corpusid\": 1, \"content\": {\"text\": \"x\", \"annotations\": {\"paragraph\": \"oops\"}}}", "annotation 'paragraph'")]
    public void Broken_json_is_refused_with_the_reason(string json, string expected) =>
        Assert.Contains(expected, PaperFixtures.Refuse("a.json", PaperFixtures.Bytes(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void Deep_and_huge_json_is_refused()
    {
        Assert.Contains("maximum configured depth", PaperFixtures.Refuse("a.json", PaperFixtures.Bytes("{\"paper_id\": " + new string('[', 100_000))).Message, StringComparison.Ordinal);
        Assert.Contains("larger than", PaperFixtures.Refuse("a.json", PaperFixtures.Bytes("{\"paper_id\": \"" + new string('x', 20 * 1024 * 1024) + "\"}")).Message, StringComparison.Ordinal);
    }
}
