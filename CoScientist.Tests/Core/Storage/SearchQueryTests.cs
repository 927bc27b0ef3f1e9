using CoScientist.Core.Storage;

namespace CoScientist.Tests.Core.Storage;

public sealed class SearchQueryTests
{
    [Theory]
    [InlineData(null, null)]
    [InlineData("  - \"\" ", null)]
    [InlineData("bees", "\"bees\"*")]
    [InlineData("Malus  seed-set", "\"Malus\"* \"seed\"* \"set\"*")]
    [InlineData("“seed set” bee", "\"seed set\" \"bee\"*")]
    [InlineData("a\" OR b:c* NEAR(", "\"a\" \"OR\"* \"b\" \"c\" \"NEAR\"*")]
    [InlineData("10.1234/x", "\"10\"* \"1234\"* \"x\"")]
    public void Of_text_becomes_words_and_phrases_never_operators(string? text, string? expected) => Assert.Equal(expected, SearchQuery.Of(text));
}
