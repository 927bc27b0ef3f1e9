using CoScientist.Core.Papers;

namespace CoScientist.Tests.Core.Papers;

public sealed class ArxivReaderTests
{
    [Fact]
    public void Read_archive_gives_title_authors_abstract_and_identifier()
    {
        var paper = PaperFixtures.Read("2004.01234v2.tar.gz", PaperFixtures.Arxiv());

        Assert.Equal("Counting bees from sound", paper.Title);
        Assert.Equal(["Maria López", "Jan de Vries"], paper.Authors);
        Assert.Equal("We study how bees can be counted from sound. Recordings are cheap, but labels are scarce.", paper.Abstract);
        Assert.Equal("2004.01234", paper.ArxivId);
        Assert.Equal(2020, paper.Year);
    }

    [Fact]
    public void Read_included_files_macros_and_comments_are_resolved()
    {
        var paper = PaperFixtures.Read("paper.gz", PaperFixtures.Arxiv());

        Assert.Equal(["Introduction", "Hiver: the model", "Experiments"], paper.Sections.Select(section => section.Heading));
        Assert.Equal([SectionRole.Background, SectionRole.Method, SectionRole.Experiments], paper.Sections.Select(section => section.Role));
        Assert.Contains("Lee et al. (2019) counted them by hand.", paper.Sections[0].Text, StringComparison.Ordinal);
        Assert.Contains("forty hives [1, 2].", paper.Sections[1].Text, StringComparison.Ordinal);
        Assert.Contains("95% of windows", paper.Sections[1].Text, StringComparison.Ordinal);
        Assert.Contains(@"$\theta \geq 0.5$", paper.Sections[1].Text, StringComparison.Ordinal);
        Assert.Contains("(x_i, y_i)", paper.Sections[1].Text, StringComparison.Ordinal);
        Assert.DoesNotContain("Hidden", paper.Sections[1].Text, StringComparison.Ordinal);
        Assert.StartsWith("Data. Recordings were", paper.Sections[2].Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\\begin{IEEEeqnarray}{lCl} a &=& b \\end{IEEEeqnarray}", "$a &=& b$")]
    [InlineData("\\begin{alignat*}{2} a &= b \\end{alignat*}", "$a &= b$")]
    [InlineData("\\[ a = \\text{if $x$} \\]", "$a = \\text{if $x$}$")]
    public void Read_formulas_of_any_environment_stay_tex(string tex, string expected) =>
        Assert.Equal($"We set {expected} here.", PaperFixtures.Read("a.tex", PaperFixtures.Bytes($"\\documentclass{{a}}\\title{{T}}\\begin{{document}}\\section{{Methods}}We set {tex} here.\\end{{document}}")).Sections[0].Text);

    [Fact]
    public void Read_single_gzipped_file_is_a_paper() =>
        Assert.Equal("Counting bees from sound", PaperFixtures.Read("1999.00001.gz", PaperFixtures.Gzip(PaperFixtures.Bytes(PaperFixtures.TexRoot))).Title);

    [Theory]
    [InlineData("../../etc/cron.d/evil.tex")]
    [InlineData("/etc/evil.tex")]
    [InlineData("a/../../evil.tex")]
    [InlineData("..\\evil.tex")]
    public void Read_path_that_leads_outside_is_refused(string path)
    {
        var fault = PaperFixtures.Refuse("evil.tar.gz", PaperFixtures.Gzip(PaperFixtures.Tar(("paper.tex", PaperFixtures.TexRoot), (path, "x"))));

        Assert.Contains($"'{path}' points outside the archive", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_archive_that_blows_up_is_refused() =>
        Assert.Contains("hostile archive", PaperFixtures.Refuse("bomb.gz", PaperFixtures.Gzip(new byte[40 * 1024 * 1024])).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_archive_that_is_cut_off_is_refused()
    {
        var archive = PaperFixtures.Arxiv();

        Assert.Contains("damaged or cut off", PaperFixtures.Refuse("cut.gz", archive[..(archive.Length / 2)]).Message, StringComparison.Ordinal);
        Assert.Contains("damaged or cut off", PaperFixtures.Refuse("cut.gz", archive[..12]).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_archive_without_document_says_so() =>
        Assert.Contains("\\documentclass", PaperFixtures.Refuse("a.tar", PaperFixtures.Tar(("notes.tex", "nothing here"))).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_files_that_include_each_other_are_refused() =>
        Assert.Contains("in a circle", PaperFixtures.Refuse("a.tar", PaperFixtures.Tar(("main.tex", "\\documentclass{a}\\begin{document}\\input{b}\\end{document}"), ("b.tex", "\\input{b}"))).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_macros_that_multiply_are_refused()
    {
        var bomb = string.Concat(Enumerable.Range(0, 14).Select(i => $"\\newcommand{{\\m{(char)('a' + i)}}}{{{string.Concat(Enumerable.Repeat($"\\m{(char)('b' + i)} ", 10))}}}\n"));

        Assert.Contains("macros grow without end", PaperFixtures.Refuse("a.tex", PaperFixtures.Bytes($"\\documentclass{{a}}\n{bomb}\\begin{{document}}\\ma\\end{{document}}")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_groups_that_never_close_still_end() =>
        Assert.NotEmpty(PaperFixtures.Read("a.tex", PaperFixtures.Bytes("\\documentclass{a}\\title{T}\\begin{document}\\section{Methods} Words {\\bf and \\emph{more $x \\frac{")).Sections);
}
