using CoScientist.Core.Papers;
using CoScientist.Core.Papers.Readers;

namespace CoScientist.Tests.Core.Papers;

public sealed class PdfReaderTests
{
    private const double Left = 60;
    private const double Right = 310;

    // Two columns of two pages, with everything that stands between the words of a paper.
    private static byte[] TwoColumns()
    {
        var pdf = new PdfFixture().Page()
            .Line(60, 30, "Journal of Gardens 7, 2019", 8)
            .Line(120, 90, "How gardens keep their water", 18)
            .Line(180, 115, "Lena Brook1,* and Otto Pond2", 11)
            .Line(170, 132, "1University of Nowhere, 2Institute of Wells", 8)
            .Line(60, 150, "doi:10.5555/garden.9", 8)
            .Line(Left, 175, "Abstract", 12)
            .Paragraph(Left, 195, "Gardens lose water at noon. We ask how", "mulch keeps it in the soil of gardens.")
            .Line(Left, 240, "1", 12).Line(Left + 18, 240, "Introduction", 12)
            .Paragraph(Left, 260, "Water is scarce in many gardens, and little", "is known about the ways in which evapo-", "ration can be kept low by a well-known")
            .Line(Left, 296, "cover of mulch that gardeners spread.")
            .Paragraph(Left, 308, "However, nobody has compared covers of", "different depth in one garden over years.")
            .Line(Left, 360, "2", 12).Line(Left + 18, 360, "Methods", 12)
            .Line(Left, 380, "2.1").Line(Left + 22, 380, "Plots")
            .Paragraph(Left, 400, "Forty plots were drawn at random from all", "beds of the garden, and each plot received", "one of four depths of mulch. The depth was")
            .Line(Left, 700, "Figure 1: Plots of the garden and their mulch.")
            .Paragraph(Right, 175, "well controlled by a frame of wood, and", "the evaporation was measured every day.")
            .Line(Right, 225, "Soil moisture")
            .Paragraph(Right, 240, "Probes were set at three depths of the soil", "of every plot and read by a small logger.")
            .Line(Right, 290, "3", 12).Line(Right + 18, 290, "Results", 12)
            .Paragraph(Right, 310, "Deep mulch kept twice the water of shallow", "mulch in every single month of the year.")
            .Line(Right, 345, "0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1.0")
            .Line(Right, 700, "1 A note at the foot of the page, set in small letters.", 7)
            .Line(290, 810, "17", 9);
        return pdf.Page()
            .Line(60, 30, "Journal of Gardens 7, 2019", 8)
            .Line(Left, 90, "4", 12).Line(Left + 18, 90, "Discussion", 12)
            .Paragraph(Left, 110, "1. A list may start with a number that is", "no heading, and so does this one here.", "Mulch is cheap, and gardeners can use it to", "keep the water in the soil of their gardens.", "We saw the same in dry and in wet years and", "would spread it in spring, when the soil is", "still moist from the winter and cool below.")
            .Line(Right, 90, "References", 12)
            .Paragraph(Right, 110, "A. Nobody. How to dig. Spade Press, 1999.", "B. Nobody. How to rake. Rake Press, 2001.", "C. Nobody. How to hoe. Hoe Press, 2003 ff.", "D. Nobody. How to mow. Mower Press, 2005.", "E. Nobody. How to sow. Seed Press, 2007 ff.", "F. Nobody. How to reap. Scythe Press, 2009.")
            .Line(290, 810, "18", 9).ToBytes();
    }

    [Fact]
    public void Read_two_columns_gives_front_matter_and_sections_in_order()
    {
        PdfFixture.RequireProgram();
        var paper = PaperFixtures.Read("garden.pdf", TwoColumns());

        Assert.Equal(("How gardens keep their water", "pdf", 2019, "10.5555/garden.9"), (paper.Title, paper.Format, paper.Year, paper.Doi));
        Assert.Equal(["Lena Brook", "Otto Pond"], paper.Authors);
        Assert.Equal("Gardens lose water at noon. We ask how mulch keeps it in the soil of gardens.", paper.Abstract);
        Assert.Equal(["Introduction", "Methods / Plots", "Methods / Plots / Soil moisture", "Results", "Discussion"], paper.Sections.Select(section => section.Heading));
        Assert.Equal([SectionRole.Background, SectionRole.Method, SectionRole.Method, SectionRole.Results, SectionRole.Discussion], paper.Sections.Select(section => section.Role));
    }

    [Fact]
    public void Read_broken_words_and_paragraphs_are_whole_again()
    {
        PdfFixture.RequireProgram();
        var sections = PaperFixtures.Read("garden.pdf", TwoColumns()).Sections;

        Assert.Equal(
            "Water is scarce in many gardens, and little is known about the ways in which evaporation can be kept low by a well-known cover of mulch that gardeners spread.\n\nHowever, nobody has compared covers of different depth in one garden over years.",
            sections[0].Text);
        Assert.EndsWith("The depth was well controlled by a frame of wood, and the evaporation was measured every day.", sections[1].Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_captions_tables_notes_heads_feet_and_references_are_left_out()
    {
        PdfFixture.RequireProgram();
        var text = string.Join('\n', PaperFixtures.Read("garden.pdf", TwoColumns()).Sections.Select(section => section.Text));

        Assert.DoesNotContain("Figure 1", text, StringComparison.Ordinal);
        Assert.DoesNotContain("0.5", text, StringComparison.Ordinal);
        Assert.DoesNotContain("note at the foot", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Journal of Gardens", text, StringComparison.Ordinal);
        Assert.DoesNotContain("17", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Nobody", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_without_the_program_says_how_to_get_it()
    {
        var fault = Assert.Throws<PaperFormatException>(() => new PdfReader(TimeProvider.System, "no-such-pdftotext").Read("a.pdf", TwoColumns(), TestContext.Current.CancellationToken));

        Assert.Contains("'no-such-pdftotext', which is not installed", fault.Message, StringComparison.Ordinal);
        Assert.Contains("poppler-utils", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_damaged_empty_and_falsely_named_files_are_refused()
    {
        PdfFixture.RequireProgram();

        Assert.Contains("cannot be taken out", PaperFixtures.Refuse("a.pdf", PaperFixtures.Bytes("%PDF-1.4\nrubbish")).Message, StringComparison.Ordinal);
        Assert.Contains("pictures of pages", PaperFixtures.Refuse("a.pdf", new PdfFixture().Page().ToBytes()).Message, StringComparison.Ordinal);
        Assert.Contains("no PDF in spite of its name", PaperFixtures.Refuse("a.pdf", PaperFixtures.Bytes("<html>")).Message, StringComparison.Ordinal);
    }
}
