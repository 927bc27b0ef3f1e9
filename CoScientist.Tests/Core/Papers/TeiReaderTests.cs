using CoScientist.Core.Papers;

namespace CoScientist.Tests.Core.Papers;

public sealed class TeiReaderTests
{
    private const string Article = """
        <?xml version="1.0" encoding="UTF-8"?>
        <TEI xmlns="http://www.tei-c.org/ns/1.0"><teiHeader><fileDesc><titleStmt><title level="a" type="main">Moss on <hi>old</hi> stones</title></titleStmt>
        <publicationStmt><publisher/><availability status="free"><licence target="http://creativecommons.org/licenses/by/4.0/"/></availability><date type="published" when="2018-03-01">1 March 2018</date></publicationStmt>
        <sourceDesc><biblStruct><analytic><author><persName><forename type="first">Ida</forename><forename type="middle">K</forename><surname>Moor</surname></persName><affiliation>Nowhere</affiliation></author><author><persName><surname>Fels</surname></persName></author></analytic>
        <monogr><title level="j">Stones</title><imprint><date type="published" when="2018"/></imprint></monogr><idno type="DOI">10.5555/Moss.3</idno><idno type="MD5">00</idno></biblStruct></sourceDesc></fileDesc>
        <encodingDesc><appInfo><application version="0.8"><date when="2024-01-01"/></application></appInfo></encodingDesc>
        <profileDesc><abstract><div><p><s>Moss grows.</s><s>It grows slowly.</s></p></div></abstract></profileDesc></teiHeader>
        <text><body>
        <div><head n="1">Introduction</head><p>Stones are old <ref type="bibr" target="#b0">(Fels, 2001)</ref>.</p><note place="foot">A note.</note></div>
        <div><head n="2">Methods</head></div>
        <div><head n="2.1">Plots</head><p>Growth was modelled as</p><formula xml:id="f0">g = r t<label>(1)</label></formula><p>where r is the rate.</p><p>Plots were drawn at random.</p></div>
        <figure><head>Figure 1</head><figDesc>A caption.</figDesc></figure>
        <div><head>Table 1</head><p>Rain was measured too.</p></div>
        <div><head n="3">Results</head><p>Moss grew.</p></div>
        <div><head>Funding</head><p>Nobody paid.</p></div>
        </body><back><div type="references"><listBibl><biblStruct><analytic><title>Other</title><author><persName><surname>Other</surname></persName></author></analytic></biblStruct></listBibl></div></back></text></TEI>
        """;

    [Fact]
    public void Read_gives_header_and_numbered_sections()
    {
        var paper = PaperFixtures.Read("moss.tei.xml", PaperFixtures.Bytes(Article));

        Assert.Equal(("Moss on old stones", "tei", 2018, "Stones", "10.5555/moss.3"), (paper.Title, paper.Format, paper.Year, paper.Venue, paper.Doi));
        Assert.Equal("http://creativecommons.org/licenses/by/4.0/", paper.Licence);
        Assert.Equal(["Ida K Moor", "Fels"], paper.Authors);
        Assert.Equal("Moss grows. It grows slowly.", paper.Abstract);
        Assert.Equal(["Introduction", "Methods / Plots", "Results"], paper.Sections.Select(section => section.Heading));
        Assert.Equal([SectionRole.Background, SectionRole.Method, SectionRole.Results], paper.Sections.Select(section => section.Role));
        Assert.Equal("Stones are old (Fels, 2001).", paper.Sections[0].Text);
        Assert.Equal("Growth was modelled as g = r t where r is the rate.\n\nPlots were drawn at random.\n\nRain was measured too.", paper.Sections[1].Text);
    }

    [Fact]
    public void Read_is_chosen_by_content_when_the_name_says_only_xml() => Assert.Equal("tei", PaperFixtures.Read("moss.xml", PaperFixtures.Bytes(Article)).Format);

    [Theory]
    [InlineData("<TEI><text/></TEI>", "not the TEI of an article")]
    [InlineData("<TEI><teiHeader></TEI>", "not well-formed")]
    [InlineData("<!DOCTYPE TEI [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><TEI>&a;</TEI>", "external entity 'a'")]
    public void Read_what_is_broken_or_hostile_is_refused(string xml, string expected) =>
        Assert.Contains(expected, PaperFixtures.Refuse("a.tei.xml", PaperFixtures.Bytes(xml)).Message, StringComparison.Ordinal);
}
