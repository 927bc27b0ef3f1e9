using CoScientist.Training.Kernels;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <content>
/// The adapter of the output head. Logits exist block by block on the threads that read them, so that x·Aᵀ of all targets is
/// computed before and each block adds its own part of the second product.
/// </content>
internal sealed unsafe partial class LoraAdapter
{
    /// <summary>Width of what lies between its two products, r.</summary>
    public int Rank => options.Rank;

    /// <summary>inner [N, r] = s·dropout(x)·Aᵀ, and what <see cref="AddBlock"/> reads.</summary>
    /// <param name="x">Hidden states, [N, K].</param>
    /// <param name="numbers">Their rows in the batch, [N], which decide what is dropped; null for states of which nothing is.</param>
    /// <param name="rows">N.</param>
    /// <param name="inner">Result.</param>
    public void Reduce(float* x, IReadOnlyList<int>? numbers, int rows, float* inner)
    {
        var scratch = Scratch(rows);
        down.Forward(new Matrix(numbers is null ? x : Dropped(x, numbers, 0, rows, ref scratch), down.Inputs), inner, rows);
        Scaled(inner, inner, (long)rows * options.Rank);
        up.Prepare();
    }

    /// <summary>y [N, M rounded up to 32] += inner·Bᵀ on the calling thread.</summary>
    public void AddBlock(float* inner, float* y, long yRow, int rows) => up.Block(inner, y, yRow, rows, accumulate: true);

    /// <summary>dB += dyᵀ·inner, dA += (s·dy·B)ᵀ·dropout(x) and dx [N, K] += dropout(s·dy·B·A), for some of the targets.</summary>
    /// <param name="dy">Gradient of their logits.</param>
    /// <param name="x">Their hidden states.</param>
    /// <param name="inner">What <see cref="Reduce"/> gave for them.</param>
    /// <param name="numbers">Rows in the batch of all targets.</param>
    /// <param name="from">The first of these targets.</param>
    /// <param name="rows">N.</param>
    /// <param name="dx">Gradient of the hidden states.</param>
    /// <param name="gradients">Holds the gradients of A and B.</param>
    public void AddHeadGradients(in Matrix dy, float* x, float* inner, IReadOnlyList<int> numbers, int from, int rows, float* dx, Parameters gradients)
    {
        var scratch = Scratch(rows);
        var packed = scratch.Take(LinearInput.PackedLength(rows, Math.Max(down.Inputs, options.Rank)));
        var innerInput = new LinearInput(new Matrix(inner, options.Rank), packed);
        up.AddWeightGradient(dy, ref innerInput, rows, gradients.Get(upWeight));
        var innerGradient = new Matrix(InnerGradient(dy, rows, ref scratch), options.Rank);

        var masked = scratch;
        var droppedInput = new LinearInput(new Matrix(Dropped(x, numbers, from, rows, ref scratch), down.Inputs), packed);
        down.AddWeightGradient(innerGradient, ref droppedInput, rows, gradients);
        if (!Drops)
        {
            down.InputGradient(innerGradient, dx, rows, accumulate: true);
            return;
        }

        var toMask = masked.Take((long)rows * down.Inputs);
        down.InputGradient(innerGradient, toMask, rows);
        var kept = Dropped(toMask, numbers, from, rows, ref masked, inPlace: true);
        for (var row = 0L; row < rows; row++)
        {
            VectorMath.AddScaled(kept + (row * down.Inputs), 1, dx + (row * down.Inputs), down.Inputs);
        }
    }

    /// <summary>Rows with what is dropped of each: several targets that share a row of the batch share that.</summary>
    private float* Dropped(float* x, IReadOnlyList<int> numbers, int from, int rows, ref Arena scratch, bool inPlace = false)
    {
        if (!Drops)
        {
            return x;
        }

        var dropped = inPlace ? x : scratch.Take((long)rows * down.Inputs);
        for (var row = 0; row < rows; row++)
        {
            var at = (long)row * down.Inputs;
            Dropout.Apply(workspace.Pool, x + at, dropped + at, 1, down.Inputs, options.Dropout, Key, state.FirstRow + numbers[from + row]);
        }

        return dropped;
    }
}
