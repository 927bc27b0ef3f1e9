using CoScientist.Training.Model;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Engines;

/// <summary>Groups whose activations are held together.</summary>
internal sealed class MicroBatch
{
    private readonly List<int> rows = [];
    private readonly List<int> tokens = [];

    /// <summary>Their tokens, as trees.</summary>
    public TokenBatch Batch { get; } = new();

    /// <summary>Their targets, branch after branch.</summary>
    public Targets Targets => new(rows, tokens);

    /// <summary>The targets of each branch, as a range of <see cref="Targets"/>.</summary>
    public List<(int Group, int Branch, int At, int Length)> Spans { get; } = [];

    /// <summary>
    /// Replaces the content by groups from <paramref name="first"/> on, up to <paramref name="mostTokens"/> tokens; a larger
    /// group stays whole. Allocates nothing once it has held as much.
    /// </summary>
    /// <returns>The index after the last group taken.</returns>
    /// <exception cref="ArgumentException">A branch has no such first target.</exception>
    public int Fill(IReadOnlyList<TrainingGroup> groups, int first, int mostTokens)
    {
        Clear();
        var next = first;
        for (; next < groups.Count; next++)
        {
            var size = groups[next].Prompt.Length;
            for (var b = 0; b < groups[next].Branches.Count; b++)
            {
                size += groups[next].Branches[b].Tokens.Length;
            }

            if (Batch.Count > 0 && Batch.Count + size > mostTokens)
            {
                break;
            }

            Add(next, groups[next]);
        }

        return next;
    }

    /// <summary>One group by itself.</summary>
    public static MicroBatch Of(TrainingGroup group)
    {
        var part = new MicroBatch();
        part.Add(0, group);
        return part;
    }

    private void Clear()
    {
        Batch.Clear();
        rows.Clear();
        tokens.Clear();
        Spans.Clear();
    }

    private void Add(int index, TrainingGroup group)
    {
        var root = Batch.Add(group.Prompt);
        for (var b = 0; b < group.Branches.Count; b++)
        {
            var (ids, first) = group.Branches[b];
            if (first < 0 || first > ids.Length)
            {
                throw new ArgumentException($"Branch {b} of group {index} has {ids.Length} tokens, so its first target cannot be at {first}: choose from 0 to {ids.Length}.", nameof(group));
            }

            Spans.Add((index, b, rows.Count, ids.Length - first));
            // The last token only is a target: nothing after it is predicted, so it is not read.
            var start = ids.Length > 1 ? Batch.Segments[Batch.Add(ids.AsSpan(0, ids.Length - 1), root)].Start : 0;
            for (var t = first; t < ids.Length; t++)
            {
                rows.Add(t == 0 ? Batch.Segments[root].End - 1 : start + t - 1);
                tokens.Add(ids[t]);
            }
        }
    }
}
