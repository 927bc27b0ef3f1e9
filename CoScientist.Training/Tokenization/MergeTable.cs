namespace CoScientist.Training.Tokenization;

/// <summary>The learnt merges: which neighbours become one token, and in which order.</summary>
internal sealed class MergeTable
{
    private readonly int[] byteIds;
    private readonly Dictionary<long, (int Rank, int Id)> merges;
    private readonly Dictionary<string, int>? wholeWords;

    /// <param name="byteIds">Id of each of the 256 bytes.</param>
    /// <param name="merges">Left and right id with the id of their union, in order of precedence.</param>
    /// <param name="wholeWords">Where given, a word (in the byte alphabet) that is itself a token is taken whole, whatever the merges say.</param>
    public MergeTable(int[] byteIds, IReadOnlyList<(int Left, int Right, int Id)> merges, Dictionary<string, int>? wholeWords)
    {
        this.byteIds = byteIds;
        this.wholeWords = wholeWords;
        this.merges = new Dictionary<long, (int, int)>(merges.Count);
        for (var rank = 0; rank < merges.Count; rank++)
        {
            // A repeated pair keeps its first rank, the one that would have been applied.
            this.merges.TryAdd(Key(merges[rank].Left, merges[rank].Right), (rank, merges[rank].Id));
        }
    }

    /// <summary>Encodes one word: joins the neighbours of lowest rank, leftmost first, until none can be joined. O(n log n).</summary>
    public int[] Apply(ReadOnlySpan<byte> word)
    {
        if (wholeWords is not null && wholeWords.TryGetValue(ByteAlphabet.ToText(word), out var whole))
        {
            return [whole];
        }

        var ids = new int[word.Length];
        var next = new int[word.Length];
        var previous = new int[word.Length];
        for (var i = 0; i < word.Length; i++)
        {
            ids[i] = byteIds[word[i]];
            next[i] = i + 1;
            previous[i] = i - 1;
        }

        // A joined position keeps the left place; the right one gets id −1 and leaves the chain.
        var candidates = new PriorityQueue<(int Position, int Left, int Right), (int Rank, int Position)>();
        for (var i = 0; i + 1 < word.Length; i++)
        {
            Propose(i);
        }

        var count = word.Length;
        while (candidates.TryDequeue(out var candidate, out _))
        {
            var (position, left, right) = candidate;
            var other = next[position];
            if (ids[position] != left || other >= ids.Length || ids[other] != right)
            {
                continue;
            }

            ids[position] = merges[Key(left, right)].Id;
            ids[other] = -1;
            next[position] = next[other];
            count--;
            if (next[position] < ids.Length)
            {
                previous[next[position]] = position;
                Propose(position);
            }

            if (previous[position] >= 0)
            {
                Propose(previous[position]);
            }
        }

        var result = new int[count];
        for (int i = 0, position = 0; i < count; i++, position = next[position])
        {
            result[i] = ids[position];
        }

        return result;

        void Propose(int position)
        {
            var (left, right) = (ids[position], ids[next[position]]);
            if (merges.TryGetValue(Key(left, right), out var merge))
            {
                candidates.Enqueue((position, left, right), (merge.Rank, position));
            }
        }
    }

    private static long Key(int left, int right) => ((long)left << 32) | (uint)right;
}
