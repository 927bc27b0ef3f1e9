using System.Numerics;
using CoScientist.Core.Goals.Checks;

namespace CoScientist.Core.Goals;

/// <summary>
/// How alike the texts of two goals are. The shingles of a goal are its content stems (<see cref="ContentWords"/>) and all
/// pairs of neighbouring ones; the resemblance of two goals is |S(a) ∩ S(b)| / |S(a) ∪ S(b)| (Broder 1997, On the resemblance
/// and containment of documents). With a fifth of the words exchanged it is about 0.56; goals of two different papers on one
/// subject stay far below.
/// </summary>
public static class GoalSimilarity
{
    /// <summary>From this resemblance on, two goals are near-duplicates.</summary>
    public const double NearDuplicate = 0.5;

    // 32 bands of 3 minima find a pair of resemblance s with probability 1 − (1 − s³)³²: 0.986 at 0.5, 0.9996 at 0.6.
    private const int Bands = 32;
    private const int Rows = 3;

    // Goals that are all alike would make every pair a candidate; the chain to a few of them connects the rest.
    private const int MostComparedInBucket = 32;

    private static readonly ulong[] Seeds = DrawSeeds();

    /// <summary>Resemblance of two texts, 0–1.</summary>
    public static double Resemblance(string first, string second) => Resemblance(Shingles(first), Shingles(second));

    /// <summary>All near-duplicates among the texts, found by MinHash in bands (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4) and then compared exactly. First &lt; Second.</summary>
    /// <param name="texts">The texts; any number.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public static IReadOnlyList<(int First, int Second, double Resemblance)> NearDuplicates(IReadOnlyList<string> texts, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        var shingles = new ulong[texts.Count][];
        var signatures = new ulong[texts.Count][];
        Parallel.For(0, texts.Count, new ParallelOptions { CancellationToken = cancellationToken }, i =>
        {
            shingles[i] = Shingles(texts[i]);
            signatures[i] = Signature(shingles[i]);
        });
        var pairs = new Dictionary<(int, int), double>();
        var hashes = new ulong[texts.Count];
        var order = new int[texts.Count];
        for (var band = 0; band < Bands; band++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = 0;
            for (var i = 0; i < texts.Count; i++)
            {
                if (signatures[i].Length > 0)
                {
                    (hashes[count], order[count++]) = (signatures[i][band], i);
                }
            }

            // A run of equal hashes is a bucket; within it the texts stand in their order.
            Array.Sort(hashes, order, 0, count);
            for (var first = 0; first < count;)
            {
                var end = first + 1;
                while (end < count && hashes[end] == hashes[first])
                {
                    end++;
                }

                Array.Sort(order, first, end - first);
                for (var second = first + 1; second < end; second++)
                {
                    for (var other = first; other < Math.Min(second, first + MostComparedInBucket); other++)
                    {
                        if (!pairs.ContainsKey((order[other], order[second])))
                        {
                            pairs[(order[other], order[second])] = Resemblance(shingles[order[other]], shingles[order[second]]);
                        }
                    }
                }

                first = end;
            }
        }

        return [.. pairs.Where(pair => pair.Value >= NearDuplicate).Select(pair => (pair.Key.Item1, pair.Key.Item2, pair.Value)).Order()];
    }

    private static ulong[] Shingles(string text)
    {
        var shingles = new HashSet<ulong>();
        var previous = 0UL;
        foreach (var stem in ContentWords.Sequence(text))
        {
            var hash = 14695981039346656037UL; // FNV-1a
            foreach (var letter in stem)
            {
                hash = (hash ^ letter) * 1099511628211UL;
            }

            shingles.Add(hash);
            if (previous != 0)
            {
                shingles.Add(Mix((previous * 31) + hash));
            }

            previous = hash;
        }

        ulong[] sorted = [.. shingles];
        Array.Sort(sorted);
        return sorted;
    }

    // Both are sorted.
    private static double Resemblance(ulong[] a, ulong[] b)
    {
        var (common, i, j) = (0, 0, 0);
        while (i < a.Length && j < b.Length)
        {
            var order = a[i].CompareTo(b[j]);
            common += order == 0 ? 1 : 0;
            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }

        var all = a.Length + b.Length - common;
        return all == 0 ? 0 : (double)common / all;
    }

    // One hash per band; none for a text without words.
    private static ulong[] Signature(ulong[] shingles)
    {
        if (shingles.Length == 0)
        {
            return [];
        }

        var minima = new ulong[Seeds.Length];
        for (var k = 0; k < minima.Length; k += Vector<ulong>.Count)
        {
            var seeds = new Vector<ulong>(Seeds, k);
            var least = new Vector<ulong>(ulong.MaxValue);
            foreach (var shingle in shingles)
            {
                least = Vector.Min(least, Mix(new Vector<ulong>(shingle) ^ seeds));
            }

            least.CopyTo(minima, k);
        }

        var signature = new ulong[Bands];
        for (var band = 0; band < Bands; band++)
        {
            signature[band] = Mix(minima[band * Rows] ^ Mix(minima[(band * Rows) + 1] ^ Mix(minima[(band * Rows) + 2])));
        }

        return signature;
    }

    private static ulong[] DrawSeeds()
    {
        var random = new SeededRandom(97);
        return [.. Enumerable.Range(0, Bands * Rows).Select(_ => random.NextUInt64())];
    }

    // The same, in all lanes.
    private static Vector<ulong> Mix(Vector<ulong> z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }

    // The finalizer of SplitMix64.
    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
