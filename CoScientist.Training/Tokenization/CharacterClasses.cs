using System.Globalization;
using System.Text;

namespace CoScientist.Training.Tokenization;

/// <summary>What the usual patterns ask of a character.</summary>
internal enum CharacterClass : byte
{
    /// <summary>None of the others: punctuation, symbols, marks, controls.</summary>
    Other,

    /// <summary>General category L.</summary>
    Letter,

    /// <summary>General category N.</summary>
    Number,

    /// <summary>White space, but for line ends.</summary>
    Space,

    /// <summary>Carriage return and line feed.</summary>
    LineEnd,
}

/// <summary>Classes of the characters of UTF-8 text, as Unicode gives them to \p{L}, \p{N} and \s.</summary>
internal static class CharacterClasses
{
    private static readonly CharacterClass[] BasicPlane = [.. Enumerable.Range(0, 0x10000).Select(Of)];

    /// <summary>Class of the character that starts at a position.</summary>
    /// <param name="text">Well-formed UTF-8.</param>
    /// <param name="position">Where a character starts.</param>
    /// <param name="length">Its bytes.</param>
    public static CharacterClass At(ReadOnlySpan<byte> text, int position, out int length)
    {
        var first = text[position];
        if (first < 0x80)
        {
            length = 1;
            return BasicPlane[first];
        }

        if (first < 0xE0)
        {
            length = 2;
            return BasicPlane[((first & 0x1F) << 6) | (text[position + 1] & 0x3F)];
        }

        if (first < 0xF0)
        {
            length = 3;
            return BasicPlane[((first & 0x0F) << 12) | ((text[position + 1] & 0x3F) << 6) | (text[position + 2] & 0x3F)];
        }

        length = 4;
        Rune.DecodeFromUtf8(text[position..], out var rune, out _);
        return Of(rune.Value);
    }

    /// <summary>Class of an ASCII character.</summary>
    public static CharacterClass OfAscii(byte value) => BasicPlane[value];

    private static CharacterClass Of(int point) => point is '\r' or '\n'
        ? CharacterClass.LineEnd
        : point < 0x10000 && char.IsWhiteSpace((char)point)
            ? CharacterClass.Space
            : CharUnicodeInfo.GetUnicodeCategory(point) switch
            {
                <= UnicodeCategory.OtherLetter => CharacterClass.Letter,
                UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => CharacterClass.Number,
                _ => CharacterClass.Other,
            };
}
