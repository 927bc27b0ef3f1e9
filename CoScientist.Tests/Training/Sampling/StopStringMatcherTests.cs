using System.Text;
using CoScientist.Training.Sampling;

namespace CoScientist.Tests.Training.Sampling;

/// <summary>Stop strings across the borders of tokens and characters.</summary>
public sealed class StopStringMatcherTests
{
    [Theory]
    [InlineData("abc STOP def", "STOP", "abc ")]
    [InlineData("STOP", "STOP", "")]
    [InlineData("aaab", "aab", "a")]
    [InlineData("naïve 日本語 text", "本", "naïve 日")]
    [InlineData("nothing here", "STOP", null)]
    [InlineData("STO P", "STOP", null)]
    [InlineData("one\n\ntwo", "\n\n", "one")]
    public void Add_textInTokensOfAnyLength_findsTheFirstStop(string text, string stop, string? expected)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        for (var length = 1; length <= 7; length++)
        {
            // Token k stands for bytes k·length …: tokens cut words and characters anywhere.
            var matcher = new StopStringMatcher([Encoding.UTF8.GetBytes(stop), "unused"u8.ToArray()], token => bytes.AsSpan(token * length, Math.Min(length, bytes.Length - (token * length))));
            int[] tokens = [.. Enumerable.Range(0, (bytes.Length + length - 1) / length).TakeWhile(token => matcher.FoundAt < 0 && (matcher.Add(token) || true))];
            Assert.Equal(expected is not null, matcher.FoundAt >= 0);
            if (expected is not null)
            {
                Assert.Equal(expected, matcher.TextBefore(tokens));
            }
        }
    }

    [Fact]
    public void Add_twoStopsInOneToken_keepsTheTextBeforeTheEarlier()
    {
        var matcher = new StopStringMatcher(["later"u8.ToArray(), "sooner"u8.ToArray()], _ => "x sooner later"u8);
        Assert.True(matcher.Add(0));
        Assert.Equal("x ", matcher.TextBefore([0]));
    }

    [Fact]
    public void TextBefore_halfACharacterBeforeTheStop_becomesAReplacementCharacter()
    {
        byte[][] tokens = [[0xE6, 0x97], [], "end"u8.ToArray()];
        var matcher = new StopStringMatcher(["end"u8.ToArray()], token => tokens[token]);
        Assert.Equal([false, false, true], [matcher.Add(0), matcher.Add(1), matcher.Add(2)]);
        Assert.Equal("\uFFFD", matcher.TextBefore([0, 1, 2]));
    }
}
