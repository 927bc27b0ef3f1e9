using CoScientist.Training.Model;
using TorchSharp;
using static TorchSharp.torch;

namespace CoScientist.Training.Engines.Torch;

/// <summary>A forward pass in stages: one for all layers, or one for each, whose inside is computed again when gradients are asked for.</summary>
internal sealed class TorchPass
{
    private readonly List<Stage> stages = [];

    /// <summary>Normed hidden states at the targets, [targets, C].</summary>
    public Tensor Rows { get; private set; } = null!;

    /// <summary>Computes it.</summary>
    /// <param name="model">The model.</param>
    /// <param name="config">Its shape.</param>
    /// <param name="part">What is read.</param>
    /// <param name="weights">The model's weights.</param>
    /// <param name="keep">Whether gradients will be asked for.</param>
    /// <param name="sparse">Whether only the input of every layer is kept for them.</param>
    public static TorchPass Run(TorchModel model, ModelConfig config, MicroBatch part, IReadOnlyDictionary<string, Tensor> weights, bool keep, bool sparse)
    {
        var view = TorchTree.Of(model, part.Batch);
        var tokens = tensor([.. part.Batch.Tokens.Select(token => (long)token)], [1, part.Batch.Count], device: model.Device);
        var rows = tensor([.. part.Targets.Rows.Select(row => (long)row)], [part.Targets.Count], device: model.Device);
        var names = config.Tensors().Select(spec => spec.Name).Where(name => name != "lm_head.weight").ToLookup(LayerOf);
        List<Stage> steps = [new(_ => model.Embed(tokens), [.. names[-1].Where(name => name != "model.norm.weight")])];
        steps.AddRange(Enumerable.Range(0, config.Layers).Select(layer => new Stage(x => model.Layer(layer, x!, view), [.. names[layer]])));
        steps.Add(new(x => model.Norm(x!.squeeze(0).index_select(0, rows), "model.norm"), ["model.norm.weight"]));
        if (!sparse)
        {
            Stage[] all = [.. steps];
            steps = [new(_ => all.Aggregate((Tensor?)null, (x, stage) => stage.Compute(x))!, [.. all.SelectMany(stage => stage.Names)])];
        }

        var pass = new TorchPass();
        Tensor? state = null;
        foreach (var stage in steps)
        {
            stage.Input = state?.detach().requires_grad_();
            stage.Weights = [.. stage.Names.Select(name => weights[name])];
            using (set_grad_enabled(keep && !sparse))
            {
                state = stage.Compute(stage.Input);
            }

            stage.Output = sparse ? null : state;
            pass.stages.Add(stage);
        }

        pass.Rows = state!.detach();
        return pass;
    }

    /// <summary>Hands out the gradient of every weight, given that of <see cref="Rows"/>.</summary>
    public void Backward(Tensor gradient, Action<string, Tensor> add)
    {
        foreach (var stage in Enumerable.Reverse(stages))
        {
            using var scope = NewDisposeScope();
            Tensor[] inputs = stage.Input is null ? stage.Weights : [.. stage.Weights, stage.Input];
            var slopes = autograd.grad([stage.Output ?? stage.Compute(stage.Input)], inputs, [gradient]);
            for (var i = 0; i < stage.Names.Length; i++)
            {
                add(stage.Names[i], slopes[i]);
            }

            gradient = slopes[^1].MoveToOuterDisposeScope();
        }
    }

    private static int LayerOf(string name) => name.Split('.') is ["model", "layers", var layer, ..] ? int.Parse(layer, System.Globalization.CultureInfo.InvariantCulture) : -1;

    private sealed class Stage(Func<Tensor?, Tensor> compute, string[] names)
    {
        public string[] Names => names;

        public Tensor[] Weights { get; set; } = [];

        public Tensor? Input { get; set; }

        public Tensor? Output { get; set; }

        public Tensor Compute(Tensor? input) => compute(input);
    }
}
