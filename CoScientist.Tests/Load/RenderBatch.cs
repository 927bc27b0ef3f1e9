using System.Buffers.Binary;
using System.Text;

namespace CoScientist.Tests.Load;

/// <summary>What a render batch brings to the screen, as far as a simulated person looks: its texts, without the tree that they hang in.</summary>
internal static class RenderBatch
{
    // Five offsets end a batch; the last one is that of the table of texts, which lies before them.
    private const int Trailer = 20;

    /// <summary>Every text of the batch: names and values of attributes, texts, markup.</summary>
    /// <exception cref="InvalidDataException">It is no batch.</exception>
    public static IReadOnlyList<string> Texts(ReadOnlySpan<byte> batch)
    {
        if (batch.Length < Trailer || BinaryPrimitives.ReadInt32LittleEndian(batch[^4..]) is var table && (table < 0 || table > batch.Length - Trailer))
        {
            throw new InvalidDataException("A render batch has no table of texts.");
        }

        var texts = new List<string>();
        for (var entry = table; entry + 4 <= batch.Length - Trailer; entry += 4)
        {
            var at = BinaryPrimitives.ReadInt32LittleEndian(batch[entry..]);
            if ((uint)at >= (uint)batch.Length || !BlazorPack.TryReadLength(batch[at..], out var length, out var size) || (uint)length > (uint)(batch.Length - at - size))
            {
                throw new InvalidDataException($"Text {texts.Count} of a render batch lies outside of it.");
            }

            texts.Add(Encoding.UTF8.GetString(batch.Slice(at + size, length)));
        }

        return texts;
    }
}
