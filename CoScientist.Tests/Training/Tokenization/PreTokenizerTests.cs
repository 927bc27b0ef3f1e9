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
        Assert.Equal(expected.Split('|'), Words(WordScanner.QwenPattern, text));

    [Theory]
    [InlineData("we'll I'M", "we|'ll| I|'|M")]
    [InlineData("year 2025.", "year| 2025|.")]
    [InlineData("a  b\n\nc", "a| | b|\n|\n|c")]
    [InlineData("$x", "$|x")]
    public void Split_as_Gpt2_cuts_as_published(string text, string expected) =>
        Assert.Equal(expected.Split('|'), Words(WordScanner.Gpt2Pattern, text));

    [Theory]
    [InlineData("Isolated", false, "ab|1| c|2|3|d")]
    [InlineData("Removed", false, "ab| c|d")]
    [InlineData("MergedWithPrevious", false, "ab1| c2|3|d")]
    [InlineData("MergedWithNext", false, "ab|1 c|2|3d")]
    [InlineData("Contiguous", false, "ab|1| c|23|d")]
    [InlineData("Isolated", true, "ab|1| c|2|3|d")]
    [InlineData("Removed", true, "1|2|3")]
    [InlineData("MergedWithPrevious", true, "ab|1 c|2|3d")]
    [InlineData("MergedWithNext", true, "ab1| c2|3|d")]
    [InlineData("Contiguous", true, "ab|1| c|23|d")]
    public void Split_each_behavior_cuts_as_documented(string behavior, bool invert, string expected) =>
        Assert.Equal(expected.Split('|'), Words(new PreTokenizer([new SplitStep(@"\p{N}", Enum.Parse<SplitBehavior>(behavior), invert)], addPrefixSpace: false, scanner: null), "ab1 c23d"));

    [Fact]
    public void Split_two_patterns_cut_one_after_the_other_and_keep_what_lies_between()
    {
        var steps = new[] { new SplitStep(@"\p{N}", SplitBehavior.Isolated, Invert: false), new SplitStep(@"\s", SplitBehavior.Isolated, Invert: false) };

        Assert.Equal(["ab", "1", " ", "c"], Words(new PreTokenizer(steps, addPrefixSpace: false, scanner: null), "ab1 c"));
    }

    [Theory]
    [InlineData("a", " a")]
    [InlineData(" a", " a")]
    [InlineData("\ta", " \ta")]
    [InlineData("", "")]
    public void Split_prefix_space_is_added_once(string text, string expected) =>
        Assert.Equal(expected, string.Concat(Words(new PreTokenizer([], addPrefixSpace: true, scanner: null), text)));

    [Fact]
    public void Split_prefix_space_is_added_to_every_piece()
    {
        var tokenizer = new PreTokenizer([new SplitStep(@"\p{N}", SplitBehavior.Isolated, Invert: false)], addPrefixSpace: true, scanner: null);

        Assert.Equal([" ab", " 1", " c"], Words(tokenizer, "ab1 c"));
    }

    internal static List<string> Words(PreTokenizer tokenizer, string text)
    {
        var sink = new WordList([]);
        tokenizer.Split(text, ref sink);
        return sink.Words;
    }

    private static List<string> Words(string pattern, string text) => Words(new PreTokenizer([], addPrefixSpace: false, WordScanner.For(pattern)), text);

    internal readonly record struct WordList(List<string> Words) : IWordSink
    {
        public void Add(ReadOnlySpan<byte> word) => Words.Add(System.Text.Encoding.UTF8.GetString(word));
    }
}
