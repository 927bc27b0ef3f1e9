using System.Text;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Tokenization;

public sealed class BpeTokenizerTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("tokenizer").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("plain words , and more .")]
    [InlineData("  two  spaces\tand\ttabs  ")]
    [InlineData("line\nline\r\n\r\nline\r")]
    [InlineData("naïve café — “quotes” … 日本語 العربية हिन्दी")]
    [InlineData("👩🏽‍🔬 tests 𝒜𝒷 𠀀𠀁 🏳️‍🌈")]
    [InlineData("null \0 and control \u0001\u007F and no-break\u00A0space")]
    [InlineData("<end> <|im_end|> </think>")]
    public void Decode_of_encode_gives_the_text_back(string text)
    {
        var tokenizer = Trained();

        var ids = tokenizer.Encode(text);

        Assert.Equal(text, tokenizer.Decode(ids, skipSpecial: false));
        Assert.DoesNotContain(ids, tokenizer.IsSpecial);
    }

    [Fact]
    public void Encode_every_code_point_of_the_basic_plane_comes_back_normalised()
    {
        var tokenizer = Trained();
        for (var value = 0; value <= 0xFFFF; value += 61)
        {
            if (Rune.IsValid(value))
            {
                var text = new Rune(value).ToString();
                var back = tokenizer.Decode(tokenizer.Encode(text));
                Assert.Equal(CanonicalComposition.Compose(text).ToString(), back);
            }
        }
    }

    [Fact]
    public void Encode_lone_surrogate_becomes_the_replacement_character()
    {
        var tokenizer = Trained();

        Assert.Equal("a\uFFFDb", tokenizer.Decode(tokenizer.Encode("a\uD800b")));
        Assert.Equal("x\uFFFD", tokenizer.Decode(tokenizer.Encode("x\uD83D")));
        Assert.Equal("\uFFFD\uFFFD", tokenizer.Decode(tokenizer.Encode("\uDC00\uD800")));
    }

    [Fact]
    public void Encode_special_text_is_ordinary_unless_allowed()
    {
        var tokenizer = Trained();

        var ordinary = tokenizer.Encode("go <end> on");
        var special = tokenizer.Encode("go <end> on<end>", allowSpecial: true);

        Assert.DoesNotContain(tokenizer.TokenId("<end>"), ordinary);
        Assert.Equal(2, special.Count(id => id == tokenizer.TokenId("<end>")));
        Assert.Equal("go  on", tokenizer.Decode(special));
        Assert.Equal("go <end> on<end>", tokenizer.Decode(special, skipSpecial: false));
    }

    [Fact]
    public void Encode_longest_special_token_wins()
    {
        var tokenizer = BpeTrainer.Train(["words"], 300, ["<g>", "<g>1"]);

        Assert.Equal([tokenizer.TokenId("<g>1"), tokenizer.TokenId("<g>")], tokenizer.Encode("<g>1<g>", allowSpecial: true));
    }

    [Fact]
    public void Encode_composes_canonically()
    {
        var tokenizer = Trained();

        Assert.Equal(tokenizer.Encode("caf\u00E9"), tokenizer.Encode("cafe\u0301"));
    }

    [Fact]
    public void Encode_long_word_is_joined_by_rank_not_by_place()
    {
        // "ab" was learnt before "bc": in "abc" it wins; in "bcb" "bc" is all there is.
        var tokenizer = Parse(TokenizerFixture.With(vocabulary: ["ab", "bc"], merges: ["\"a b\"", "[\"b\", \"c\"]"]));

        Assert.Equal(["ab", "c"], Texts(tokenizer, "abc"));
        Assert.Equal(["bc", "b"], Texts(tokenizer, "bcb"));
        Assert.Equal(10_000, tokenizer.Encode(string.Concat(Enumerable.Repeat("abc", 5_000))).Length);
    }

    [Fact]
    public void Encode_repeated_letters_are_joined_from_the_left()
    {
        var tokenizer = Parse(TokenizerFixture.With(vocabulary: ["aa"], merges: ["\"a a\""]));

        Assert.Equal(["aa", "aa", "a"], Texts(tokenizer, "aaaaa"));
    }

    [Fact]
    public void Encode_ignore_merges_takes_a_known_word_whole()
    {
        var merges = new[] { "\"a b\"" };
        var json = TokenizerFixture.With(vocabulary: ["ab", "abc"], merges: merges);

        Assert.Equal(["ab", "c"], Texts(Parse(json), "abc"));
        Assert.Equal(["abc"], Texts(Parse(json.Replace("\"ignore_merges\":false", "\"ignore_merges\":true", StringComparison.Ordinal)), "abc"));
    }

    [Fact]
    public void Encode_special_token_in_the_vocabulary_is_not_reached_by_merges()
    {
        var tokenizer = Parse(TokenizerFixture.With(vocabulary: ["ab"], merges: ["\"a b\""], added: "{\"id\":256,\"content\":\"ab\",\"special\":true}"));

        Assert.Equal(["a", "b"], Texts(tokenizer, "ab"));
        Assert.Equal([256], tokenizer.Encode("ab", allowSpecial: true));
    }

    [Fact]
    public void Encode_from_many_threads_gives_the_same()
    {
        var tokenizer = Trained();
        var texts = Enumerable.Range(0, 200).Select(i => $"the aim {i % 50} is to forecast , note {i % 7} .").ToList();
        var one = Trained();
        var expected = texts.ConvertAll(text => one.Encode(text));

        var actual = texts.AsParallel().AsOrdered().Select(text => tokenizer.Encode(text)).ToList();

        Assert.Equal(expected, actual);
    }

    [Fact]
    public void Save_then_load_keeps_ids_and_texts()
    {
        var tokenizer = Trained();
        var path = Path.Combine(folder, "tokenizer.json");

        tokenizer.Save(path);
        var loaded = BpeTokenizer.Load(path);

        Assert.Equal(tokenizer.VocabularySize, loaded.VocabularySize);
        Assert.Equal(Enumerable.Range(0, loaded.VocabularySize).Select(tokenizer.TokenText), Enumerable.Range(0, loaded.VocabularySize).Select(loaded.TokenText));
        Assert.Equal(tokenizer.Encode("the aim <end>", allowSpecial: true), loaded.Encode("the aim <end>", allowSpecial: true));
        Assert.Equal(["<write>", "<end>"], loaded.SpecialTokens);
    }

    [Fact]
    public void TokenText_part_of_a_character_shows_its_bytes()
    {
        var tokenizer = Trained();

        Assert.Equal("<0xE2>", tokenizer.TokenText(0xE2));
        Assert.Equal("a", tokenizer.TokenText('a'));
        Assert.Equal("<end>", tokenizer.TokenText(tokenizer.TokenId("<end>")));
    }

    [Fact]
    public void Decode_half_a_character_becomes_the_replacement_character() =>
        Assert.Equal("a\uFFFD", Trained().Decode(['a', 0xE2, 0x82]));

    [Theory]
    [InlineData("naïve 日本 👩🏽‍🔬 end")]
    [InlineData("plain")]
    public void StreamingDecoder_gives_whole_characters_only(string text)
    {
        var tokenizer = Trained();
        var decoder = new StreamingDecoder(tokenizer);

        var parts = tokenizer.Encode(text).Select(decoder.Append).ToList();

        Assert.Equal(text, string.Concat(parts));
        Assert.DoesNotContain(parts, part => part.Contains('\uFFFD', StringComparison.Ordinal));
        Assert.Equal("", decoder.Flush());
    }

    [Fact]
    public void StreamingDecoder_broken_bytes_become_the_replacement_character()
    {
        var decoder = new StreamingDecoder(Trained());

        Assert.Equal(["a", "", "", "\uFFFDb"], new[] { 'a', 0xE2, 0x82, 'b' }.Select(id => decoder.Append(id)));
        Assert.Equal(["", "\uFFFD"], [decoder.Append(0xF0), decoder.Flush()]);
    }

    [Fact]
    public void EncodeAll_is_the_same_as_one_by_one()
    {
        var tokenizer = Trained();
        var texts = Enumerable.Range(0, 50).Select(i => $"the aim {i} <end>").ToList();

        Assert.Equal(texts.ConvertAll(text => tokenizer.Encode(text, allowSpecial: true)), tokenizer.EncodeAll(texts, allowSpecial: true, threads: 2, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Decode_unknown_id_names_it()
    {
        var tokenizer = Trained();

        Assert.Contains("99999", Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Decode([99_999])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Decode([-1]));
    }

    [Fact]
    public void TokenId_unknown_lists_the_known() =>
        Assert.Contains("<write> <end>", Assert.Throws<ArgumentException>(() => Trained().TokenId("<nope>")).Message, StringComparison.Ordinal);

    internal static BpeTokenizer Trained() => BpeTrainer.Train(["the aim is to forecast , note that the aim is noisy .", "the the the"], 320, ["<write>", "<end>"]);

    private static BpeTokenizer Parse(string json) => new(TokenizerFile.Read(Encoding.UTF8.GetBytes(json), "test"));

    private static IEnumerable<string> Texts(BpeTokenizer tokenizer, string text) => tokenizer.Encode(text).Select(tokenizer.TokenText);
}
