using System.Numerics;

namespace CoScientist.Training.Tokenization;

/// <summary>The learnt merges: which neighbours become one token, and in which order.</summary>
internal sealed class MergeTable
{
    // Up to here looking through all neighbours for the best is faster than a heap.
    private const int LongestShortWord = 64;
    private const int NoMerge = int.MaxValue;

    private readonly int[] byteIds;
    private readonly Dictionary<byte[], int>.AlternateLookup<ReadOnlySpan<byte>>? wholeWords;
    private readonly int? unknown;
    private readonly bool fuseUnknown;

    // An open hash table: the pair, then rank and id of its union, at the same place.
    private readonly ulong[] pairs;
    private readonly (int Rank, int Id)[] unions;
    private readonly int shift;

    /// <param name="byteIds">Id of each of the 256 bytes; −1 for one that the vocabulary lacks.</param>
    /// <param name="merges">Left and right id with the id of their union, in order of precedence.</param>
    /// <param name="wholeWords">Where given, a word that is itself a token is taken whole, whatever the merges say.</param>
    /// <param name="unknown">What a byte that the vocabulary lacks becomes.</param>
    /// <param name="fuseUnknown">Whether a run of such bytes becomes one token.</param>
    public MergeTable(int[] byteIds, IReadOnlyList<(int Left, int Right, int Id)> merges, Dictionary<byte[], int>? wholeWords = null, int? unknown = null, bool fuseUnknown = false)
    {
        this.byteIds = byteIds;
        this.wholeWords = wholeWords?.GetAlternateLookup<ReadOnlySpan<byte>>();
        this.unknown = unknown;
        this.fuseUnknown = fuseUnknown;
        var size = BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, 2 * merges.Count));
        shift = 64 - BitOperations.Log2(size);
        pairs = new ulong[size];
        Array.Fill(pairs, ulong.MaxValue);
        unions = new (int, int)[size];
        for (var rank = 0; rank < merges.Count; rank++)
        {
            // A repeated pair keeps its last rank, as in the original, which fills a map in the file's order.
            var place = Place(Key(merges[rank].Left, merges[rank].Right));
            pairs[place] = Key(merges[rank].Left, merges[rank].Right);
            unions[place] = (rank, merges[rank].Id);
        }
    }

    /// <summary>Encodes one word: joins the neighbours of lowest rank, leftmost first, until none can be joined. O(n log n) for long words.</summary>
    /// <param name="word">The bytes of the word.</param>
    /// <param name="ids">Where the ids are appended.</param>
    public void Apply(ReadOnlySpan<byte> word, List<int> ids)
    {
        if (wholeWords is { } lookup && lookup.TryGetValue(word, out var whole))
        {
            ids.Add(whole);
            return;
        }

        if (word.Length > LongestShortWord)
        {
            var symbols = new int[word.Length];
            ApplyLong(symbols, Symbols(word, symbols), ids);
        }
        else
        {
            Span<int> symbols = stackalloc int[LongestShortWord];
            ApplyShort(symbols, Symbols(word, symbols), ids);
        }
    }

    /// <summary>The ids of single bytes; returns how many.</summary>
    private int Symbols(ReadOnlySpan<byte> word, Span<int> symbols)
    {
        var (count, inUnknown) = (0, false);
        foreach (var value in word)
        {
            var id = byteIds[value];
            if (id >= 0)
            {
                symbols[count++] = id;
            }
            else if (!(inUnknown && fuseUnknown))
            {
                symbols[count++] = unknown!.Value;
            }

            inUnknown = id < 0;
        }

        return count;
    }

    private void ApplyShort(Span<int> symbols, int count, List<int> ids)
    {
        Span<int> ranks = stackalloc int[LongestShortWord];
        Span<int> joined = stackalloc int[LongestShortWord];
        for (var i = 0; i + 1 < count; i++)
        {
            (ranks[i], joined[i]) = Union(symbols[i], symbols[i + 1]);
        }

        while (count > 1)
        {
            var (best, rank) = (-1, NoMerge);
            for (var i = 0; i + 1 < count; i++)
            {
                if (ranks[i] < rank)
                {
                    (best, rank) = (i, ranks[i]);
                }
            }

            if (best < 0)
            {
                break;
            }

            symbols[best] = joined[best];
            var after = best + 1;
            symbols[(after + 1)..count].CopyTo(symbols[after..]);
            count--;
            if (after < count)
            {
                ranks[(after + 1)..count].CopyTo(ranks[after..]);
                joined[(after + 1)..count].CopyTo(joined[after..]);
                (ranks[best], joined[best]) = Union(symbols[best], symbols[after]);
            }

            if (best > 0)
            {
                (ranks[best - 1], joined[best - 1]) = Union(symbols[best - 1], symbols[best]);
            }
        }

        ids.AddRange(symbols[..count]);
    }

    private void ApplyLong(int[] symbols, int count, List<int> ids)
    {
        var next = new int[count];
        var previous = new int[count];
        for (var i = 0; i < count; i++)
        {
            next[i] = i + 1;
            previous[i] = i - 1;
        }

        // A joined position keeps the left place; the right one gets id −1 and leaves the chain.
        var candidates = new PriorityQueue<(int Left, int Right, int Id), (int Rank, int Position)>();
        for (var i = 0; i + 1 < count; i++)
        {
            Propose(i);
        }

        while (candidates.TryDequeue(out var candidate, out var priority))
        {
            var position = priority.Position;
            var other = next[position];
            if (symbols[position] != candidate.Left || other >= count || symbols[other] != candidate.Right)
            {
                continue;
            }

            symbols[position] = candidate.Id;
            symbols[other] = -1;
            next[position] = next[other];
            if (next[position] < count)
            {
                previous[next[position]] = position;
                Propose(position);
            }

            if (previous[position] >= 0)
            {
                Propose(previous[position]);
            }
        }

        for (var position = 0; position < count; position = next[position])
        {
            ids.Add(symbols[position]);
        }

        void Propose(int position)
        {
            var (left, right) = (symbols[position], symbols[next[position]]);
            var (rank, id) = Union(left, right);
            if (rank != NoMerge)
            {
                candidates.Enqueue((left, right, id), (rank, position));
            }
        }
    }

    private (int Rank, int Id) Union(int left, int right)
    {
        var key = Key(left, right);
        var place = Place(key);
        return pairs[place] == key ? unions[place] : (NoMerge, -1);
    }

    /// <summary>Where a pair is, or the empty place where it would be.</summary>
    private int Place(ulong key)
    {
        var place = (int)((key * 0x9E3779B97F4A7C15) >> shift);
        while (pairs[place] != key && pairs[place] != ulong.MaxValue)
        {
            place = (place + 1) & (pairs.Length - 1);
        }

        return place;
    }

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;
}

/// <summary>Compares words by their bytes, so that a span finds a stored word without a copy.</summary>
internal sealed class WordComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
{
    /// <summary>The one there need be.</summary>
    public static WordComparer Instance { get; } = new();

    /// <inheritdoc/>
    public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

    /// <inheritdoc/>
    public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

    /// <inheritdoc/>
    public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

    /// <inheritdoc/>
    public int GetHashCode(ReadOnlySpan<byte> alternate)
    {
        var hash = default(HashCode);
        hash.AddBytes(alternate);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
}
