using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Tokenization;

public sealed class PreTokenizerTests
{
    [Theory]
    [InlineData("the aim is", "the| aim| is")]
    [InlineData("we'll don't I'M", "we|'ll| don|'t| I|'M")]
    [InlineData("year 2025.", "year| |2|0|2|5|.")]
    [InlineData("a  b", "a| | b")]
    [InlineData("a   \n b", "a|   \n| b")]
    [InlineData("end  ", "end|  ")]
    [InlineData("x (y)!\n\nz", "x| (|y|)!\n\n|z")]
    [InlineData("$x_1", "$x|_|1")]
    [InlineData("naïve 日本", "naïve| 日本")]
    [InlineData("a\tb\u00A0c", "a|\tb|\u00A0c")]
    [InlineData("𝒜b 𠀀", "𝒜b| 𠀀")]
    [InlineData("𝟏𝟐", "𝟏|𝟐")]
    [InlineData("hi 👍🏽 ok", "hi| 👍🏽| ok")]
    [InlineData("हिन्दी", "ह|िन|्द|ी")]
    public void Split_as_Qwen_cuts_as_published(string text, string expected) =>
        Assert.Equal(expected.Split('|'), Words(PreTokenizer.QwenPattern, text));

    [Theory]
    [InlineData("we'll I'M", "we|'ll| I|'|M")]
    [InlineData("year 2025.", "year| 2025|.")]
    [InlineData("a  b\n\nc", "a| | b|\n|\n|c")]
    [InlineData("$x", "$|x")]
    public void Split_as_Gpt2_cuts_as_published(string text, string expected) =>
        Assert.Equal(expected.Split('|'), Words(PreTokenizer.Gpt2Pattern, text));

    [Fact]
    public void Split_two_patterns_cut_one_after_the_other_and_keep_what_lies_between()
    {
        var words = new List<string>();

        new PreTokenizer([@"\p{N}", @"\s"], composed: false, addPrefixSpace: false).Split("ab1 c", word => words.Add(word.ToString()));

        Assert.Equal(["ab", "1", " ", "c"], words);
    }

    [Theory]
    [InlineData("a", " a")]
    [InlineData(" a", " a")]
    [InlineData("", "")]
    public void Split_prefix_space_is_added_once(string text, string expected)
    {
        var words = new List<string>();

        new PreTokenizer([], composed: false, addPrefixSpace: true).Split(text, word => words.Add(word.ToString()));

        Assert.Equal(expected, string.Concat(words));
    }

    private static List<string> Words(string pattern, string text)
    {
        var words = new List<string>();
        new PreTokenizer([pattern], composed: true, addPrefixSpace: false).Split(text, word => words.Add(word.ToString()));
        return words;
    }
}
