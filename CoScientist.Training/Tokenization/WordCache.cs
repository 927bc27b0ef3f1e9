using System.Buffers.Binary;
using System.Numerics;

namespace CoScientist.Training.Tokenization;

/// <summary>
/// Ids of words seen before, found by the word's bytes without allocation. A fixed table, two places per word, the older
/// gives way. Entries never change after they are stored, so threads share it without locks.
/// </summary>
internal sealed class WordCache
{
    private const int Slots = 1 << 16;
    private const int LongestWord = 64;
    private const int LongestInline = 16;

    private readonly Entry?[] slots = new Entry?[Slots];

    /// <summary>The ids of a word; false when it is not in the table.</summary>
    public bool TryGet(ReadOnlySpan<byte> word, out ReadOnlySpan<int> ids)
    {
        var (low, high) = Key(word);
        var slot = Slot(low, high, word.Length);
        var entry = slots[slot];
        if (entry is null || !entry.Is(low, high, word))
        {
            entry = slots[slot ^ 1];
            if (entry is null || !entry.Is(low, high, word))
            {
                ids = default;
                return false;
            }
        }

        ids = entry.Ids;
        return true;
    }

    /// <summary>Keeps a word that was not found; long ones, which hardly come again, are left out.</summary>
    public void Add(ReadOnlySpan<byte> word, ReadOnlySpan<int> ids)
    {
        if (word.Length > LongestWord)
        {
            return;
        }

        var (low, high) = Key(word);
        var slot = Slot(low, high, word.Length);
        if (slots[slot] is { } older)
        {
            slots[slot ^ 1] = older;
        }

        slots[slot] = new Entry(low, high, word.Length, word.Length > LongestInline ? word.ToArray() : null, ids.ToArray());
    }

    /// <summary>Sixteen bytes that, with the length, are all of a short word, and a hash of a longer one.</summary>
    private static (ulong Low, ulong High) Key(ReadOnlySpan<byte> word)
    {
        switch (word.Length)
        {
            case >= 8 and <= LongestInline:
                return (BinaryPrimitives.ReadUInt64LittleEndian(word), BinaryPrimitives.ReadUInt64LittleEndian(word[^8..]));
            case >= 4 and < 8:
                return (BinaryPrimitives.ReadUInt32LittleEndian(word), BinaryPrimitives.ReadUInt32LittleEndian(word[^4..]));
            case > 0 and < 4:
                return (word[0] | ((ulong)word[word.Length / 2] << 8) | ((ulong)word[^1] << 16), 0);
            case 0:
                return (0, 0);
        }

        var (low, high) = (BinaryPrimitives.ReadUInt64LittleEndian(word[^16..]), BinaryPrimitives.ReadUInt64LittleEndian(word[^8..]));
        for (var rest = word; rest.Length >= 8; rest = rest[8..])
        {
            low = (low ^ BinaryPrimitives.ReadUInt64LittleEndian(rest)) * 0x9E3779B97F4A7C15;
            high = BitOperations.RotateLeft(high, 23) ^ (low >> 29);
        }

        return (low, high);
    }

    private static int Slot(ulong low, ulong high, int length)
    {
        var mixed = (low + (ulong)length) * 0x9E3779B97F4A7C15;
        mixed = (mixed ^ (mixed >> 32) ^ high) * 0xD6E8FEB86659FD93;
        return (int)(mixed >> 48);
    }

    private sealed class Entry(ulong low, ulong high, int length, byte[]? bytes, int[] ids)
    {
        public int[] Ids => ids;

        public bool Is(ulong otherLow, ulong otherHigh, ReadOnlySpan<byte> word) =>
            low == otherLow && high == otherHigh && length == word.Length && (bytes is null || word.SequenceEqual(bytes));
    }
}
