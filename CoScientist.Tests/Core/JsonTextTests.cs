using System.Text;
using System.Text.Json;
using CoScientist.Core;

namespace CoScientist.Tests.Core;

/// <summary>JSON from elsewhere: every text of a document is one, or the JSON is refused with the place.</summary>
public sealed class JsonTextTests
{
    [Theory]
    [InlineData("{\"a\":\"\\ud800\"}", "\"a\" holds half a character (\\ud800)", 0, 6)]
    [InlineData("{\"a\":[1,\n {\"b\":\"x\\uDC00\"}]}", "\"b\" holds half a character (\\uDC00)", 1, 8)]
    [InlineData("{\"a\":\"\\ud800\\ud83d\\ude00\"}", "half a character (\\ud800)", 0, 6)]
    [InlineData("{\"a\":\"\\ud83d \\ude00\"}", "half a character (\\ud83d)", 0, 6)]
    [InlineData("{\"\\udfff\":1}", "the name of a property holds half a character (\\udfff)", 0, 2)]
    [InlineData("[\"\\ud83d\"]", "a text holds half a character", 0, 2)]
    public void Parse_HalfACharacter_IsRefusedWithThePlace(string json, string expected, long line, long position)
    {
        foreach (var parse in (Action[])[() => JsonText.Parse(json).Dispose(), () => JsonText.ParseNode(json), () => JsonText.Check(Encoding.UTF8.GetBytes(json))])
        {
            var fault = Assert.Throws<JsonException>(parse);
            Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
            Assert.Equal((line, position), (fault.LineNumber, fault.BytePositionInLine));
            Assert.DoesNotContain("LineNumber", JsonText.Reason(fault), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Parse_BytesThatAreNotUtf8_AreRefusedWithThePlace()
    {
        var fault = Assert.Throws<JsonException>(() => JsonText.Parse((byte[])[.. "{\"a\": \"é"u8, 0xE9, .. "\"}"u8]));

        Assert.Contains("\"a\" holds bytes that are not UTF-8", fault.Message, StringComparison.Ordinal);
        Assert.Equal((0L, 9L), (fault.LineNumber, fault.BytePositionInLine));
    }

    [Fact]
    public void Parse_WholeCharactersAndBackslashes_AreTexts()
    {
        using var document = JsonText.Parse("""{"a":"\ud83d\ude00 😀 \\ud800 \\\\ \u00e9 \n"}""");

        Assert.Equal("😀 😀 \\ud800 \\\\ é \n", document.RootElement.GetProperty("a").GetString());
    }

    [Theory]
    [InlineData("{\"a\":\"\\ud8")]
    [InlineData("{\"a\":\"\\u\"}")]
    [InlineData("{\"a\":\"\\")]
    [InlineData("\\ud800")]
    [InlineData("{\"a\" \"\\ud800\"}")]
    [InlineData("")]
    public void Parse_NoJson_IsTheUsualFault(string json) =>
        Assert.DoesNotContain("half a character", Assert.ThrowsAny<JsonException>(() => JsonText.Parse(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void ParseNode_PropertyGivenTwice_IsRefused() =>
        Assert.Contains("'a'", Assert.ThrowsAny<JsonException>(() => JsonText.ParseNode("""{"a":1,"a":2}""")).Message, StringComparison.Ordinal);

    [Fact]
    public void Parse_DeeperThanAllowed_IsRefused() =>
        Assert.ThrowsAny<JsonException>(() => JsonText.Parse("[[[1]]]"u8.ToArray(), maxDepth: 2));
}
