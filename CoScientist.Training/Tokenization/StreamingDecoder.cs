using System.Text;

namespace CoScientist.Training.Tokenization;

/// <summary>Turns tokens into text as they come, in whole characters: what is half a character waits for its other half.</summary>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="skipSpecial">Whether special tokens are left out.</param>
public sealed class StreamingDecoder(BpeTokenizer tokenizer, bool skipSpecial = true)
{
    private readonly Decoder utf8 = Encoding.UTF8.GetDecoder();

    /// <summary>The characters that a token completes; empty when there are none yet.</summary>
    /// <param name="id">The token.</param>
    /// <exception cref="ArgumentOutOfRangeException">The id is not of this vocabulary.</exception>
    public string Append(int id)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return skipSpecial && tokenizer.IsSpecial(id) ? "" : Characters(tokenizer.TokenBytes(id), flush: false);
    }

    /// <summary>Ends the text: bytes that still wait become U+FFFD. The decoder then is as new.</summary>
    public string Flush() => Characters([], flush: true);

    private string Characters(ReadOnlySpan<byte> bytes, bool flush)
    {
        var characters = new char[utf8.GetCharCount(bytes, flush)];
        return new string(characters, 0, utf8.GetChars(bytes, characters, flush));
    }
}
