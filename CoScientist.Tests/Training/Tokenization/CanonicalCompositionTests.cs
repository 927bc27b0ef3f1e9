using System.Text;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Tokenization;

public sealed class CanonicalCompositionTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("cafe\u0301", "caf\u00E9")]
    [InlineData("\u212B\u2126", "\u00C5\u03A9")] // Singletons: Ångström and ohm signs.
    [InlineData("q\u0307\u0323", "q\u0323\u0307")] // Marks are ordered by class.
    [InlineData("d\u0307\u0323", "\u1E0D\u0307")]
    [InlineData("a\u0328\u0301", "\u0105\u0301")]
    [InlineData("a\u0301\u0301", "\u00E1\u0301")] // The second of one class is blocked.
    [InlineData("\u0958", "\u0915\u093C")] // Excluded from composition.
    [InlineData("\u1112\u1161\u11AB\u1100\u116E", "한구")]
    [InlineData("\uAC00\u11A8", "각")]
    [InlineData("\u0301a", "\u0301a")]
    [InlineData("\U000110A5\U000110BA", "\U000110AB")]
    [InlineData("\u0344", "\u0308\u0301")]
    [InlineData("\u1E9B\u0323", "\u1E9B\u0323")]
    public void Compose_examples_of_the_standard(string text, string expected) => Assert.Equal(expected, CanonicalComposition.Compose(text).ToString());

    [Fact]
    public void Compose_is_its_own_fixed_point_for_all_that_decomposes()
    {
        for (var value = 0; value <= 0x1FFFF; value += value is >= 0x3400 and < 0xF900 or >= 0x11A00 ? 37 : 1)
        {
            if (Rune.IsValid(value))
            {
                var once = CanonicalComposition.Compose(new Rune(value).ToString()).ToString();
                Assert.Equal(once, CanonicalComposition.Compose(once).ToString());
            }
        }
    }
}
