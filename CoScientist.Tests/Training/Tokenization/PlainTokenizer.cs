using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Tokenization;

/// <summary>The slow twin: words by a regular expression over code points, then the textbook's merging of the best pair of all.</summary>
internal sealed class PlainTokenizer(string pattern, IReadOnlyDictionary<string, int> vocabulary, IReadOnlyList<(string Left, string Right)> merges)
{
    // A long s is an s without regard to case, which .NET does not know.
    private readonly Regex regex = new(pattern.Replace("'s|'t|'re|'ve|'m|'ll|'d)", "'s|'ſ|'t|'re|'ve|'m|'ll|'d)", StringComparison.Ordinal), RegexOptions.CultureInvariant);
    private readonly Dictionary<(string, string), int> ranks = merges.Index().ToDictionary(entry => entry.Item, entry => entry.Index);

    public List<int> Encode(string text) => [.. Words(text).SelectMany(Merge)];

    public IEnumerable<string> Words(string text)
    {
        // Characters beyond the basic plane are shown to the expression as common ones of their kind.
        var runes = text.EnumerateRunes().ToArray();
        var flat = string.Concat(runes.Select(rune => rune.IsBmp ? (char)rune.Value : Rune.GetUnicodeCategory(rune) switch
        {
            <= UnicodeCategory.OtherLetter => 'x',
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => '1',
            _ => '!',
        }));
        return regex.Matches(flat).Select(match => string.Concat(runes[match.Index..(match.Index + match.Length)].Select(rune => rune.ToString())));
    }

    private IEnumerable<int> Merge(string word)
    {
        var symbols = Encoding.UTF8.GetBytes(word).Select(value => ByteAlphabet.ToText([value])).ToList();
        while (symbols.Count > 1)
        {
            var best = Enumerable.Range(0, symbols.Count - 1).MinBy(i => ranks.GetValueOrDefault((symbols[i], symbols[i + 1]), int.MaxValue));
            if (!ranks.ContainsKey((symbols[best], symbols[best + 1])))
            {
                break;
            }

            symbols[best] += symbols[best + 1];
            symbols.RemoveAt(best + 1);
        }

        return symbols.Select(symbol => vocabulary[symbol]);
    }
}
