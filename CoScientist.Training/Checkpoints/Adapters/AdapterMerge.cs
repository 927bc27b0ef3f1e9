using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CoScientist.Core;
using CoScientist.Training.Model;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Checkpoints.Adapters;

/// <summary>
/// Folds an adapter into the weights it was trained on: W' = W + s·B·A. Every element is summed in double precision, over the
/// rank in ascending order, and rounded once to binary32; a narrower element type of the target rounds once more.
/// </summary>
public static class AdapterMerge
{
    private const string Weight = ".weight";

    /// <summary>The tensors with the adapter folded in, made row by row as they are read.</summary>
    /// <param name="tensors">All weights of the base model.</param>
    /// <param name="adapter">The adapter; must stay open as long as the result is read.</param>
    /// <exception cref="InvalidDataException">The adapter is for layers that the model lacks, or of another width.</exception>
    public static IReadOnlyList<TensorSource> Fold(IReadOnlyList<TensorSource> tensors, AdapterFolder adapter)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        var shapes = tensors.ToDictionary(tensor => tensor.Spec.Name, tensor => tensor.Spec.Shape, StringComparer.Ordinal);
        foreach (var (module, (a, b)) in adapter.Modules)
        {
            var (rows, columns) = (b.Spec.Shape[0], a.Spec.Shape[1]);
            if (module == Transformer.Embedding || (module == Transformer.UntiedHead && !shapes.ContainsKey(module + Weight)))
            {
                throw new InvalidDataException($"{adapter.Path}: the adapter changes '{module}', {(module == Transformer.Embedding ? "and adapters of the embedding are not supported" : "but the model's output head is its embedding, which would change too")}; use the model that it was trained on, or an adapter of other layers.");
            }

            if (!shapes.TryGetValue(module + Weight, out var shape) || shape is not [var outputs, var inputs] || outputs != rows || inputs != columns)
            {
                throw new InvalidDataException($"{adapter.Path}: the adapter changes '{FileText.Shown(module)}' of shape [{rows}, {columns}], but the model has {(shape is null ? "no such layer" : TensorSpec.Text(shape))}; use the model that it was trained on.");
            }
        }

        return [.. tensors.Select(tensor => Fold(tensor, adapter))];
    }

    /// <summary>Folds an adapter into weights in memory.</summary>
    /// <param name="tensors">All weights of the base model.</param>
    /// <param name="adapter">The adapter.</param>
    /// <exception cref="InvalidDataException">The adapter is for layers that the model lacks, or of another width; nothing has changed.</exception>
    public static void Apply(IReadOnlyList<NamedTensor> tensors, AdapterFolder adapter)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        var folded = Fold([.. tensors.Select(TensorSource.From)], adapter);
        for (var t = 0; t < tensors.Count; t++)
        {
            if (adapter.Modules.ContainsKey(Module(tensors[t].Name)))
            {
                var (source, values, length) = (folded[t], tensors[t].Values, tensors[t].Shape[1]);
                Parallel.For(0, tensors[t].Shape[0], row => source.Read(row, values.Span.Slice(row * length, length)));
            }
        }
    }

    private static TensorSource Fold(TensorSource tensor, AdapterFolder adapter)
    {
        var module = Module(tensor.Spec.Name);
        if (!adapter.Modules.TryGetValue(module, out var pair))
        {
            return tensor;
        }

        var (rank, inputs) = (pair.A.Spec.Shape[0], pair.A.Spec.Shape[1]);
        var scale = adapter.Config.ScaleOf(module);
        var a = new Lazy<double[]>(() => Doubles(pair.A));
        return tensor with
        {
            Read = (firstRow, values) =>
            {
                tensor.Read(firstRow, values);
                var (b, sum) = (new float[rank], new double[inputs]);
                for (var row = 0; row < values.Length / inputs; row++)
                {
                    var target = values.Slice(row * inputs, inputs);
                    pair.B.Read(firstRow + row, b);
                    AddRow(target, sum, b, a.Value, scale);
                }
            },
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddRow(Span<float> target, double[] sum, float[] b, double[] a, double scale)
    {
        Array.Clear(sum);
        var sums = MemoryMarshal.Cast<double, Vector<double>>(sum.AsSpan());
        for (var k = 0; k < b.Length; k++)
        {
            var factor = scale * b[k];
            var row = a.AsSpan(k * sum.Length, sum.Length);
            var rows = MemoryMarshal.Cast<double, Vector<double>>(row);
            for (var i = 0; i < rows.Length; i++)
            {
                sums[i] = Vector.FusedMultiplyAdd(rows[i], new Vector<double>(factor), sums[i]);
            }

            for (var i = rows.Length * Vector<double>.Count; i < sum.Length; i++)
            {
                sum[i] = Math.FusedMultiplyAdd(row[i], factor, sum[i]);
            }
        }

        for (var i = 0; i < target.Length; i++)
        {
            target[i] = (float)(target[i] + sum[i]);
        }
    }

    private static double[] Doubles(StoredTensor tensor)
    {
        var values = new float[checked((int)tensor.Spec.Count)];
        tensor.Read(0, values);
        return Array.ConvertAll(values, value => (double)value);
    }

    private static string Module(string name) => name.EndsWith(Weight, StringComparison.Ordinal) ? name[..^Weight.Length] : name;
}
