using System.Text.Json;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Tokenization;

/// <summary>Small tokenizer.json files: the 256 bytes, then the tokens given.</summary>
internal static class TokenizerFixture
{
    public static string With(IEnumerable<string> vocabulary, IEnumerable<string> merges, string added = "")
    {
        var tokens = Enumerable.Range(0, 256).Select(value => ByteAlphabet.ToText([(byte)value])).Concat(vocabulary);
        var entries = string.Join(',', tokens.Select((token, id) => $"{JsonSerializer.Serialize(token)}:{id}"));
        return $$"""
            {"added_tokens":[{{added}}],"normalizer":null,
             "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"use_regex":true},
             "model":{"type":"BPE","byte_fallback":false,"ignore_merges":false,"vocab": { {{entries}} },"merges":[{{string.Join(',', merges)}}] } }
            """;
    }
}
