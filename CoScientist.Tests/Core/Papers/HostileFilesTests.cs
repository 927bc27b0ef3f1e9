using System.Text;
using CoScientist.Core.Papers;

namespace CoScientist.Tests.Core.Papers;

/// <summary>Files that try to take more than their share, or are not what they say: refused with a reason, whatever the format.</summary>
public sealed class HostileFilesTests
{
    private const int Megabyte = 1024 * 1024;

    [Theory]
    [InlineData("a.nxml")]
    [InlineData("a.tei.xml")]
    public void Xml_of_a_million_elements_is_refused_before_a_tree_is_made(string fileName)
    {
        // Of this thread, which reads the file: other tests allocate at the same time.
        var before = GC.GetAllocatedBytesForCurrentThread();
        var xml = $"<article><body>{string.Concat(Enumerable.Repeat("<p/>", 2_100_000))}</body></article>";

        Assert.Contains("more than 2,000,000 elements", PaperFixtures.Refuse(fileName, PaperFixtures.Bytes(xml)).Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200L * Megabyte);
    }

    [Fact]
    public void Xml_larger_than_any_article_is_refused() =>
        Assert.Contains("larger than 16 MB", PaperFixtures.Refuse("a.nxml", PaperFixtures.Bytes("<article><body><p>" + new string('x', 17 * Megabyte))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("UTF-8")]
    [InlineData("no-such-encoding")]
    [InlineData("us-ascii")]
    public void Xml_in_another_encoding_than_it_says_is_refused(string encoding)
    {
        var bytes = Encoding.Latin1.GetBytes(PaperFixtures.Jats().Replace("UTF-8", encoding, StringComparison.Ordinal));

        Assert.Contains("Save it as UTF-8", PaperFixtures.Refuse("a.nxml", bytes).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.nxml")]
    [InlineData("a.tei.xml")]
    [InlineData("a.md")]
    [InlineData("a.txt")]
    public void Text_with_zero_bytes_is_refused(string fileName)
    {
        var bytes = PaperFixtures.Bytes("<article><TEI># Methods\n\nWe did\0 it.");

        Assert.NotEmpty(PaperFixtures.Refuse(fileName, bytes).Message);
    }

    [Theory]
    [InlineData("a.txt")]
    [InlineData("a.md")]
    public void One_line_of_many_megabytes_is_refused(string fileName)
    {
        var text = $"# Methods\n{string.Concat(Enumerable.Repeat("*_[a(b ", Megabyte))}";

        Assert.Contains("line 2 is longer than 1,000,000 characters", PaperFixtures.Refuse(fileName, PaperFixtures.Bytes(text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tex_of_groups_that_never_close_is_read_in_one_go()
    {
        var text = $"\\documentclass{{a}}\\title{{T}}\\begin{{document}}\\section{{Methods}}We did it. {string.Concat(Enumerable.Repeat("\\begin{a}{\\bf [$x ", 20_000))}";

        Assert.NotEmpty(PaperFixtures.Read("a.tex", PaperFixtures.Bytes(text)).Sections);
    }

    [Fact]
    public void Sections_without_text_are_left_out_and_a_paper_of_nothing_else_is_refused()
    {
        var paper = PaperFixtures.Read("a.nxml", PaperFixtures.Bytes(PaperFixtures.Jats(body: "<sec><title>Methods</title></sec><sec><title>Results</title><p> </p><p>Bees came.</p></sec>")));

        Assert.Equal("Results", Assert.Single(paper.Sections).Heading);
        Assert.Contains("neither an abstract nor a section heading", PaperFixtures.Refuse("b.nxml", PaperFixtures.Bytes("<article><front><article-meta><title-group><article-title>T</article-title></title-group></article-meta></front><body><sec><title/></sec></body></article>")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tar_with_links_and_devices_gives_only_its_files()
    {
        var tar = new MemoryStream();
        using (var writer = new System.Formats.Tar.TarWriter(tar, System.Formats.Tar.TarEntryFormat.Ustar, leaveOpen: true))
        {
            writer.WriteEntry(new System.Formats.Tar.UstarTarEntry(System.Formats.Tar.TarEntryType.SymbolicLink, "intro.tex") { LinkName = "/etc/passwd" });
            writer.WriteEntry(new System.Formats.Tar.UstarTarEntry(System.Formats.Tar.TarEntryType.RegularFile, "main.tex") { DataStream = new MemoryStream(PaperFixtures.Bytes("\\documentclass{a}\\title{T}\\begin{document}\\section{Methods}We did it.\\input{intro}\\end{document}")) });
        }

        Assert.Equal("We did it.", Assert.Single(PaperFixtures.Read("a.tar", tar.ToArray()).Sections).Text);
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("1000000000")]
    public void Tex_macro_of_impossible_arguments_is_read_with_those_that_TeX_has(string arguments)
    {
        var paper = PaperFixtures.Read("a.tex", PaperFixtures.Bytes(PaperFixtures.TexRoot.Replace("[2]", $"[{arguments}]", StringComparison.Ordinal)));

        Assert.Contains(paper.Sections, section => section.Text.Contains("forty hives", StringComparison.Ordinal));
    }

    [Fact]
    public void Tar_with_a_number_beyond_every_type_is_refused()
    {
        var tar = PaperFixtures.Tar(("a.tex", PaperFixtures.TexRoot));
        tar.AsSpan(124, 12).Fill(0xBF); // its length, as a binary number

        Assert.Contains("damaged or cut off", PaperFixtures.Refuse("a.tar", tar).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Identifier_in_a_text_of_nothing_but_letters_is_looked_for_once() =>
        Assert.Null(PaperIdentifiers.Arxiv(new string('a', 300_000)));
}
