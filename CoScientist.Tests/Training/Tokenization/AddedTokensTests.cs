using System.Text;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Tokenization;

public sealed class AddedTokensTests
{
    private const string End = """{"id":256,"content":"<|end|>","special":true,"normalized":false}""";

    [Theory]
    [InlineData("lstrip", "a  <x> b", "a|<x>| |b")]
    [InlineData("rstrip", "a <x>  b", "a| |<x>|b")]
    [InlineData("single_word", "a<x>b <x>", "a|<|x|>|b| |<x>")]
    public void Encode_option_of_a_token_is_obeyed(string option, string text, string expected)
    {
        var tokenizer = Parse("{\"id\":256,\"content\":\"<x>\",\"special\":true,\"" + option + "\":true}");

        Assert.Equal(expected, string.Join('|', tokenizer.Encode(text, allowSpecial: true).Select(tokenizer.TokenText)));
    }

    [Fact]
    public void Encode_normalized_token_is_found_in_normalised_text_only()
    {
        const string Tokens = "{\"id\":256,\"content\":\"й\",\"special\":false,\"normalized\":true},{\"id\":257,\"content\":\"ё\",\"special\":false,\"normalized\":false}";
        var tokenizer = Parse(Tokens, normalizer: "{\"type\":\"NFC\"}");

        Assert.Equal([256, 256, 257], tokenizer.Encode("и\u0306йё"));
        Assert.Equal(2, tokenizer.Encode("е\u0308").Length);
    }

    [Fact]
    public void Encode_vocabulary_among_added_tokens_is_found_in_any_text_but_control_tokens_are_not()
    {
        var tokenizer = Parse("{\"id\":256,\"content\":\"    \",\"normalized\":false},{\"id\":257,\"content\":\"<think>\"}," + End.Replace("256", "258", StringComparison.Ordinal));

        Assert.Equal(["    ", "x"], tokenizer.Encode("    x").Select(tokenizer.TokenText));
        Assert.DoesNotContain(tokenizer.Encode("<think><|end|>"), id => id > 256);
        Assert.Equal([257, 258], tokenizer.Encode("<think><|end|>", allowSpecial: true));
    }

    [Fact]
    public void Encode_segments_are_one_text_in_which_content_spells_no_token()
    {
        var tokenizer = Parse(End);
        TextSegment[] prompt = [new("<|end|>a", IsContent: false), new("b<|end|>", IsContent: true), new("<|end|>", IsContent: false)];

        var ids = tokenizer.Encode(prompt);

        Assert.Equal([256, 'a', 'b', .. "<|end|>".Select(letter => (int)letter), 256], ids);
    }

    [Theory]
    [InlineData("<|e", "nd|>", "")]
    [InlineData("<|", "end", "|>")]
    [InlineData("", "<|end|", ">")]
    public void Encode_token_half_in_content_is_none(string before, string content, string after)
    {
        var ids = Parse(End).Encode([new(before, IsContent: false), new(content, IsContent: true), new(after, IsContent: false)]);

        Assert.DoesNotContain(256, ids);
    }

    [Fact]
    public void Encode_segments_join_words_and_normalise_across_their_border()
    {
        var tokenizer = BpeTokenizerTests.Trained();

        Assert.Equal(tokenizer.Encode("the aim"), tokenizer.Encode([new("th", IsContent: false), new("e ai", IsContent: true), new("m", IsContent: false)]));
        Assert.Equal(tokenizer.Encode("é"), tokenizer.Encode([new("e", IsContent: false), new("\u0301", IsContent: true)]));
    }

    [Fact]
    public void WithTemplate_puts_the_files_tokens_around()
    {
        var tokenizer = Parse(End, processor: """
            {"type":"Sequence","processors":[{"type":"ByteLevel"},{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|end|>"}},{"Sequence":{"id":"A"}}],
             "special_tokens":{"<|end|>":{"id":"<|end|>","ids":[256],"tokens":["<|end|>"]}}}]}
            """);

        Assert.Equal([256, 'a'], tokenizer.WithTemplate(tokenizer.Encode("a")));
        Assert.Equal(['a'], BpeTokenizerTests.Trained().WithTemplate(['a']));
    }

    [Theory]
    [InlineData(false, 3)]
    [InlineData(true, 2)]
    public void Encode_byte_without_a_token_becomes_the_unknown_token(bool fused, int expected)
    {
        var json = TokenizerFixture.With(["<unk>"], []).Replace("\"z\":122", "\"missing\":122", StringComparison.Ordinal)
            .Replace("\"byte_fallback\"", $"\"unk_token\":\"<unk>\",\"fuse_unk\":{(fused ? "true" : "false")},\"byte_fallback\"", StringComparison.Ordinal);

        var ids = new BpeTokenizer(TokenizerFile.Read(Encoding.UTF8.GetBytes(json), "test")).Encode("azz");

        Assert.Equal(expected, ids.Length);
        Assert.Equal(256, ids[^1]);
    }

    private static BpeTokenizer Parse(string added, string normalizer = "null", string processor = "null") => new(TokenizerFile.Read(
        Encoding.UTF8.GetBytes(TokenizerFixture.With([], [], added).Replace("\"normalizer\":null", $"\"normalizer\":{normalizer},\"post_processor\":{processor}", StringComparison.Ordinal)), "test"));
}
