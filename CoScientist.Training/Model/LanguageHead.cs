using System.Runtime.Intrinsics;
using CoScientist.Training.Kernels;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>Rows of hidden states and the tokens that follow them.</summary>
/// <param name="Rows">Row of the hidden state that predicts, [R].</param>
/// <param name="Tokens">Token predicted, [R].</param>
internal readonly record struct Targets(IReadOnlyList<int> Rows, IReadOnlyList<int> Tokens)
{
    public int Count => Rows.Count;
}

/// <summary>
/// From hidden states to log-probabilities of targets and back. Of the logits [R, V], as many rows as fit 64 MiB are kept for
/// the backward pass; the others exist for a few hundred rows at a time and are computed twice.
/// The distribution is softmax(logits / temperature) over the tokens that are not banned.
/// </summary>
internal sealed unsafe partial class LanguageHead(Transformer model) : IDisposable
{
    private const int RowsPerTask = 64;

    [ThreadStatic]
    private static ScratchBuffer? logitsOfThread;

    private readonly ScratchBuffer gathered = new();
    private readonly ScratchBuffer logNormalisers = new();
    private readonly ScratchBuffer backward = new();
    private readonly ScratchBuffer reduced = new();
    private readonly ScratchBuffer kept = new();
    private int keptRows;

    private int Vocabulary => model.Config.VocabularySize;

    private int Width => model.Config.HiddenSize;

    private int Stride => MatMul.Padded(Vocabulary);

    /// <summary>log p(token | row) and the entropy of each row's distribution, in nats; <paramref name="keep"/> spends memory on a faster <see cref="Backward"/>.</summary>
    public void LogProbabilities(float* hidden, Targets targets, int[] banned, float temperature, bool keep, Span<float> logProbabilities, Span<float> entropies)
    {
        Gather(hidden, targets);
        keptRows = keep ? KeptRows(model.Config, targets.Count) : 0;
        var logits = kept.GetExactly((long)keptRows * Stride);
        var h = gathered.Get((long)targets.Count * Width);
        var inner = Reduce(h, targets, reduced);
        var normalisers = logNormalisers.Get(targets.Count);
        model.Head.Prepare();
        fixed (float* results = logProbabilities)
        fixed (float* spread = entropies)
        {
            model.Pool.For(WorkKind.Products, Tasks(targets.Count), new ForwardLoop(this, targets, h, inner, banned, temperature, logits, keptRows, normalisers, results, spread), 2.0 * targets.Count * Width * Vocabulary);
        }
    }

    /// <summary>
    /// Given g = ∂loss/∂log p of the targets of the last <see cref="LogProbabilities"/> and e = ∂loss/∂H of the entropies that it
    /// returned: adds to dHidden [N, C] and to the gradients of the head and its adapter, where there are such.
    /// ∂loss/∂logit_v = [g·(1[v = token] − p_v) − e·p_v·(log p_v + H)]/temperature.
    /// </summary>
    public void Backward(Targets targets, ReadOnlySpan<float> g, ReadOnlySpan<float> e, ReadOnlySpan<float> entropies, int[] banned, float temperature, float* dHidden, Parameters gradients)
    {
        var h = gathered.Get((long)targets.Count * Width);
        var inner = Reduced(targets, reduced);
        var normalisers = logNormalisers.Get(targets.Count);
        var room = Room(targets.Count);
        for (var from = 0; from < targets.Count; from += BackwardRows)
        {
            var rows = Math.Min(BackwardRows, targets.Count - from);
            var isKept = from < keptRows;
            var dLogits = isKept ? room.Kept + ((long)from * Stride) : room.Logits;
            fixed (float* gradient = g)
            fixed (float* entropyGradient = e)
            fixed (float* entropy = entropies)
            {
                var loop = new GradientLoop(this, targets, h, inner, banned, temperature, normalisers, gradient, entropyGradient, entropy, dLogits, isKept, from, rows);
                model.Pool.For(isKept ? WorkKind.Other : WorkKind.Products, Tasks(rows), loop, isKept ? 0 : 2.0 * rows * Width * Vocabulary);
            }

            Propagate(targets, from, rows, h, inner, dLogits, room, dHidden, gradients);
        }

        // What was kept holds gradients now.
        keptRows = 0;
    }

    /// <summary>Logits / temperature of consecutive rows of hidden states into [rows, padded V]; banned and padding columns hold −1e30.</summary>
    public void Logits(float* hidden, int rows, int[] banned, float inverseTemperature, float* logits)
    {
        var inner = (float*)null;
        if (model.Head.ActiveAdapter is { } adapter)
        {
            inner = reduced.Get((long)rows * adapter.Rank);
            adapter.Reduce(hidden, null, rows, inner);
        }

        Logits(hidden, inner, rows, banned, inverseTemperature, logits);
    }

    /// <summary>The same on the calling thread, with what the head's adapter made of the rows (null without an adapter).</summary>
    private void Logits(float* hidden, float* inner, int rows, int[] banned, float inverseTemperature, float* logits)
    {
        model.Head.Block(hidden, logits, Stride, rows);
        if (inner is not null)
        {
            model.Head.Adapter!.AddBlock(inner, logits, Stride, rows);
        }

        for (var i = 0; i < rows; i++)
        {
            var row = new Span<float>(logits + ((long)i * Stride), Stride);
            if (inverseTemperature != 1)
            {
                foreach (ref var logit in row)
                {
                    logit *= inverseTemperature;
                }
            }

            row[Vocabulary..].Fill(LogitRow.Banned);
            foreach (var token in banned)
            {
                row[token] = LogitRow.Banned;
            }
        }
    }

    public void Dispose()
    {
        gathered.Dispose();
        logNormalisers.Dispose();
        backward.Dispose();
        reduced.Dispose();
        reducedTeacher.Dispose();
        kept.Dispose();
        teacher.Dispose();
        divergences.Dispose();
    }

    /// <summary>From the gradient of some rows' logits to that of their hidden states and of the head.</summary>
    private void Propagate(Targets targets, int from, int rows, float* h, float* inner, float* dLogits, in BackwardRoom room, float* dHidden, Parameters gradients)
    {
        var dRows = room.Rows;
        var gradient = new Matrix(dLogits, Vocabulary, Stride, half: false);
        model.Head.WeightInputGradient(gradient, dRows, rows);
        if (model.HeadOf(gradients) is var dHead && dHead is not null)
        {
            var input = new LinearInput(new Matrix(h + ((long)from * Width), Width), room.Packed);
            model.Head.AddWeightGradient(gradient, ref input, rows, dHead);
        }

        if (inner is not null)
        {
            var adapter = model.Head.Adapter!;
            adapter.AddHeadGradients(gradient, h + ((long)from * Width), inner + ((long)from * adapter.Rank), targets.Rows, from, rows, dRows, gradients);
        }

        for (var i = 0; i < rows; i++)
        {
            VectorMath.AddScaled(dRows + ((long)i * Width), 1, dHidden + ((long)targets.Rows[from + i] * Width), Width);
        }
    }

    private float* From(float* inner, int target) => inner is null ? null : inner + ((long)target * model.Head.Adapter!.Rank);

    private static int Tasks(int rows) => (rows + RowsPerTask - 1) / RowsPerTask;

    private void Gather(float* hidden, Targets targets) => Gather(hidden, targets, gathered);

    private void Gather(float* hidden, Targets targets, ScratchBuffer into)
    {
        var h = into.GetExactly((long)targets.Count * Width);
        for (var i = 0; i < targets.Count; i++)
        {
            if ((uint)targets.Tokens[i] >= (uint)Vocabulary)
            {
                throw new ArgumentOutOfRangeException(nameof(targets), targets.Tokens[i], $"The model has {Vocabulary} tokens.");
            }

            new ReadOnlySpan<float>(hidden + ((long)targets.Rows[i] * Width), Width).CopyTo(new Span<float>(h + ((long)i * Width), Width));
        }
    }

    /// <summary>What the head's adapter makes of the gathered rows, [R, r]; null without an adapter.</summary>
    private float* Reduce(float* h, Targets targets, ScratchBuffer into)
    {
        if (model.Head.ActiveAdapter is not { } adapter)
        {
            return null;
        }

        var inner = into.GetExactly((long)targets.Count * adapter.Rank);
        adapter.Reduce(h, targets.Rows, targets.Count, inner);
        return inner;
    }

    /// <summary>What <see cref="Reduce"/> left.</summary>
    private float* Reduced(Targets targets, ScratchBuffer from) =>
        model.Head.ActiveAdapter is { } adapter ? from.Get((long)targets.Count * adapter.Rank) : null;

    private void DistributionGradient(float* row, float normaliser, int token, float g, float e, float entropy)
    {
        var (shift, spread) = (Vector512.Create(normaliser), Vector512.Create(entropy));
        var (minusG, minusE) = (Vector512.Create(-g), Vector512.Create(-e));
        for (var i = 0; i < Stride; i += 16)
        {
            var logP = Vector512.Load(row + i) - shift;
            (VectorMath.Exp(logP) * Vector512.FusedMultiplyAdd(minusE, logP + spread, minusG)).Store(row + i);
        }

        row[token] += g;
    }

    private readonly struct ForwardLoop(LanguageHead head, Targets targets, float* hidden, float* inner, int[] banned, float temperature, float* kept, int keptRows, float* normalisers, float* results, float* entropies) : ILoopBody
    {
        public void Run(int index)
        {
            var first = index * RowsPerTask;
            var rows = Math.Min(RowsPerTask, targets.Count - first);
            var logits = first < keptRows ? kept + ((long)first * head.Stride) : (logitsOfThread ??= new ScratchBuffer()).Get((long)RowsPerTask * head.Stride);
            head.Logits(hidden + ((long)first * head.Width), head.From(inner, first), rows, banned, 1 / temperature, logits);
            for (var i = 0; i < rows; i++)
            {
                var row = logits + ((long)i * head.Stride);
                normalisers[first + i] = LogitRow.Normaliser(row, head.Vocabulary, out entropies[first + i]);
                results[first + i] = row[targets.Tokens[first + i]] - normalisers[first + i];
            }
        }
    }

    private readonly struct GradientLoop(LanguageHead head, Targets targets, float* hidden, float* inner, int[] banned, float temperature, float* normalisers, float* gradient, float* entropyGradient, float* entropies, float* dLogits, bool isKept, int from, int rows) : ILoopBody
    {
        public void Run(int index)
        {
            var first = index * RowsPerTask;
            var count = Math.Min(RowsPerTask, rows - first);
            var logits = dLogits + ((long)first * head.Stride);
            if (!isKept)
            {
                head.Logits(hidden + ((long)(from + first) * head.Width), head.From(inner, from + first), count, banned, 1 / temperature, logits);
            }

            for (var i = 0; i < count; i++)
            {
                var target = from + first + i;
                head.DistributionGradient(logits + ((long)i * head.Stride), normalisers[target], targets.Tokens[target], gradient[target] / temperature, entropyGradient[target] / temperature, entropies[target]);
            }
        }
    }
}
