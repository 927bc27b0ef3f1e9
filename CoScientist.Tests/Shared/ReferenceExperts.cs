using CoScientist.Training.Kernels.Reference;
using CoScientist.Training.Model;

namespace CoScientist.Tests.Shared;

/// <summary>A mixture of experts in double precision, token by token, as its definition reads.</summary>
internal sealed class ReferenceExperts(ReferenceModel model, ModelConfig config, string prefix)
{
    private readonly List<Row> rows = [];

    private ModelConfig Config => config;

    private ReferenceModel Model => model;

    private string Prefix => prefix;

    /// <summary>E·Σ (share of tokens sent to e)·(mean probability of e), which is K when all experts get the same.</summary>
    public double Balance { get; private set; }

    /// <summary>Result of every row, [rows, C].</summary>
    public double[] Forward(double[] x)
    {
        rows.Clear();
        var y = new double[x.Length];
        for (var n = 0; n < x.Length / config.HiddenSize; n++)
        {
            var row = new Row(this, x[(n * config.HiddenSize)..((n + 1) * config.HiddenSize)]);
            row.Result().CopyTo(y, n * config.HiddenSize);
            rows.Add(row);
        }

        Balance = config.Experts * Enumerable.Range(0, config.Experts).Sum(e => Share(e) * rows.Average(row => row.P[e]));
        return y;
    }

    /// <summary>Adds weight gradients of the upstream and of <paramref name="balance"/> · <see cref="Balance"/> (shares held constant); returns dx.</summary>
    public double[] Backward(double[] dy, double balance)
    {
        var dx = new double[dy.Length];
        for (var n = 0; n < rows.Count; n++)
        {
            double[] pull = [.. Enumerable.Range(0, config.Experts).Select(e => balance * config.Experts * Share(e) / rows.Count)];
            rows[n].Backward(dy[(n * config.HiddenSize)..((n + 1) * config.HiddenSize)], pull).CopyTo(dx, n * config.HiddenSize);
        }

        return dx;
    }

    private double Share(int expert) => rows.Count(row => row.Chosen.Contains(expert)) / (double)rows.Count;

    private sealed class Row
    {
        private readonly ReferenceExperts mixture;
        private readonly ModelConfig config;
        private readonly double[] x;
        private readonly List<(double[] Gate, double[] Up, double[] Gated, double[] Result)> outputs = [];

        public Row(ReferenceExperts mixture, double[] x)
        {
            this.mixture = mixture;
            this.x = x;
            config = mixture.Config;
            P = Linear(x, "gate", config.Experts);
            SoftmaxReference.Forward<double>(P, P, 1, config.Experts);
            Chosen = [.. Enumerable.Range(0, config.Experts).OrderByDescending(e => P[e]).ThenBy(e => e).Take(config.ExpertsPerToken)];
            foreach (var e in Chosen)
            {
                var (gate, up) = (Linear(x, $"experts.{e}.gate_proj", config.ExpertSize), Linear(x, $"experts.{e}.up_proj", config.ExpertSize));
                var gated = new double[config.ExpertSize];
                SwiGluReference.Forward<double>(gate, up, gated);
                outputs.Add((gate, up, gated, Linear(gated, $"experts.{e}.down_proj", config.HiddenSize)));
            }
        }

        public double[] P { get; }

        public int[] Chosen { get; }

        private double Sum => Chosen.Sum(e => P[e]);

        public double[] Result()
        {
            var y = new double[x.Length];
            for (var j = 0; j < Chosen.Length; j++)
            {
                for (var i = 0; i < y.Length; i++)
                {
                    y[i] += Weight(j) * outputs[j].Result[i];
                }
            }

            return y;
        }

        public double[] Backward(double[] dy, double[] dp)
        {
            var dx = new double[x.Length];
            double[] dw = [.. outputs.Select(output => GradientCheck.Dot(dy, output.Result))];
            for (var j = 0; j < Chosen.Length; j++)
            {
                var name = $"experts.{Chosen[j]}";
                var weight = Weight(j);
                var dgated = LinearBackward([.. dy.Select(d => weight * d)], outputs[j].Gated, name + ".down_proj");
                var (dgate, dup) = (new double[config.ExpertSize], new double[config.ExpertSize]);
                SwiGluReference.Backward<double>(outputs[j].Gate, outputs[j].Up, dgated, dgate, dup);
                Add(dx, LinearBackward(dgate, x, name + ".gate_proj"));
                Add(dx, LinearBackward(dup, x, name + ".up_proj"));

                // Every weight p/Σp depends on every chosen probability.
                for (var i = 0; i < Chosen.Length; i++)
                {
                    dp[Chosen[i]] += config.NormaliseExperts ? dw[j] * ((i == j ? 1 / Sum : 0) - (P[Chosen[j]] / (Sum * Sum))) : i == j ? dw[j] : 0;
                }
            }

            var mean = GradientCheck.Dot(P, dp);
            Add(dx, LinearBackward([.. P.Select((p, e) => p * (dp[e] - mean))], x, "gate"));
            return dx;
        }

        private static void Add(double[] target, double[] more)
        {
            for (var i = 0; i < target.Length; i++)
            {
                target[i] += more[i];
            }
        }

        private double Weight(int choice) => config.NormaliseExperts ? P[Chosen[choice]] / Sum : P[Chosen[choice]];

        private double[] Linear(double[] input, string name, int outputs)
        {
            var y = new double[outputs];
            MatMulReference.Forward<double>(input, mixture.Model.Parameters[mixture.Prefix + name + ".weight"], y, 1, input.Length, outputs);
            mixture.Model.Lora?.Forward(mixture.Prefix + name, input, y, input.Length, outputs);
            return y;
        }

        private double[] LinearBackward(double[] dy, double[] input, string name)
        {
            var dx = new double[input.Length];
            MatMulReference.InputGradient<double>(dy, mixture.Model.Parameters[mixture.Prefix + name + ".weight"], dx, 1, input.Length, dy.Length);
            MatMulReference.WeightGradient<double>(dy, input, mixture.Model.Gradients[mixture.Prefix + name + ".weight"], 1, input.Length, dy.Length);
            mixture.Model.Lora?.Backward(mixture.Prefix + name, dy, input, dx, input.Length, dy.Length);
            return dx;
        }
    }
}
