using System.Runtime.InteropServices;

namespace CoScientist.Training.Tokenization;

/// <summary>How often each pair of neighbours occurs, kept current while pairs are joined.</summary>
internal sealed class PairCounts
{
    private readonly List<int>[] words;
    private readonly long[] frequencies;
    private readonly Dictionary<(int Left, int Right), long> counts = [];
    private readonly Dictionary<(int Left, int Right), HashSet<int>> places = [];

    // Entries go stale when a count falls; they are put right when they surface.
    private readonly PriorityQueue<(int Left, int Right), (long NegativeCount, int Left, int Right)> queue = new();

    /// <param name="wordCounts">Words and how often each occurs; their order does not matter.</param>
    public PairCounts(Dictionary<byte[], long> wordCounts)
    {
        words = [.. wordCounts.Keys.Select(word => word.Select(value => (int)value).ToList())];
        frequencies = [.. wordCounts.Values];
        for (var index = 0; index < words.Length; index++)
        {
            for (var i = 0; i + 1 < words[index].Count; i++)
            {
                Add((words[index][i], words[index][i + 1]), index, frequencies[index]);
            }
        }

        foreach (var (pair, count) in counts)
        {
            Enqueue(pair, count);
        }
    }

    /// <summary>The most frequent pair, the one of smaller ids among equals, which then is taken out; null when none is left that occurs at least <paramref name="least"/> times.</summary>
    public (int Left, int Right)? TakeMostFrequent(long least)
    {
        while (queue.TryDequeue(out var pair, out var priority))
        {
            if (!counts.TryGetValue(pair, out var count) || count < Math.Max(1, least))
            {
                continue;
            }

            if (count == -priority.NegativeCount)
            {
                counts.Remove(pair);
                return pair;
            }

            if (count < -priority.NegativeCount)
            {
                Enqueue(pair, count);
            }
        }

        return null;
    }

    /// <summary>Joins a pair, left to right, wherever it occurs.</summary>
    public void Merge((int Left, int Right) pair, int id)
    {
        places.Remove(pair, out var indices);
        var grown = new HashSet<(int, int)>();
        foreach (var index in indices ?? [])
        {
            MergeWord(index, pair, id, grown);
        }

        foreach (var changed in grown)
        {
            Enqueue(changed, counts[changed]);
        }
    }

    private void MergeWord(int index, (int Left, int Right) pair, int id, HashSet<(int, int)> grown)
    {
        var word = words[index];
        var frequency = frequencies[index];
        for (var i = 0; i + 1 < word.Count; i++)
        {
            if (word[i] != pair.Left || word[i + 1] != pair.Right)
            {
                continue;
            }

            if (i > 0)
            {
                Subtract((word[i - 1], pair.Left), frequency);
                Grow((word[i - 1], id));
            }

            if (i + 2 < word.Count)
            {
                Subtract((pair.Right, word[i + 2]), frequency);
                Grow((id, word[i + 2]));
            }

            word[i] = id;
            word.RemoveAt(i + 1);
        }

        void Grow((int, int) created)
        {
            Add(created, index, frequency);
            grown.Add(created);
        }
    }

    private void Add((int Left, int Right) pair, int index, long frequency)
    {
        CollectionsMarshal.GetValueRefOrAddDefault(counts, pair, out _) += frequency;
        (CollectionsMarshal.GetValueRefOrAddDefault(places, pair, out _) ??= []).Add(index);
    }

    private void Subtract((int Left, int Right) pair, long frequency)
    {
        // The pair being joined is no longer counted.
        ref var count = ref CollectionsMarshal.GetValueRefOrNullRef(counts, pair);
        if (!System.Runtime.CompilerServices.Unsafe.IsNullRef(ref count))
        {
            count -= frequency;
        }
    }

    private void Enqueue((int Left, int Right) pair, long count) => queue.Enqueue(pair, (-count, pair.Left, pair.Right));
}
