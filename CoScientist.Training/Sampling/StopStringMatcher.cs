using System.Text;

namespace CoScientist.Training.Sampling;

/// <summary>The bytes that a token adds to a text; none for special tokens and for ids without a text.</summary>
internal delegate ReadOnlySpan<byte> TokenText(int token);

/// <summary>Looks for stop strings in the bytes of one sample as its tokens come, wherever tokens begin and end.</summary>
internal sealed class StopStringMatcher(byte[][] stops, TokenText textOf)
{
    private readonly int longest = stops.Max(stop => stop.Length);
    // The last bytes that a stop string may have begun in, with room for those of the next token.
    private byte[] window = new byte[256];
    private int held;
    private long seen;

    /// <summary>Where the stop string found begins, in bytes of the sample; −1 before one is.</summary>
    public long FoundAt { get; private set; } = -1;

    /// <summary>Takes the next token; true when it completes a stop string.</summary>
    public bool Add(int token)
    {
        var bytes = textOf(token);
        if (held + bytes.Length > window.Length)
        {
            Array.Resize(ref window, 2 * (held + bytes.Length));
        }

        bytes.CopyTo(window.AsSpan(held));
        held += bytes.Length;
        seen += bytes.Length;
        var found = int.MaxValue;
        foreach (var stop in stops)
        {
            var at = window.AsSpan(0, held).IndexOf(stop);
            found = at >= 0 ? Math.Min(found, at) : found;
        }

        if (found < int.MaxValue)
        {
            FoundAt = seen - held + found;
            return true;
        }

        var keep = Math.Min(held, longest - 1);
        window.AsSpan(held - keep, keep).CopyTo(window);
        held = keep;
        return false;
    }

    /// <summary>Text of the tokens before the stop string that was found. Bytes that are not UTF-8 become U+FFFD.</summary>
    public string TextBefore(ReadOnlySpan<int> tokens)
    {
        var bytes = new byte[seen];
        var count = 0;
        foreach (var token in tokens)
        {
            var text = textOf(token);
            text.CopyTo(bytes.AsSpan(count));
            count += text.Length;
        }

        return Encoding.UTF8.GetString(bytes, 0, (int)FoundAt);
    }
}
