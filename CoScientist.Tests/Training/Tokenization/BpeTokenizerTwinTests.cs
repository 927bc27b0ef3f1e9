using System.Text;
using System.Text.Json;
using CoScientist.Core;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Tokenization;

/// <summary>The fast tokenizer against the slow twin, on text that is hard on both.</summary>
public sealed class BpeTokenizerTwinTests
{
    private static readonly string[] Parts =
    [
        "the", " aim", " is", " don't", " I'M", "WE'LL", "'ſ", "x'ſoft", "'re", "'Ve", "naïve", "café", "日本語", "한국어", "العربية", "٣٤٥", "१२३", "½²Ⅷ", "𝟏𝟐𝟑𝟒",
        "𝒜𝒷", "𠀀𠀁", "👩🏽‍🔬", "🏳️‍🌈", "हिन्दी", "ไทย", "עִבְרִית", "\u00A0", "\u3000", "\u2028", "\u0085", "\u200B", "\u200D", "\uFEFF", "\r\n", "\n", "\n\n", "\r", "\t",
        "  ", " ", "    \n  ", "(", "){", "}", "==", "->", "...", "!?", "\"", "'", "''", "x_1", "12345", "3.14", "http://a.b/c?d=e", "“q”", "—", "\0", "\u0001", "\u007F",
        "\u0301", "q\u0307\u0323", "ﬁ", "K", "İ", "ß", "<|im_end|>", "\uD800", "\uDC00", "abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc",
    ];

    [Theory]
    [InlineData(WordScanner.Gpt2Pattern)]
    [InlineData(WordScanner.QwenPattern)]
    [InlineData(WordScanner.Llama3Pattern)]
    public void Encode_random_text_agrees_with_the_twin(string pattern)
    {
        var random = new SeededRandom(11);
        var (tokenizer, twin) = Pair(pattern);

        for (var round = 0; round < 1500; round++)
        {
            var text = Text(random, 1 + random.Next(14));
            Assert.True(twin.Encode(text).SequenceEqual(tokenizer.Encode(text)), JsonSerializer.Serialize(text));
        }
    }

    [Theory]
    [InlineData(WordScanner.Gpt2Pattern)]
    [InlineData(WordScanner.QwenPattern)]
    [InlineData(WordScanner.Llama3Pattern)]
    public void Split_by_the_general_way_agrees_with_the_twin(string pattern)
    {
        var random = new SeededRandom(12);
        var (_, twin) = Pair(pattern);
        var general = new PreTokenizer([new SplitStep(pattern, SplitBehavior.Isolated, Invert: false)], addPrefixSpace: false, scanner: null);

        for (var round = 0; round < 800; round++)
        {
            var text = Text(random, 1 + random.Next(14));
            Assert.Equal(twin.Words(text), PreTokenizerTests.Words(general, text));
        }
    }

    [Theory]
    [InlineData(WordScanner.Gpt2Pattern)]
    [InlineData(WordScanner.QwenPattern)]
    [InlineData(WordScanner.Llama3Pattern)]
    public void Split_every_character_between_letters_agrees_with_the_twin(string pattern)
    {
        var (_, twin) = Pair(pattern);
        var fast = new PreTokenizer([], addPrefixSpace: false, WordScanner.For(pattern));

        for (var value = 0; value < 0x20000; value += value is > 0x3500 and < 0xF900 or > 0x11000 ? 31 : 1)
        {
            if (Rune.IsValid(value))
            {
                var text = $"a{new Rune(value)}b {new Rune(value)} 1{new Rune(value)}";
                Assert.Equal(twin.Words(text), PreTokenizerTests.Words(fast, text));
            }
        }
    }

    [Fact]
    public void Encode_word_of_a_megabyte_takes_no_quadratic_time()
    {
        var (tokenizer, _) = Pair(WordScanner.QwenPattern);
        var word = string.Concat(Enumerable.Repeat("abcab", 200_000));

        var ids = tokenizer.Encode(word);

        Assert.Equal(word, tokenizer.Decode(ids));
        Assert.True(ids.Length < word.Length);
    }

    [Fact]
    public void Encode_catastrophic_pattern_is_refused_in_bounded_time()
    {
        var (json, _, _) = Trained(@"(\w|\w\w)*\z");
        var tokenizer = new BpeTokenizer(TokenizerFile.Read(Encoding.UTF8.GetBytes(json), "bad/tokenizer.json"));

        var exception = Assert.Throws<InvalidDataException>(() => tokenizer.Encode(new string('a', 60) + "!", allowSpecial: false));

        Assert.StartsWith("bad/tokenizer.json", exception.Message, StringComparison.Ordinal);
    }

    private static string Text(SeededRandom random, int parts) => string.Concat(Enumerable.Range(0, parts).Select(_ => random.Next(6) switch
    {
        0 => ((char)random.Next(0x3000)).ToString(),
        1 => ((char)(32 + random.Next(95))).ToString(),
        _ => Parts[random.Next(Parts.Length)],
    }));

    private static (BpeTokenizer Tokenizer, PlainTokenizer Twin) Pair(string pattern)
    {
        var (json, vocabulary, merges) = Trained(pattern);
        return (new BpeTokenizer(TokenizerFile.Read(Encoding.UTF8.GetBytes(json), "twin")), new PlainTokenizer(pattern, vocabulary, merges));
    }

    /// <summary>A vocabulary learnt from the parts, with another pattern and no normaliser.</summary>
    private static (string Json, Dictionary<string, int> Vocabulary, List<(string Left, string Right)> Merges) Trained(string pattern)
    {
        using var stream = new MemoryStream();
        BpeTrainer.Train(Parts.Concat(Parts).Append("the aim is to cab cab back abc abcabc"), 700, []).Save(stream);
        using var document = JsonDocument.Parse(stream.ToArray());
        var model = document.RootElement.GetProperty("model");
        var json = Encoding.UTF8.GetString(stream.ToArray())
            .Replace("\"type\": \"NFC\"", "\"type\": \"Sequence\", \"normalizers\": []", StringComparison.Ordinal)
            .Replace(JsonSerializer.Serialize(WordScanner.QwenPattern, Relaxed), JsonSerializer.Serialize(pattern, Relaxed), StringComparison.Ordinal);
        return (
            json,
            model.GetProperty("vocab").EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.GetInt32(), StringComparer.Ordinal),
            [.. model.GetProperty("merges").EnumerateArray().Select(merge => merge.GetString()!.Split(' ')).Select(pair => (pair[0], pair[1]))]);
    }

    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
