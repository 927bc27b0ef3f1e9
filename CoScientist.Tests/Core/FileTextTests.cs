using CoScientist.Core;

namespace CoScientist.Tests.Core;

/// <summary>Texts of files in messages.</summary>
public sealed class FileTextTests
{
    [Theory]
    [InlineData("plain é 😀", "plain é 😀")]
    [InlineData("a\u001b[2Jb\nc", "a\\u{1B}[2Jb\\u{A}c")]
    [InlineData("a\u202Eb\u2028c", "a\\u{202E}b\\u{2028}c")]
    public void Shown_IsOneLineThatMovesNoCursor(string text, string expected) => Assert.Equal(expected, FileText.Shown(text));

    [Fact]
    public void Shown_LongTexts_AreCutAsTheyAreShown()
    {
        Assert.Equal(new string('x', 120) + "…", FileText.Shown(new string('x', 1000)));
        Assert.InRange(FileText.Shown(new string('\n', 1000)).Length, 120, 130);
        Assert.Equal("abc", FileText.Shown("abc", 3));
    }
}
