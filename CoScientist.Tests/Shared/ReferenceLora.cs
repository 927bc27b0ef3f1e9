using CoScientist.Core;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Reference;
using CoScientist.Training.Model;

namespace CoScientist.Tests.Shared;

/// <summary>Low-rank adapters in double precision, as their definition reads: y += s·mask(x)·Aᵀ·Bᵀ.</summary>
internal sealed class ReferenceLora
{
    private readonly LoraOptions options;
    private readonly List<string> modules;

    /// <summary>Adapters with the values of a fast model's, in its order of modules.</summary>
    public ReferenceLora(LoraOptions options, Parameters adapters)
    {
        this.options = options;
        modules = [.. adapters.Specs.Where(spec => spec.Name.EndsWith(".lora_A.weight", StringComparison.Ordinal)).Select(spec => spec.Name["base_model.model.".Length..^".lora_A.weight".Length])];
        foreach (var tensor in adapters.Tensors())
        {
            Parameters.Add(tensor.Name, [.. tensor.Values.ToArray().Select(value => (double)value)]);
            Gradients.Add(tensor.Name, new double[tensor.Values.Length]);
        }
    }

    public Dictionary<string, double[]> Parameters { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, double[]> Gradients { get; } = new(StringComparer.Ordinal);

    /// <summary>Whether inputs are dropped, as in the first optimizer step.</summary>
    public bool Drops { get; set; }

    public void Forward(string module, double[] x, double[] y, int inputs, int outputs)
    {
        if (modules.Contains(module))
        {
            var inner = Inner(module, Masked(module, x, inputs), inputs);
            var added = new double[y.Length];
            MatMulReference.Forward<double>(inner, Parameters[B(module)], added, y.Length / outputs, options.Rank, outputs);
            Add(y, added);
        }
    }

    public void Backward(string module, double[] dy, double[] x, double[] dx, int inputs, int outputs)
    {
        if (!modules.Contains(module))
        {
            return;
        }

        var rows = x.Length / inputs;
        var masked = Masked(module, x, inputs);
        double[] scaled = [.. dy.Select(d => d * options.Scale)];
        var dinner = new double[rows * options.Rank];
        MatMulReference.InputGradient<double>(scaled, Parameters[B(module)], dinner, rows, options.Rank, outputs);
        double[] plainInner = [.. Inner(module, masked, inputs).Select(value => value / options.Scale)];
        MatMulReference.WeightGradient<double>(scaled, plainInner, Gradients[B(module)], rows, options.Rank, outputs);
        MatMulReference.WeightGradient<double>(dinner, masked, Gradients[A(module)], rows, inputs, options.Rank);
        var dmasked = new double[dx.Length];
        MatMulReference.InputGradient<double>(dinner, Parameters[A(module)], dmasked, rows, inputs, options.Rank);
        Add(dx, Masked(module, dmasked, inputs));
    }

    private static string A(string module) => $"base_model.model.{module}.lora_A.weight";

    private static string B(string module) => $"base_model.model.{module}.lora_B.weight";

    private static void Add(double[] target, double[] more)
    {
        for (var i = 0; i < target.Length; i++)
        {
            target[i] += more[i];
        }
    }

    /// <summary>s·x·Aᵀ.</summary>
    private double[] Inner(string module, double[] x, int inputs)
    {
        var inner = new double[x.Length / inputs * options.Rank];
        MatMulReference.Forward<double>(x, Parameters[A(module)], inner, x.Length / inputs, inputs, options.Rank);
        return [.. inner.Select(value => value * options.Scale)];
    }

    private double[] Masked(string module, double[] x, int inputs)
    {
        if (!Drops)
        {
            return x;
        }

        var key = (options.Seed * 6_364_136_223_846_793_005) + modules.IndexOf(module);
        return [.. x.Select((value, at) => Dropout.Mix(Dropout.RowSeed(key, at / inputs) + (uint)(at % inputs)) >= (uint)(options.Dropout * uint.MaxValue) ? value / (1 - options.Dropout) : 0)];
    }
}
