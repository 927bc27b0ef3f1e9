namespace CoScientist.Training.Tokenization;

/// <summary>
/// The patterns of GPT-2, Qwen and Llama 3 written out by hand: what the regular expression would match at a position, in one
/// pass and without backtracking. Every position starts a match, so the matches are the words.
/// </summary>
internal sealed class WordScanner
{
    /// <summary>The pattern of GPT-2, which a ByteLevel step applies unless told otherwise.</summary>
    public const string Gpt2Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>The pattern of Qwen: contractions, words with one leading sign, single digits, signs, line ends, spaces.</summary>
    public const string QwenPattern = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>The pattern of Llama 3: Qwen's, but digits by threes.</summary>
    public const string Llama3Pattern = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private readonly bool gpt2;
    private readonly int digits;

    private WordScanner(bool gpt2, int digits)
    {
        this.gpt2 = gpt2;
        this.digits = digits;
    }

    /// <summary>The scanner of a pattern; null when the pattern is none of the three.</summary>
    public static WordScanner? For(string pattern) => pattern switch
    {
        Gpt2Pattern => new WordScanner(gpt2: true, int.MaxValue),
        QwenPattern => new WordScanner(gpt2: false, 1),
        Llama3Pattern => new WordScanner(gpt2: false, 3),
        _ => null,
    };

    /// <summary>Where the word that starts at <paramref name="start"/> ends.</summary>
    /// <param name="text">Well-formed UTF-8.</param>
    /// <param name="start">A position inside the text.</param>
    public int End(ReadOnlySpan<byte> text, int start)
    {
        var first = text[start];
        if (first == '\'' && Contraction(text, start) is var contracted and > 0)
        {
            return contracted;
        }

        var kind = CharacterClasses.At(text, start, out var length);
        var second = start + length;
        switch (kind)
        {
            case CharacterClass.Letter:
                return Run(text, second, CharacterClass.Letter);
            case CharacterClass.Number:
                return Digits(text, second, digits - 1);
        }

        // One leading character goes with what follows: a space with anything, with the newer patterns any sign or space with letters.
        var next = second < text.Length ? CharacterClasses.At(text, second, out _) : CharacterClass.LineEnd;
        if (next == CharacterClass.Letter && (first == ' ' || (!gpt2 && kind != CharacterClass.LineEnd)))
        {
            return Run(text, second, CharacterClass.Letter);
        }

        if (gpt2 && first == ' ' && next == CharacterClass.Number)
        {
            return Run(text, second, CharacterClass.Number);
        }

        if (kind == CharacterClass.Other || (first == ' ' && next == CharacterClass.Other))
        {
            var end = Run(text, second, CharacterClass.Other);
            return gpt2 ? end : Run(text, end, CharacterClass.LineEnd);
        }

        return Spaces(text, start);
    }

    /// <summary>End of the contraction that an apostrophe starts; 0 when there is none.</summary>
    private int Contraction(ReadOnlySpan<byte> text, int start)
    {
        var rest = text[(start + 1)..];
        if (rest.Length == 0)
        {
            return 0;
        }

        var (one, two) = (rest[0], rest.Length > 1 ? rest[1] : (byte)0);
        if (!gpt2)
        {
            // Without regard to case the long s (U+017F) is an s.
            if (one == 0xC5 && two == 0xBF)
            {
                return start + 3;
            }

            (one, two) = (Lower(one), Lower(two));
        }

        return (one, two) switch
        {
            ((byte)'s' or (byte)'t' or (byte)'m' or (byte)'d', _) => start + 2,
            ((byte)'r' or (byte)'v', (byte)'e') or ((byte)'l', (byte)'l') => start + 3,
            _ => 0,
        };

        static byte Lower(byte value) => value is >= (byte)'A' and <= (byte)'Z' ? (byte)(value | 0x20) : value;
    }

    private static int Run(ReadOnlySpan<byte> text, int position, CharacterClass kind)
    {
        while (position < text.Length)
        {
            var value = text[position];
            if (value < 0x80)
            {
                if (CharacterClasses.OfAscii(value) != kind)
                {
                    break;
                }

                position++;
                continue;
            }

            if (CharacterClasses.At(text, position, out var length) != kind)
            {
                break;
            }

            position += length;
        }

        return position;
    }

    private static int Digits(ReadOnlySpan<byte> text, int position, int most)
    {
        while (most-- > 0 && position < text.Length && CharacterClasses.At(text, position, out var length) == CharacterClass.Number)
        {
            position += length;
        }

        return position;
    }

    /// <summary>A run of white space: with the newer patterns to its last line end; otherwise all of it at the end of the text, else all but the last, which goes with the next word.</summary>
    private int Spaces(ReadOnlySpan<byte> text, int start)
    {
        var (end, last, afterLineEnd) = (start, start, 0);
        while (end < text.Length && CharacterClasses.At(text, end, out var length) is var kind and (CharacterClass.Space or CharacterClass.LineEnd))
        {
            last = end;
            end += length;
            afterLineEnd = kind == CharacterClass.LineEnd ? end : afterLineEnd;
        }

        if (!gpt2 && afterLineEnd > 0)
        {
            return afterLineEnd;
        }

        return end == text.Length || last == start ? end : last;
    }
}
