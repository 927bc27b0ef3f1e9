using System.Buffers;
using System.Globalization;
using System.Text;

namespace CoScientist.Training.Tokenization;

/// <summary>A token that stands for a fixed text and is no product of merges.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">Its text.</param>
/// <param name="Special">Whether decoding leaves it out.</param>
internal sealed record AddedToken(int Id, string Content, bool Special)
{
    /// <summary>Whether it is looked for in the normalised text.</summary>
    public bool Normalized { get; init; }

    /// <summary>Whether it only counts where no word character touches it.</summary>
    public bool SingleWord { get; init; }

    /// <summary>Whether it takes the white space before it.</summary>
    public bool StripLeft { get; init; }

    /// <summary>Whether it takes the white space after it.</summary>
    public bool StripRight { get; init; }

    /// <summary>
    /// Whether it steers a model rather than being vocabulary: special, or written like a tag (<c>&lt;think&gt;</c>,
    /// <c>[INST]</c>). Other people's text must not be able to spell it.
    /// </summary>
    public bool IsControl => Special || (Content[0], Content[^1]) is ('<', '>') or ('[', ']');
}

/// <summary>Finds added tokens in text: the leftmost first, and the longest of those that start at one place.</summary>
internal sealed class AddedTokens
{
    private readonly Dictionary<char, (string Text, AddedToken Token)[]> byFirst;
    private readonly SearchValues<string> texts;

    /// <param name="tokens">The tokens with the texts to look for.</param>
    public AddedTokens(IEnumerable<(string Text, AddedToken Token)> tokens)
    {
        // Of two tokens that normalise to one text the later wins.
        var distinct = new Dictionary<string, AddedToken>(StringComparer.Ordinal);
        foreach (var (text, token) in tokens)
        {
            distinct[text] = token;
        }

        byFirst = distinct.Select(entry => (entry.Key, entry.Value)).GroupBy(entry => entry.Key[0])
            .ToDictionary(group => group.Key, group => group.OrderByDescending(entry => entry.Key.Length).ToArray());
        texts = SearchValues.Create([.. distinct.Keys], StringComparison.Ordinal);
    }

    /// <summary>The next added token at or after <paramref name="from"/>; null when there is none.</summary>
    /// <param name="text">The whole text.</param>
    /// <param name="from">Where the token before ended.</param>
    /// <param name="plain">Parts of the text, in order, in which nothing is a control token.</param>
    /// <param name="start">Where it starts, with the white space it takes.</param>
    /// <param name="end">Where it ends, likewise.</param>
    public AddedToken? Find(ReadOnlySpan<char> text, int from, ReadOnlySpan<(int Start, int End)> plain, out int start, out int end)
    {
        for (var position = from; byFirst.Count > 0; position++)
        {
            var offset = text[position..].IndexOfAny(texts);
            if (offset < 0)
            {
                break;
            }

            position += offset;
            if (Longest(text, position, plain) is not { } found)
            {
                continue;
            }

            (start, end) = (position, position + found.Text.Length);
            if (found.Token.SingleWord && ((start > 0 && EndsInWord(text[..start])) || StartsWithWord(text[end..])))
            {
                position = end - 1;
                continue;
            }

            if (found.Token.StripLeft)
            {
                start = from + text[from..start].TrimEnd().Length;
            }

            if (found.Token.StripRight)
            {
                end = text.Length - text[end..].TrimStart().Length;
            }

            return found.Token;
        }

        (start, end) = (text.Length, text.Length);
        return null;
    }

    private (string Text, AddedToken Token)? Longest(ReadOnlySpan<char> text, int position, ReadOnlySpan<(int Start, int End)> plain)
    {
        foreach (var candidate in byFirst[text[position]])
        {
            if (text[position..].StartsWith(candidate.Text, StringComparison.Ordinal) && !(candidate.Token.IsControl && Overlaps(plain, position, position + candidate.Text.Length)))
            {
                return candidate;
            }
        }

        return null;
    }

    private static bool Overlaps(ReadOnlySpan<(int Start, int End)> plain, int start, int end)
    {
        // The first part that ends behind the start.
        var (low, high) = (0, plain.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = plain[middle].End > start ? (low, middle) : (middle + 1, high);
        }

        return low < plain.Length && plain[low].Start < end;
    }

    private static bool EndsInWord(ReadOnlySpan<char> text) => Rune.DecodeLastFromUtf16(text, out var rune, out _) == OperationStatus.Done && IsWord(rune);

    private static bool StartsWithWord(ReadOnlySpan<char> text) => Rune.DecodeFromUtf16(text, out var rune, out _) == OperationStatus.Done && IsWord(rune);

    /// <summary>A letter, mark, digit, connector or joiner (Unicode Technical Standard 18).</summary>
    private static bool IsWord(Rune rune) => rune.Value is 0x200C or 0x200D || Rune.GetUnicodeCategory(rune)
        is <= UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation;
}
