using CoScientist.Core.Papers;

namespace CoScientist.Tests.Core.Papers;

public sealed class PlainFormatsTests
{
    [Fact]
    public void Markdown_front_matter_and_headings_make_the_paper()
    {
        var paper = PaperFixtures.Read("sleep.md", PaperFixtures.Bytes(PaperFixtures.Markdown));

        Assert.Equal("Sleep and recall", paper.Title);
        Assert.Equal(["Ada Byron", "Carl Gauss"], paper.Authors);
        Assert.Equal(2020, paper.Year);
        Assert.Equal("10.5555/sleep", paper.Doi);
        Assert.Equal("medicine", paper.Domain);
        Assert.Equal("Sleep helps recall, but it is unclear how long a nap must be.", paper.Abstract);
        Assert.Equal(["1. Introduction", "2. Methods / 2.1 Participants", "2. Methods / 2.2 Measures"], paper.Sections.Select(section => section.Heading));
        Assert.Equal("Many students nap before exams.", paper.Sections[0].Text);
        Assert.All(paper.Sections.Skip(1), section => Assert.Equal(SectionRole.Method, section.Role));
        Assert.DoesNotContain("code is left out", paper.Sections[2].Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Markdown_without_front_matter_takes_its_first_heading_as_title()
    {
        var paper = PaperFixtures.Read("a.md", PaperFixtures.Bytes("A title\n=======\n\nMethods\n-------\n\nHouses were measured.\n"));

        Assert.Equal("A title", paper.Title);
        Assert.Equal("Methods", Assert.Single(paper.Sections).Heading);
    }

    [Fact]
    public void Markdown_heading_closes_with_signs_apart_and_a_long_gap_takes_no_time()
    {
        var gap = new string(' ', 300_000);
        var paper = PaperFixtures.Read("a.md", PaperFixtures.Bytes($"# A title #\n\n## Methods ##  \n\nHouses were measured.\n\n### Programs in C#\n\nThey were counted.\n\n## Results{gap}of it\n\nMany.\n"));

        Assert.Equal("A title", paper.Title);
        Assert.Equal(["Methods", "Methods / Programs in C#", "Results of it"], paper.Sections.Select(section => section.Heading));
    }

    [Fact]
    public void Numbers_in_other_digits_are_no_years_and_no_identifiers()
    {
        var paper = PaperFixtures.Read("٢٣٠١.01234v٢.md", PaperFixtures.Bytes(PaperFixtures.Markdown.Replace("date: 2020-05-01", "date: 20١٢-05-01", StringComparison.Ordinal)));

        Assert.Equal((null, null), (paper.Year, paper.ArxivId));
    }

    [Fact]
    public void Markdown_that_is_no_paper_is_refused() =>
        Assert.Contains("neither an abstract nor a section heading", PaperFixtures.Refuse("notes.md", PaperFixtures.Bytes("# Notes\n\nBuy milk.\n")).Message, StringComparison.Ordinal);

    [Fact]
    public void Text_headings_and_hyphens_are_understood()
    {
        var paper = PaperFixtures.Read("walls.txt", PaperFixtures.Bytes(PaperFixtures.Text));

        Assert.Equal("The warmth of old walls", paper.Title);
        Assert.Equal(["Rosa Stein", "Emil Kraus"], paper.Authors);
        Assert.Equal("Old walls keep rooms warm. It is not clear how thick they must be.", paper.Abstract);
        Assert.Equal(["Introduction", "Methods / Houses", "Methods / Measurements", "RESULTS"], paper.Sections.Select(section => section.Heading));
        Assert.Contains("effect on heating costs", paper.Sections[0].Text, StringComparison.Ordinal);
        Assert.Equal(SectionRole.Results, paper.Sections[3].Role);
    }

    [Fact]
    public void Text_that_is_binary_or_empty_is_refused()
    {
        Assert.Contains("not text", PaperFixtures.Refuse("a.txt", [65, 0, 66]).Message, StringComparison.Ordinal);
        Assert.Contains("not UTF-8", PaperFixtures.Refuse("a.txt", [65, 0xff, 0xfe, 66]).Message, StringComparison.Ordinal);
        Assert.Contains("empty", PaperFixtures.Refuse("a.txt", []).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("package.json", "{}", "JSON of another layout")]
    [InlineData("README.md", "# About", "README")]
    [InlineData("paper.docx", "PK", "'.docx' is not supported yet")]
    public void Find_other_formats_are_named_with_what_is_supported(string fileName, string content, string expected)
    {
        var bytes = PaperFixtures.Bytes(content);

        Assert.Null(new PaperReaders(TimeProvider.System).Find(fileName, bytes));
        var message = PaperReaders.NotSupported(fileName);
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Contains("JATS XML", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SectionRole.Method, "Methods", "Results of earlier calibrations of the instrument")]
    [InlineData(SectionRole.Results, "Results", "Effect of experiments on growth")]
    [InlineData(SectionRole.Discussion, "Discussion", "Robustness of the model")]
    [InlineData(SectionRole.Discussion, "Experiments", "Limitations")]
    [InlineData(SectionRole.Experiments, "Our approach", "Experimental setup")]
    [InlineData(SectionRole.Aims, "Introduction", "Aims")]
    public void Of_nested_heading_inherits_unless_it_is_telling(SectionRole expected, params string[] headings) => Assert.Equal(expected, SectionRoles.Of(headings));
}
