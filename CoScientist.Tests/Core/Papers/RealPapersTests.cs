using CoScientist.Core.Extraction;
using CoScientist.Core.Papers;

namespace CoScientist.Tests.Core.Papers;

public sealed class RealPapersTests
{
    // The folder of open-access papers lies beside some checkouts; where it is missing, the papers written for the tests are held to the same.
    private static IEnumerable<(string Name, byte[] Content)> Papers()
    {
        yield return ("bees.nxml", PaperFixtures.Bytes(PaperFixtures.Jats()));
        yield return ("2004.01234.gz", PaperFixtures.Arxiv());
        yield return ("sleep.md", PaperFixtures.Bytes(PaperFixtures.Markdown));
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var shared = Path.Combine(folder.FullName, "shared", "papers");
            foreach (var file in Directory.Exists(shared) ? Directory.GetFiles(shared) : [])
            {
                yield return (Path.GetFileName(file), File.ReadAllBytes(file));
            }
        }
    }

    [Fact]
    public void Every_supported_paper_gives_title_abstract_sections_and_a_reviewable_goal()
    {
        var readers = new PaperReaders(TimeProvider.System);
        foreach (var (name, content) in Papers())
        {
            if (readers.Find(name, content) is not { } reader)
            {
                Assert.Contains("not supported yet", PaperReaders.NotSupported(name), StringComparison.Ordinal);
                continue;
            }

            var paper = reader.Read(name, content, TestContext.Current.CancellationToken);
            var goal = ExtractiveDrafter.Draft(paper);

            Assert.NotEmpty(paper.Title);
            Assert.NotEmpty(paper.Abstract);
            Assert.NotEmpty(paper.Sections);
            Assert.InRange(goal.Items.Count, ExtractiveDrafter.LeastItems, 10);
            Assert.All(goal.Items, item => Assert.Matches(@"^The plan should [a-z].*\.$", item.Text));
            Assert.InRange(goal.Text.Split(' ').Length, 15, 160);
            Assert.All(goal.Items.Where(item => item.Source is not null), item => Assert.Matches(@"^[\p{Lu}\d""“‘($\[].*[.!?:;)""”]$", Passage(paper, item.Source!)));
        }
    }

    // What an item points at is whole sentences of its section.
    private static string Passage(Paper paper, SourcePassage source)
    {
        var text = source.SectionOrder < 0 ? paper.Abstract : paper.Sections[source.SectionOrder].Text;
        Assert.True(source.Start == 0 || char.IsWhiteSpace(text[source.Start - 1]));
        return text.Substring(source.Start, source.Length);
    }
}
