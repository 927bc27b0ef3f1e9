using CoScientist.Core;

namespace CoScientist.Training.Trainers;

/// <summary>The order in which a run goes through its data: a new shuffle for every pass.</summary>
/// <param name="items">The data, at least one.</param>
/// <param name="seed">Seed of the run.</param>
/// <param name="stream">Stream below it.</param>
internal sealed class GoalOrder<T>(IReadOnlyList<T> items, long seed, int stream)
{
    /// <summary>Consecutive items of the order.</summary>
    /// <param name="first">Index of the first, counted over all passes.</param>
    /// <param name="count">How many.</param>
    public T[] Take(long first, int count)
    {
        var taken = new T[count];
        int[]? order = null;
        for (var i = 0; i < count; i++)
        {
            var place = (int)((first + i) % items.Count);
            if (order is null || place == 0)
            {
                order = [.. Enumerable.Range(0, items.Count)];
                new SeededRandom(seed, stream, (first + i) / items.Count).Shuffle(order);
            }

            taken[i] = items[order[place]];
        }

        return taken;
    }
}
