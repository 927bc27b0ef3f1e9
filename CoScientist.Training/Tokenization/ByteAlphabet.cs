namespace CoScientist.Training.Tokenization;

/// <summary>
/// The byte-level alphabet of GPT-2: every byte has a printable character, so that a vocabulary of byte strings can be kept
/// in JSON. Printable Latin-1 stands for itself; the other 68 bytes take U+0100 and up, in order.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] Characters = CreateCharacters();
    private static readonly short[] Bytes = CreateBytes();

    /// <summary>Writes bytes as characters of the alphabet.</summary>
    public static string ToText(ReadOnlySpan<byte> bytes) =>
        string.Create(bytes.Length, bytes, static (text, source) =>
        {
            for (var i = 0; i < text.Length; i++)
            {
                text[i] = Characters[source[i]];
            }
        });

    /// <summary>Reads characters of the alphabet back; null when a character is not of it.</summary>
    public static byte[]? ToBytes(string text)
    {
        var bytes = new byte[text.Length];
        for (var i = 0; i < bytes.Length; i++)
        {
            var character = text[i];
            if (character >= Bytes.Length || Bytes[character] < 0)
            {
                return null;
            }

            bytes[i] = (byte)Bytes[character];
        }

        return bytes;
    }

    private static char[] CreateCharacters()
    {
        var characters = new char[256];
        var next = '\u0100';
        for (var value = 0; value < characters.Length; value++)
        {
            var printable = value is (>= '!' and <= '~') or (>= '¡' and <= '¬') or (>= '®' and <= 'ÿ');
            characters[value] = printable ? (char)value : next++;
        }

        return characters;
    }

    private static short[] CreateBytes()
    {
        var bytes = new short[Characters.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (var value = 0; value < Characters.Length; value++)
        {
            bytes[Characters[value]] = (short)value;
        }

        return bytes;
    }
}
