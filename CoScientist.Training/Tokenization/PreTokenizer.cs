using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace CoScientist.Training.Tokenization;

/// <summary>Takes the words that a <see cref="PreTokenizer"/> cuts.</summary>
internal interface IWordSink
{
    /// <summary>One word, in UTF-8; valid during the call.</summary>
    void Add(ReadOnlySpan<byte> word);
}

/// <summary>Cuts text into the words that merges do not cross.</summary>
/// <param name="steps">Cuts by regular expressions, one after the other.</param>
/// <param name="addPrefixSpace">Whether a piece that does not start with a space gets one before it.</param>
/// <param name="scanner">The last cut, for the usual patterns; null when each piece is a word.</param>
internal sealed class PreTokenizer(IReadOnlyList<SplitStep> steps, bool addPrefixSpace, WordScanner? scanner)
{
    // A pattern that is slow on every piece is as bad as one that never ends on one.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private const int CharactersPerSecond = 200_000;

    // One character of the basic plane for each general category, see Flatten.
    private static readonly Lazy<Dictionary<UnicodeCategory, char>> Representatives = new(CreateRepresentatives);

    /// <summary>Hands the words of a normalised text to a sink, in order. Lone surrogates become U+FFFD.</summary>
    /// <exception cref="TokenizerFault">A pattern of the file takes unreasonably long on this text.</exception>
    public void Split<TSink>(ReadOnlySpan<char> text, ref TSink sink)
        where TSink : struct, IWordSink, allows ref struct
    {
        if (text.Length == 0)
        {
            return;
        }

        var bytes = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(text.Length) + 1);
        try
        {
            if (steps.Count == 0)
            {
                Scan(text, bytes, ref sink);
                return;
            }

            // .NET's classes see UTF-16 units, the format's see code points: match on a text with one unit per code point.
            var flat = Flatten(text, out var starts);
            foreach (var (start, end) in Pieces(starts is null ? text : flat))
            {
                Scan(starts is null ? text[start..end] : text[starts[start]..starts[end]], bytes, ref sink);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    private void Scan<TSink>(ReadOnlySpan<char> piece, byte[] bytes, ref TSink sink)
        where TSink : struct, IWordSink, allows ref struct
    {
        var prefix = addPrefixSpace && piece[0] != ' ' ? 1 : 0;
        bytes[0] = (byte)' ';
        var text = bytes.AsSpan(0, prefix + Encoding.UTF8.GetBytes(piece, bytes.AsSpan(prefix)));
        if (scanner is null)
        {
            sink.Add(text);
            return;
        }

        for (var start = 0; start < text.Length;)
        {
            var end = scanner.End(text, start);
            sink.Add(text[start..end]);
            start = end;
        }
    }

    private List<(int Start, int End)> Pieces(ReadOnlySpan<char> flat)
    {
        var clock = Stopwatch.StartNew();
        var patience = Patience + TimeSpan.FromSeconds(flat.Length / CharactersPerSecond);
        List<(int Start, int End)> pieces = [(0, flat.Length)];
        foreach (var step in steps)
        {
            var finer = new List<(int Start, int End)>();
            foreach (var (start, end) in pieces)
            {
                foreach (var (from, to) in step.Cut(flat[start..end]))
                {
                    finer.Add((start + from, start + to));
                }

                if (clock.Elapsed > patience)
                {
                    throw new TokenizerFault($"the pattern \"{step.Pattern}\" of pre_tokenizer takes too long; use a model with a tokenizer like those of GPT-2, Qwen or Llama 3.");
                }
            }

            pieces = finer;
        }

        return pieces;
    }

    /// <summary>Replaces each surrogate pair by one character of the same general category; <paramref name="starts"/> maps back, null when there is none.</summary>
    private static ReadOnlySpan<char> Flatten(ReadOnlySpan<char> text, out int[]? starts)
    {
        starts = null;
        if (!text.ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            return default;
        }

        var flat = new char[text.Length];
        var count = 0;
        var position = 0;
        starts = new int[text.Length + 1];
        foreach (var rune in text.EnumerateRunes())
        {
            starts[count] = position;
            position += rune.Utf16SequenceLength;
            flat[count++] = rune.IsBmp ? (char)rune.Value : Representatives.Value[Rune.GetUnicodeCategory(rune)];
        }

        starts[count] = position;
        return flat.AsSpan(0, count);
    }

    // Patterns name characters of common scripts one by one; the last ones before Hangul, where there are such, are in none.
    private static Dictionary<UnicodeCategory, char> CreateRepresentatives()
    {
        var representatives = new Dictionary<UnicodeCategory, char>();
        foreach (var value in Enumerable.Range(0xA000, 0x0C00).Reverse().Concat(Enumerable.Range(0x80, 0xFF80).Reverse()))
        {
            representatives.TryAdd(char.GetUnicodeCategory((char)value), (char)value);
        }

        return representatives;
    }
}
