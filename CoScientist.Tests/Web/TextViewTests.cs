using CoScientist.Web.ViewModels;

namespace CoScientist.Tests.Web;

/// <summary>What pages make of texts: differences of wordings and passages with their surroundings.</summary>
public sealed class TextViewTests
{
    [Fact]
    public void Compare_OneWordReplaced_CutsItAndAddsTheNew()
    {
        var parts = WordDiff.Compare("the plan names a control group", "the plan names a blinded control arm");
        Assert.Equal(
            [new(DiffKind.Same, "the plan names a"), new(DiffKind.Added, "blinded"), new(DiffKind.Same, "control"), new(DiffKind.Cut, "group"), new(DiffKind.Added, "arm")],
            parts);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("a b c", "")]
    [InlineData("", "a b c")]
    [InlineData("a  b\nc", "c b a")]
    [InlineData("x y x y", "y x y x x")]
    public void Compare_AnyTwo_KeepsEveryWordOfBoth(string before, string after)
    {
        var parts = WordDiff.Compare(before, after);
        Assert.Equal(Normal(before), string.Join(' ', parts.Where(part => part.Kind != DiffKind.Added).Select(part => part.Text)));
        Assert.Equal(Normal(after), string.Join(' ', parts.Where(part => part.Kind != DiffKind.Cut).Select(part => part.Text)));
    }

    [Fact]
    public void Cut_PassageInALongText_MarksItAndBreaksAtWords()
    {
        var text = string.Join(' ', Enumerable.Range(0, 2000).Select(number => $"word{number}"));
        var start = text.IndexOf("word1000", StringComparison.Ordinal);
        var passage = Passage.Cut("Paper", "Methods", text, start, "word1000 word1001".Length);
        Assert.Equal("word1000 word1001", passage.Marked);
        Assert.StartsWith("… word", passage.Before, StringComparison.Ordinal);
        Assert.EndsWith(" …", passage.After, StringComparison.Ordinal);
        Assert.InRange(passage.Before.Length, 600, 710);
    }

    [Theory]
    [InlineData(0, 5, "", "First", " words.")]
    [InlineData(6, 6, "First ", "words.", "")]
    [InlineData(-1, 0, "First words.", "", "")]
    [InlineData(5, 100, "First words.", "", "")]
    public void Cut_ShortText_KeepsAllOfIt(int start, int length, string before, string marked, string after)
    {
        var passage = Passage.Cut("Paper", "", "First words.", start, length);
        Assert.Equal((before, marked, after), (passage.Before, passage.Marked, passage.After));
    }

    private static string Normal(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
