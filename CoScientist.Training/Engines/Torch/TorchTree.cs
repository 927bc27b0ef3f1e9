using CoScientist.Training.Tensors;
using static TorchSharp.torch;

namespace CoScientist.Training.Engines.Torch;

/// <summary>Attention within trees of sequences: what a prompt's branches share is computed once, and no branch sees another.</summary>
internal sealed class TorchTree : TorchView
{
    private readonly TorchModel model;
    private readonly Tensor positions;
    private readonly (Segment Segment, (int Start, int Length)[] Seen)[] parts;

    private TorchTree(TorchModel model, TokenBatch batch)
    {
        this.model = model;
        positions = tensor([.. batch.Positions.Select(position => (long)position)], [batch.Count], device: model.Device);
        var ranges = new List<(int Start, int Length)>();
        parts = [.. batch.Segments.Select((segment, s) =>
        {
            batch.Ancestors(s, ranges);
            return (segment, ((int Start, int Length)[])[.. ranges, (segment.Start, segment.Length)]);
        })];
    }

    /// <summary>The view of a batch.</summary>
    public static TorchTree Of(TorchModel model, TokenBatch batch)
    {
        var (cos, sin) = model.Rotations([.. batch.Positions.Select(position => (long)position)], 1);
        return new TorchTree(model, batch) { Cos = cos, Sin = sin };
    }

    /// <inheritdoc/>
    public override Tensor Attend(int layer, Tensor queries, Tensor keys, Tensor values) => cat(
        [.. parts.Select(part =>
        {
            var own = positions.narrow(0, part.Segment.Start, part.Segment.Length);
            var hidden = model.HiddenFrom(layer, own, Seen(positions, 0, part.Seen));
            return model.Attend(queries.narrow(2, part.Segment.Start, part.Segment.Length), Seen(keys, 2, part.Seen), Seen(values, 2, part.Seen), hidden);
        })],
        2);

    private static Tensor Seen(Tensor all, int dimension, (int Start, int Length)[] ranges) =>
        cat([.. ranges.Select(range => all.narrow(dimension, range.Start, range.Length))], dimension);
}
