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

    /// <summary>Cuts groups into parts of at most <paramref name="mostTokens"/> tokens; a larger group stays whole.</summary>
    public static IEnumerable<MicroBatch> Of(IReadOnlyList<TrainingGroup> groups, int mostTokens)
    {
        var part = new MicroBatch();
        for (var g = 0; g < groups.Count; g++)
        {
            var size = groups[g].Prompt.Length + groups[g].Branches.Sum(branch => branch.Tokens.Length);
            if (part.Batch.Count > 0 && part.Batch.Count + size > mostTokens)
            {
                yield return part;
                part = new MicroBatch();
            }

            part.Add(g, groups[g]);
        }

        if (part.Batch.Count > 0)
        {
            yield return part;
        }
    }

    /// <summary>One group by itself.</summary>
    public static MicroBatch Of(TrainingGroup group)
    {
        var part = new MicroBatch();
        part.Add(0, group);
        return part;
    }

    private void Add(int index, TrainingGroup group)
    {
        var root = Batch.Add(group.Prompt);
        for (var b = 0; b < group.Branches.Count; b++)
        {
            var (ids, first) = group.Branches[b];
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
