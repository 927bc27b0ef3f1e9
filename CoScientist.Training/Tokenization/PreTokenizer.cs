using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace CoScientist.Training.Tokenization;

/// <summary>Cuts text into the words that merges do not cross, by regular expressions applied one after the other.</summary>
internal sealed partial class PreTokenizer
{
    /// <summary>The pattern of Qwen: contractions, words with one leading sign, single digits, signs, line ends, spaces.</summary>
    public const string QwenPattern = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>The pattern of GPT-2, which a ByteLevel step applies unless told otherwise.</summary>
    public const string Gpt2Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    // A pattern comes from a file, and a bad one could run for ever.
    private const int PatienceMilliseconds = 10_000;

    // One character of the basic plane for each general category, see Flatten.
    private static readonly Dictionary<UnicodeCategory, char> Representatives = CreateRepresentatives();

    [GeneratedRegex(QwenPattern, RegexOptions.CultureInvariant, PatienceMilliseconds)]
    private static partial Regex Qwen { get; }

    [GeneratedRegex(Gpt2Pattern, RegexOptions.CultureInvariant, PatienceMilliseconds)]
    private static partial Regex Gpt2 { get; }

    private readonly Regex[] patterns;
    private readonly bool addPrefixSpace;
    private readonly bool composed;

    /// <param name="patterns">Applied in order; what lies between two matches is a piece too.</param>
    /// <param name="composed">Whether text is brought to normalisation form C first.</param>
    /// <param name="addPrefixSpace">Whether text that does not start with white space gets a space before it.</param>
    /// <exception cref="ArgumentException">A pattern is not a regular expression .NET understands.</exception>
    public PreTokenizer(IEnumerable<string> patterns, bool composed, bool addPrefixSpace)
    {
        this.patterns = [.. patterns.Select(Create)];
        this.composed = composed;
        this.addPrefixSpace = addPrefixSpace;
    }

    /// <summary>Normalises the text and calls <paramref name="word"/> with each piece, in order; together they are the normalised text.</summary>
    public void Split(string text, Action<ReadOnlySpan<char>> word)
    {
        if (composed)
        {
            text = CanonicalComposition.Compose(text);
        }

        if (addPrefixSpace && text.Length > 0 && !char.IsWhiteSpace(text[0]))
        {
            text = " " + text;
        }

        // .NET's classes see UTF-16 units, the format's see code points: match on a text with one unit per code point.
        var flat = Flatten(text, out var starts);
        Split(flat, 0, flat.Length, 0, (start, end) => word(starts is null ? text.AsSpan(start, end - start) : text.AsSpan(starts[start], starts[end] - starts[start])));
    }

    // The usual patterns are compiled with the program, which saves each tokenizer the tenth of a second it would take.
    private static Regex Create(string pattern) => pattern switch
    {
        QwenPattern => Qwen,
        Gpt2Pattern => Gpt2,
        _ => new Regex(pattern, RegexOptions.CultureInvariant | RegexOptions.Compiled, TimeSpan.FromMilliseconds(PatienceMilliseconds)),
    };

    private void Split(string flat, int start, int end, int level, Action<int, int> piece)
    {
        if (start == end)
        {
            return;
        }

        if (level == patterns.Length)
        {
            piece(start, end);
            return;
        }

        var done = start;
        foreach (var match in patterns[level].EnumerateMatches(flat.AsSpan(start, end - start)))
        {
            Split(flat, done, start + match.Index, level + 1, piece);
            done = start + match.Index + match.Length;
            Split(flat, start + match.Index, done, level + 1, piece);
        }

        Split(flat, done, end, level + 1, piece);
    }

    /// <summary>Replaces each surrogate pair by one character of the same general category; <paramref name="starts"/> maps back, null for the identity.</summary>
    private static string Flatten(string text, out int[]? starts)
    {
        starts = null;
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            return text;
        }

        var flat = new StringBuilder(text.Length);
        starts = new int[text.Length + 1];
        var position = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            starts[flat.Length] = position;
            position += rune.Utf16SequenceLength;
            flat.Append(rune.IsBmp ? (char)rune.Value : Representatives[Rune.GetUnicodeCategory(rune)]);
        }

        starts[flat.Length] = position;
        return flat.ToString();
    }

    private static Dictionary<UnicodeCategory, char> CreateRepresentatives()
    {
        var representatives = new Dictionary<UnicodeCategory, char>();
        for (var value = 0x80; value <= char.MaxValue; value++)
        {
            representatives.TryAdd(char.GetUnicodeCategory((char)value), (char)value);
        }

        return representatives;
    }
}
