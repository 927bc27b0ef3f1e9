using System.Text;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Tokenization;

public sealed class TokenizerFileTests
{
    private static readonly string Good = TokenizerFixture.With(vocabulary: ["ab"], merges: ["\"a b\""], added: "{\"id\":257,\"content\":\"<end>\",\"special\":true}");

    [Fact]
    public void Read_good_file_passes() => Read(Good);

    [Theory]
    [InlineData("", "is not JSON")]
    [InlineData("{\"model\":", "is not JSON")]
    [InlineData("{}", "there is no \"model\" object")]
    [InlineData("[]", "there is no \"model\" object")]
    [InlineData("{\"model\":{\"type\":\"Unigram\"}}", "model.type is \"Unigram\"")]
    [InlineData("{\"model\":{\"type\":\"BPE\"}}", "model.vocab is missing")]
    [InlineData("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}}}", "no token for byte 0x00")]
    [InlineData("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":0}}}", "id 0 belongs to two tokens")]
    [InlineData("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"a\":1}}}", "lists the token \"a\" twice")]
    [InlineData("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":-1}}}", "a whole number from 0 is expected")]
    [InlineData("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":2000000000}}}", "the ids are damaged")]
    [InlineData("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"▁the\":0}}}", "not written in the byte-level alphabet")]
    public void Read_file_without_a_usable_model_names_what_is_wrong(string json, string expected) => AssertFault(json, expected);

    [Theory]
    [InlineData("\"a b\"", "\"a zz\"", "model.merges[0] joins \"a\" and \"zz\", but \"zz\" is not in model.vocab")]
    [InlineData("\"a b\"", "\"b a\"", "but \"ba\" is not in model.vocab")]
    [InlineData("\"a b\"", "\"ab\"", "model.merges[0] is neither")]
    [InlineData("\"a b\"", "[\"a\"]", "model.merges[0] is neither")]
    [InlineData("\"a b\"", "7", "model.merges[0] is neither")]
    [InlineData("[\"a b\"]", "null", "model.merges is missing")]
    [InlineData("\"byte_fallback\":false", "\"byte_fallback\":true", "byte_fallback")]
    [InlineData("\"byte_fallback\":false", "\"end_of_word_suffix\":\"</w>\"", "end_of_word_suffix")]
    [InlineData("\"id\":257", "\"id\":256", "id 256 belongs to two tokens")]
    [InlineData("\"id\":257,", "", "has no \"id\"")]
    [InlineData("\"id\":257", "\"id\":\"x\"", "added_tokens[0].id")]
    [InlineData("\"content\":\"<end>\"", "\"content\":\"\"", "has no \"content\"")]
    [InlineData("\"content\":\"<end>\"", "\"content\":\"ab\"", "has id 256 in model.vocab and 257 in added_tokens")]
    [InlineData("\"special\":true}", "\"special\":true},{\"id\":258,\"content\":\"<end>\"}", "repeats the token \"<end>\"")]
    [InlineData("\"special\":true", "\"lstrip\":3", "\"lstrip\" is 3; true or false is expected")]
    [InlineData("\"ab\":256", "\"\\ud800\":256", "half a character")]
    [InlineData("\"byte_fallback\":false", "\"dropout\":0.1", "model.dropout is 0.1")]
    [InlineData("\"byte_fallback\":false", "\"unk_token\":\"<unk>\"", "model.unk_token \"<unk>\" is not in model.vocab")]
    [InlineData("\"normalizer\":null", "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"Lowercase\"}]}", "normalizer is \"NFC, Lowercase\"")]
    [InlineData("\"normalizer\":null", "\"normalizer\":{\"type\":\"Sequence\"}", "a Sequence of normalizer has no list \"normalizers\"")]
    [InlineData("\"normalizer\":null", "\"decoder\":{\"type\":\"Fuse\"}", "decoder is \"Fuse\"")]
    [InlineData("\"normalizer\":null", "\"post_processor\":{\"type\":\"BertProcessing\"}", "post_processor is \"BertProcessing\"")]
    [InlineData("\"normalizer\":null", "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[]}", "post_processor.single is not a list")]
    [InlineData("\"normalizer\":null", "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\"}},{\"Sequence\":{\"id\":\"A\"}}],\"special_tokens\":{\"<s>\":{\"ids\":[999]}}}", "an id that no token has")]
    [InlineData("\"normalizer\":null", "\"post_processor\":{\"type\":\"RobertaProcessing\",\"cls\":[\"<s>\",0]}", "post_processor.cls is not a known token")]
    [InlineData("\"normalizer\":null", "\"normalizer\":{\"type\":\"NFKC\"}", "normalizer is \"NFKC\"")]
    [InlineData("\"type\":\"ByteLevel\"", "\"type\":\"Metaspace\"", "step 0 of pre_tokenizer is \"Metaspace\"")]
    [InlineData("\"pre_tokenizer\":{", "\"other\":{", "pre_tokenizer does not end in ByteLevel")]
    public void Read_one_fault_names_the_place(string part, string replacement, string expected)
    {
        Assert.Contains(part, Good, StringComparison.Ordinal);
        AssertFault(Good.Replace(part, replacement, StringComparison.Ordinal), expected);
    }

    [Theory]
    [InlineData("""{"type":"Split","pattern":{"Regex":"("},"behavior":"Isolated"}""", "a pattern of pre_tokenizer is not supported")]
    [InlineData("""{"type":"Split","pattern":{"Regex":"a"},"behavior":"Deleted"}""", "has the behavior \"Deleted\"; known are Removed, Isolated")]
    [InlineData("""{"type":"Split","pattern":{"Other":"a"},"behavior":"Isolated"}""", "has no pattern")]
    public void Read_split_step_with_a_fault_names_it(string step, string expected)
    {
        var json = Good.Replace(
            "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true}",
            "{\"type\":\"Sequence\",\"pretokenizers\":[" + step + ",{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]}",
            StringComparison.Ordinal);

        AssertFault(json, expected);
    }

    [Theory]
    [InlineData("(a", "a group without an end")]
    [InlineData("a)", "a ')' without its '('")]
    [InlineData("(?<name>a)", "a kind of group at character 1")]
    [InlineData("*a", "a repetition of nothing")]
    [InlineData("a{3,1}", "bounds are swapped")]
    [InlineData("[a", "a character class without an end")]
    [InlineData("[]a]", "an empty character class")]
    [InlineData("[a[b]]", "a class inside a class")]
    [InlineData("[a&&b]", "an intersection")]
    [InlineData(@"\p{Han}", "'\\p{Han}', which is no general category")]
    [InlineData(@"\pL", "without a name in braces")]
    [InlineData(@"(a)\1", "'\\1' at character 5")]
    [InlineData(@"\h", "'\\h'")]
    [InlineData("\\", "a backslash at the end")]
    [InlineData("𝒜", "beyond the basic plane")]
    [InlineData(@"\x{1F600}", "without a code of the basic plane")]
    public void Translate_unknown_construct_names_it_and_its_place(string pattern, string expected) =>
        Assert.Contains(expected, Assert.Throws<TokenizerFault>(() => OnigurumaPattern.Translate(pattern)).Message, StringComparison.Ordinal);

    [Fact]
    public void Translate_endless_pattern_is_refused() =>
        Assert.Throws<TokenizerFault>(() => OnigurumaPattern.Translate(new string('(', 100_000)));

    [Fact]
    public void Read_list_inside_list_without_end_is_refused()
    {
        var deep = string.Concat(Enumerable.Repeat("{\"type\":\"Sequence\",\"pretokenizers\":[", 100_000));

        AssertFault("{\"pre_tokenizer\":" + deep, "is not JSON");
    }

    private static void AssertFault(string json, string expected)
    {
        var message = Assert.Throws<InvalidDataException>(() => Read(json)).Message;
        Assert.StartsWith("models/tokenizer.json", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    private static TokenizerFile Read(string json) => TokenizerFile.Read(Encoding.UTF8.GetBytes(json), "models/tokenizer.json");
}
