using System.Text;
using CoScientist.Core.Papers;

namespace CoScientist.Tests.Core.Papers;

public sealed class JatsReaderTests
{
    private static Paper Read(string xml) => PaperFixtures.Read("bees.nxml", PaperFixtures.Bytes(xml));

    [Fact]
    public void Read_article_with_plain_doctype_gives_its_front_matter()
    {
        var paper = Read(PaperFixtures.Jats("""<!DOCTYPE article PUBLIC "-//NLM//DTD JATS v1.0//EN" "JATS-archivearticle1.dtd">"""));

        Assert.Equal("Bee visits & seed set in Malus", paper.Title);
        Assert.Equal(["Anna Løvås", "Ken Ito"], paper.Authors);
        Assert.Equal(2021, paper.Year);
        Assert.Equal("Journal of Orchard Biology", paper.Venue);
        Assert.Equal("10.1234/orchard.7", paper.Doi);
        Assert.Equal("123", paper.Pmid);
        Assert.Equal("http://creativecommons.org/licenses/by/4.0/", paper.Licence);
        Assert.Equal("Background: Bees visit at different hours.\n\nMethods: We compared the seed set of bagged branches between four visiting hours.", paper.Abstract);
        Assert.Equal("jats", paper.Format);
        Assert.Equal(64, paper.ContentHash.Length);
    }

    [Fact]
    public void Read_nested_sections_are_flattened_with_inherited_roles()
    {
        var paper = Read(PaperFixtures.Jats());

        Assert.Equal(
            ["Introduction", "Materials and methods / Orchards", "Materials and methods / Pollination", "Materials and methods / Statistical analysis", "Results"],
            paper.Sections.Select(section => section.Heading));
        Assert.Equal(
            [SectionRole.Background, SectionRole.Method, SectionRole.Method, SectionRole.Method, SectionRole.Results],
            paper.Sections.Select(section => section.Role));
        Assert.Equal([0, 1, 2, 3, 4], paper.Sections.Select(section => section.Order));
    }

    [Fact]
    public void Read_tables_references_and_thanks_are_left_out_formulas_stay()
    {
        var paper = Read(PaperFixtures.Jats());
        var text = string.Join('\n', paper.Sections.Select(section => section.Text));

        Assert.DoesNotContain("Table 1", text, StringComparison.Ordinal);
        Assert.DoesNotContain("thank the bees", text, StringComparison.Ordinal);
        Assert.Contains("a random effect.", text, StringComparison.Ordinal);
        Assert.Contains("10^-2 per m^2", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_names_of_html_are_characters()
    {
        Assert.Contains("5 µm – wide", Read(PaperFixtures.Jats(body: "<sec><title>Methods</title><p>Bags were 5&nbsp;&micro;m &ndash; wide.</p></sec>")).Sections[0].Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_declared_latin_encoding_is_honoured()
    {
        var xml = PaperFixtures.Jats().Replace("UTF-8", "ISO-8859-1", StringComparison.Ordinal);

        Assert.Equal("Anna Løvås", PaperFixtures.Read("a.xml", Encoding.Latin1.GetBytes(xml)).Authors[0]);
    }

    [Theory]
    [InlineData("<!DOCTYPE article [<!ENTITY leak SYSTEM \"file:///etc/passwd\">]>", "external entity 'leak'")]
    [InlineData("<!DOCTYPE article [<!ENTITY % remote SYSTEM \"http://127.0.0.1/x.dtd\"> %remote;]>", "external entity 'remote'")]
    [InlineData("<!DOCTYPE article [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]>", "entity 'a'")]
    public void Read_document_that_declares_entities_is_refused(string prolog, string expected)
    {
        var fault = PaperFixtures.Refuse("evil.nxml", PaperFixtures.Bytes(PaperFixtures.Jats(prolog, "<sec><title>Methods</title><p>&leak;&c;</p></sec>")));

        Assert.StartsWith("evil.nxml: ", fault.Message, StringComparison.Ordinal);
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
        Assert.Contains("remove the declaration", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_truncated_xml_names_the_place()
    {
        var xml = PaperFixtures.Jats();

        var fault = PaperFixtures.Refuse("cut.nxml", PaperFixtures.Bytes(xml[..(xml.Length / 2)]));

        Assert.Matches(@"^cut\.nxml: line \d+, column \d+: this is not well-formed XML", fault.Message);
    }

    [Fact]
    public void Read_undeclared_entity_is_refused() =>
        Assert.Contains("nosuch", PaperFixtures.Refuse("a.xml", PaperFixtures.Bytes(PaperFixtures.Jats(body: "<p>&nosuch;</p>"))).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_another_root_is_named() =>
        Assert.Contains("<html>, not <article>", PaperFixtures.Refuse("page.xml", PaperFixtures.Bytes("<html><body>hello</body></html>")).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_elements_nested_without_end_are_refused()
    {
        var deep = string.Concat(Enumerable.Repeat("<sec>", 5000)) + string.Concat(Enumerable.Repeat("</sec>", 5000));

        Assert.Contains("nested more than", PaperFixtures.Refuse("deep.xml", PaperFixtures.Bytes(PaperFixtures.Jats(body: deep))).Message, StringComparison.Ordinal);
    }
}
