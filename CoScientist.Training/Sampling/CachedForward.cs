using CoScientist.Training.Kernels;
using CoScientist.Training.Model;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Sampling;

/// <summary>
/// One pass of the model over new tokens of many cached sequences, whatever their number and mixture: single tokens of running
/// samples beside pieces of prompts.
/// </summary>
internal sealed unsafe class CachedForward : IDisposable
{
    private readonly Transformer model;
    private readonly PagePool pages;
    private readonly Activations activations;
    private readonly int[] tokens;
    private readonly CachedSpan[] spans;
    private int count;
    private double pairs;

    public CachedForward(Transformer model, PagePool pages, int mostRows)
    {
        (this.model, this.pages) = (model, pages);
        activations = new Activations(model.Config, model.HalfActivations);
        tokens = new int[mostRows];
        spans = new CachedSpan[mostRows];
    }

    /// <summary>Rows added so far.</summary>
    public int Rows { get; private set; }

    /// <summary>Rows that can still be added.</summary>
    public int Free => tokens.Length - Rows;

    /// <summary>Hidden states that the pass will give.</summary>
    public int Wanted { get; private set; }

    /// <summary>Begins another pass.</summary>
    public void Clear() => (Rows, Wanted, count, pairs) = (0, 0, 0, 0);

    /// <summary>Adds tokens of a sequence that has been extended by them.</summary>
    /// <param name="table">The sequence.</param>
    /// <param name="added">Its last tokens, at most <see cref="Free"/>.</param>
    /// <param name="wanted">Whether the hidden state after the last is wanted.</param>
    public void Add(PageTable table, ReadOnlySpan<int> added, bool wanted)
    {
        added.CopyTo(tokens.AsSpan(Rows));
        spans[count++] = new CachedSpan(table, added.Length, Rows, added.Length, Rows, wanted ? Wanted : -1);
        Rows += added.Length;
        pairs += added.Length * (table.Length - ((added.Length - 1) / 2.0));
        Wanted += wanted ? 1 : 0;
    }

    /// <summary>Runs the pass: new keys and values go into the cache, hidden states after the final norm into [Wanted, C], in the order of adding.</summary>
    public void Run(float* hidden)
    {
        var config = model.Config;
        activations.BeginRows(Rows, Keep.Nothing);
        foreach (ref readonly var span in spans.AsSpan(0, count))
        {
            for (var i = 0; i < span.Count; i++)
            {
                activations.Positions[span.Row + i] = span.Table.Length - span.Count + i;
                model.EmbedRow(tokens[span.Row + i], activations.Input(0) + ((long)(span.Row + i) * config.HiddenSize));
            }
        }

        var rows = Rows;
        for (var layer = 0; layer < config.Layers; layer++)
        {
            var at = activations.Layer(layer);
            model.Project(layer, at, activations.Input(layer), activations.Positions, rows);
            if (layer == config.Layers - 1)
            {
                rows = KeepWanted(at.Query, new Matrix(activations.Input(layer), config.HiddenSize));
            }

            model.Pool.For(WorkKind.Attention, count * model.Shape.KeyValueHeads, new AttentionLoop(this, layer, at), 4 * pairs * model.Shape.QueryWidth);
            if (rows > 0)
            {
                model.Finish(layer, at, activations.Input(layer), activations.Input(layer + 1), rows);
            }
        }

        var bytes = (long)rows * config.HiddenSize * sizeof(float);
        Buffer.MemoryCopy(model.FinalNorm(activations, rows), hidden, bytes, bytes);
    }

    public void Dispose() => activations.Dispose();

    /// <summary>
    /// After the last layer's keys and values nothing else of a prompt's inner tokens is needed: only the wanted rows go on, moved
    /// together in place.
    /// </summary>
    private int KeepWanted(in Matrix query, in Matrix x)
    {
        foreach (ref var span in spans.AsSpan(0, count))
        {
            span = span with { Queries = span.Wanted < 0 ? 0 : 1, QueryRow = span.Wanted };
            if (span.Wanted >= 0)
            {
                query.CopyRow(span.Row + span.Count - 1, span.Wanted);
                x.CopyRow(span.Row + span.Count - 1, span.Wanted);
            }
        }

        return Wanted;
    }

    private readonly struct AttentionLoop(CachedForward forward, int layer, LayerActivations at) : ILoopBody
    {
        public void Run(int index)
        {
            var shape = forward.model.ShapeOf(layer);
            PagedAttention.Run(forward.pages, shape, layer, index % shape.KeyValueHeads, forward.spans[index / shape.KeyValueHeads], at.Query, at.Key, at.Value, at.Attended);
        }
    }
}
