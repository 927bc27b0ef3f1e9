using CoScientist.Training.Kernels;

namespace CoScientist.Training.Model;

/// <summary>
/// The feed-forward part of a layer with E experts: a router picks K of them for each row, whose results are added with its
/// weights (see <see cref="ExpertRouting"/>). Rows are sorted by expert, so that each expert's products run over its rows at once.
/// </summary>
internal sealed unsafe class MixtureOfExperts : FeedForward
{
    private readonly WorkerPool pool;
    private readonly ModelConfig config;
    private readonly Linear router;
    private readonly (Linear Gate, Linear Up, Linear Down)[] experts;
    private readonly float[] balance;
    private readonly long[] load;

    /// <summary>The experts of a layer whose tensors' names start with <paramref name="prefix"/>.</summary>
    public MixtureOfExperts(LinearWorkspace workspace, ModelConfig config, Parameters weights, string prefix)
    {
        pool = workspace.Pool;
        this.config = config;
        router = new Linear(workspace, weights, prefix + "gate", config.Experts, config.HiddenSize);
        experts = [.. Enumerable.Range(0, config.Experts).Select(e => (
            new Linear(workspace, weights, $"{prefix}experts.{e}.gate_proj", config.ExpertSize, config.HiddenSize),
            new Linear(workspace, weights, $"{prefix}experts.{e}.up_proj", config.ExpertSize, config.HiddenSize),
            new Linear(workspace, weights, $"{prefix}experts.{e}.down_proj", config.HiddenSize, config.ExpertSize)))];
        balance = new float[config.Experts];
        load = new long[config.Experts];
    }

    /// <summary>Rows that trained each expert since <see cref="ClearLoad"/>, [E].</summary>
    public IReadOnlyList<long> Load => load;

    /// <summary>Strength of the pull towards even load; see <see cref="Balance"/>.</summary>
    public float BalanceCoefficient { get; set; }

    /// <inheritdoc/>
    public override IEnumerable<Linear> Linears => experts.SelectMany(e => new[] { e.Gate, e.Up, e.Down }).Prepend(router);

    /// <summary>Starts counting again.</summary>
    public void ClearLoad() => Array.Clear(load);

    /// <inheritdoc/>
    public override void Open(LayerActivations at, int rows)
    {
        var plan = at.Routing;
        router.Forward(at.Normed, plan.Probabilities, rows);
        ExpertRouting.Choose(pool, plan, rows, config.Experts, config.ExpertsPerToken, config.NormaliseExperts);
        ExpertRouting.Gather(pool, plan, at.Normed.Singles, at.Gathered, rows * config.ExpertsPerToken, config.HiddenSize);
        for (var e = 0; e < experts.Length; e++)
        {
            var (first, count) = Slots(plan, e);
            var (gathered, gate, up) = (Gathered(at.Gathered, first), at.Gate.From(first), at.Up.From(first));
            experts[e].Gate.Forward(gathered, null, gate.Target, count, new StoreEpilogue(gate));
            experts[e].Up.Forward(gathered, null, up.Target, count, new SwiGluEpilogue(gate, up, at.Active.From(first)));
        }
    }

    /// <inheritdoc/>
    public override void AddResult(LayerActivations at, float* stream, float* next, int rows)
    {
        for (var e = 0; e < experts.Length; e++)
        {
            var (first, count) = Slots(at.Routing, e);
            experts[e].Down.Forward(at.Active.From(first), Gathered(at.Gathered, first).Singles, count);
        }

        ExpertRouting.AddBack(pool, at.Routing, at.Gathered, stream, next, rows, config.ExpertsPerToken, config.HiddenSize, weighted: true);
    }

    /// <inheritdoc/>
    public override void Backward(LayerActivations at, BackwardMemory t, float* dy, int rows, Parameters gradients)
    {
        var plan = at.Routing;
        var slots = rows * config.ExpertsPerToken;
        ExpertRouting.Gather(pool, plan, at.Normed.Singles, at.Gathered, slots, config.HiddenSize);
        ExpertRouting.Gather(pool, plan, dy, t.Gathered, slots, config.HiddenSize);
        for (var e = 0; e < experts.Length; e++)
        {
            var (first, count) = Slots(plan, e);
            var (gate, up, active) = (at.Gate.From(first), at.Up.From(first), at.Active.From(first));
            experts[e].Down.InputGradient(Gathered(t.Gathered, first), null, t.Active + (first * (long)config.ExpertSize), count, new SwiGluGradientEpilogue(gate, up, active));
            load[e] += count;
        }

        ExpertRouting.WeightSlots(pool, plan, t.Active, at.Gate, at.Up, at.Active, t.ExpertWeights, rows, config.ExpertsPerToken);
        for (var e = 0; e < experts.Length; e++)
        {
            BackwardExpert(e, at, t, gradients);
        }

        Balance(plan, rows);
        fixed (float* even = balance)
        {
            ExpertRouting.ScoreGradients(pool, plan, t.ExpertWeights, even, t.Scores, rows, config.Experts, config.ExpertsPerToken, config.NormaliseExperts);
        }

        var normed = new LinearInput(at.Normed, t.Packed);
        var scores = new Matrix(t.Scores, config.Experts);
        router.AddWeightGradient(scores, ref normed, rows, gradients);
        router.InputGradient(scores, t.Hidden, rows);
        ExpertRouting.AddBack(pool, plan, t.Gathered, t.Hidden, t.Hidden, rows, config.ExpertsPerToken, config.HiddenSize, weighted: false);
    }

    private static (long First, int Count) Slots(ExpertPlan plan, int expert) => (plan.Starts[expert], plan.Starts[expert + 1] - plan.Starts[expert]);

    /// <summary>Weight gradients of one expert; the gradient of its rows replaces that of its results.</summary>
    private void BackwardExpert(int e, LayerActivations at, BackwardMemory t, Parameters gradients)
    {
        var (first, count) = Slots(at.Routing, e);
        if (count == 0)
        {
            return;
        }

        var rows = Gathered(t.Gathered, first);
        var (dGate, dUp) = (at.Gate.From(first), at.Up.From(first));
        var active = new LinearInput(at.Active.From(first), t.Packed);
        experts[e].Down.AddWeightGradient(rows, ref active, count, gradients);
        var gathered = new LinearInput(Gathered(at.Gathered, first), t.Packed);
        experts[e].Gate.AddWeightGradient(dGate, ref gathered, count, gradients);
        experts[e].Up.AddWeightGradient(dUp, ref gathered, count, gradients);
        experts[e].Gate.InputGradient(dGate, rows.Singles, count);
        experts[e].Up.InputGradient(dUp, rows.Singles, count, accumulate: true);
    }

    private Matrix Gathered(float* slots, long first) => new(slots + (first * config.HiddenSize), config.HiddenSize);

    /// <summary>
    /// Gradient of the probabilities under the load-balancing loss c·E·Σₑ fₑ·mean(pₑ) (Fedus et al. 2021), with fₑ the rows sent
    /// to expert e divided by all rows, held constant. Taken per layer and micro-batch and summed over layers; Hugging Face's
    /// takes the shares over all layers at once.
    /// </summary>
    private void Balance(ExpertPlan plan, int rows)
    {
        for (var e = 0; e < balance.Length; e++)
        {
            balance[e] = BalanceCoefficient * config.Experts * Slots(plan, e).Count / ((float)rows * rows);
        }
    }
}
