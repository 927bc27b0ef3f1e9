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
        ExpertRouting.Gather(pool, plan, at.Normed, at.Gathered, rows * config.ExpertsPerToken, config.HiddenSize);
        for (var e = 0; e < experts.Length; e++)
        {
            var (first, count) = Slots(plan, e);
            experts[e].Gate.Forward(at.Gathered + (first * config.HiddenSize), at.Gate + (first * config.ExpertSize), count);
            experts[e].Up.Forward(at.Gathered + (first * config.HiddenSize), at.Up + (first * config.ExpertSize), count);
        }
    }

    /// <inheritdoc/>
    public override void AddResult(LayerActivations at, float* stream, int rows)
    {
        SwiGlu.Forward(pool, at.Gate, at.Up, at.Active, (long)rows * config.ExpertsPerToken * config.ExpertSize);
        for (var e = 0; e < experts.Length; e++)
        {
            var (first, count) = Slots(at.Routing, e);
            experts[e].Down.Forward(at.Active + (first * config.ExpertSize), at.Gathered + (first * config.HiddenSize), count);
        }

        ExpertRouting.AddBack(pool, at.Routing, at.Gathered, stream, rows, config.ExpertsPerToken, config.HiddenSize, weighted: true);
    }

    /// <inheritdoc/>
    public override void Backward(LayerActivations at, BackwardMemory t, float* dy, int rows, Parameters gradients)
    {
        var plan = at.Routing;
        var slots = rows * config.ExpertsPerToken;
        ExpertRouting.Gather(pool, plan, at.Normed, at.Gathered, slots, config.HiddenSize);
        ExpertRouting.Gather(pool, plan, dy, t.Gathered, slots, config.HiddenSize);
        for (var e = 0; e < experts.Length; e++)
        {
            var (first, count) = Slots(plan, e);
            experts[e].Down.InputGradient(t.Gathered + (first * config.HiddenSize), t.Active + (first * config.ExpertSize), count);
            load[e] += count;
        }

        SwiGlu.Backward(pool, at.Gate, at.Up, t.Active, at.Gate, at.Up, at.Active, (long)slots * config.ExpertSize);
        ExpertRouting.WeightSlots(pool, plan, t.Active, at.Gate, at.Up, at.Active, t.ExpertWeights, rows, config.ExpertsPerToken, config.ExpertSize);
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
        router.AddWeightGradient(t.Scores, ref normed, rows, gradients);
        router.InputGradient(t.Scores, t.Hidden, rows);
        ExpertRouting.AddBack(pool, plan, t.Gathered, t.Hidden, rows, config.ExpertsPerToken, config.HiddenSize, weighted: false);
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

        var rows = t.Gathered + (first * config.HiddenSize);
        var dGate = at.Gate + (first * config.ExpertSize);
        var dUp = at.Up + (first * config.ExpertSize);
        var active = new LinearInput(at.Active + (first * config.ExpertSize), t.Packed);
        experts[e].Down.AddWeightGradient(rows, ref active, count, gradients);
        var gathered = new LinearInput(at.Gathered + (first * config.HiddenSize), t.Packed);
        experts[e].Gate.AddWeightGradient(dGate, ref gathered, count, gradients);
        experts[e].Up.AddWeightGradient(dUp, ref gathered, count, gradients);
        experts[e].Gate.InputGradient(dGate, rows, count);
        experts[e].Up.InputGradient(dUp, rows, count, accumulate: true);
    }

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
