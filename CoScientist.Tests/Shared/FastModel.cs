using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Model;
using CoScientist.Training.Tensors;

namespace CoScientist.Tests.Shared;

/// <summary>The engine's model with a reference model's weights, and the plain inputs and outputs that comparisons need.</summary>
internal sealed unsafe class FastModel : IDisposable
{
    private readonly Activations activations;
    private readonly LanguageHead head;

    private readonly Keep keep;

    public FastModel(ModelConfig config, ReferenceModel reference, WorkerPool pool, bool checkpointing = false, Precision precision = Precision.Single)
    {
        keep = checkpointing ? Keep.LayerInputs : Keep.Everything;
        Model = new Transformer(config, pool, precision);
        activations = new Activations(config, Model.HalfActivations);
        head = new LanguageHead(Model);
        reference.CopyTo(Model.Weights);
        Model.WeightsChanged();
    }

    public Transformer Model { get; }

    /// <summary>Log-probabilities of the targets of the given rows.</summary>
    public float[] LogProbabilities(TokenBatch batch, Targets targets, out float[] entropies, float temperature = 1, params int[] banned)
    {
        var logProbabilities = new float[targets.Count];
        entropies = new float[targets.Count];
        head.LogProbabilities(Model.Forward(batch, activations, keep), targets, banned, temperature, keep == Keep.Everything, logProbabilities, entropies);
        return logProbabilities;
    }

    /// <summary>The gradient of Σ upstream · log p of every weight, by name.</summary>
    public Dictionary<string, float[]> Gradients(TokenBatch batch, Targets targets, float[] upstream, float temperature = 1, params int[] banned)
    {
        _ = LogProbabilities(batch, targets, out var entropies, temperature, banned);
        using var gradients = new Parameters((Model.Adapters ?? Model.Weights).Specs);
        using var dHidden = new FloatBuffer((long)batch.Count * Model.Config.HiddenSize);
        head.Backward(targets, upstream, new float[targets.Count], entropies, banned, temperature, dHidden.Pointer, gradients);
        Model.Backward(batch, activations, dHidden.Pointer, gradients);
        return gradients.Specs.ToDictionary(spec => spec.Name, spec => new ReadOnlySpan<float>(gradients.Get(spec.Name), (int)spec.Count).ToArray(), StringComparer.Ordinal);
    }

    public void Dispose()
    {
        head.Dispose();
        activations.Dispose();
        Model.Dispose();
    }
}
