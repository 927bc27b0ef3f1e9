using CoScientist.Training.Checkpoints;
using CoScientist.Training.Checkpoints.Adapters;
using CoScientist.Training.Model;

namespace CoScientist.Training.Engines;

/// <content>Training an adapter in place of the model.</content>
public sealed unsafe partial class CpuEngine
{
    /// <summary>The adapter's settings; null without one.</summary>
    public LoraOptions? Lora { get; private set; }

    /// <summary>The adapter's tensors under PEFT's names ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"); null without one. Call <see cref="WeightsChanged"/> after writing to them.</summary>
    public Parameters? Adapter => model.Adapters;

    /// <summary>Whether the adapter works. Switched off, the engine is the model that it was before: the reference policy of a KL penalty. Default true.</summary>
    public bool AdapterEnabled
    {
        get => model.Lora.Enabled;
        set => model.Lora.Enabled = value;
    }

    /// <summary>Whether the adapter is written into the weights; then the engine samples and saves as one model, and cannot train.</summary>
    public bool AdapterMerged { get; private set; }

    /// <summary>The tensors that training changes: the adapter's, or all weights.</summary>
    public Parameters Trained => model.Adapters ?? model.Weights;

    /// <summary>
    /// Adds a fresh adapter, which changes nothing yet; from now on only it is trained. Gradients and moments exist for it alone.
    /// </summary>
    /// <exception cref="InvalidDataException">The options are unusable, or name no layer of this model.</exception>
    /// <exception cref="InvalidOperationException">There is an adapter already, or the weights are being trained.</exception>
    public void AddLora(LoraOptions options)
    {
        RequireWritable();
        if (gradients is not null || firstMoments is not null)
        {
            throw new InvalidOperationException("All weights of this engine are being trained: add the adapter before the first step.");
        }

        model.AddAdapters(options);
        Lora = options;
    }

    /// <summary>Adds an adapter in PEFT's layout, to sample with or to train on; no optimizer state comes with it.</summary>
    /// <param name="directory">Its folder.</param>
    /// <exception cref="InvalidDataException">It is malformed, asks for what is not supported, or is for another model.</exception>
    /// <exception cref="InvalidOperationException">There is an adapter already, or the weights are being trained.</exception>
    public void LoadAdapter(string directory)
    {
        using var folder = AdapterFolder.Open(directory);
        try
        {
            AddLora(folder.Config.ToOptions());
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidDataException($"{Path.Combine(directory, AdapterConfig.FileName)}: {exception.Message}", exception);
        }

        folder.Read(Adapter!.Tensors());
        WeightsChanged();
    }

    /// <summary>Writes the adapter alone as a folder of PEFT's layout, whole or not at all.</summary>
    /// <param name="directory">The folder; must not exist.</param>
    /// <param name="baseModel">What it is to be added to: a name or a folder; null when unknown.</param>
    /// <param name="manifest">Where it comes from; see <see cref="CheckpointManifest.Origin"/>.</param>
    /// <exception cref="InvalidOperationException">There is no adapter.</exception>
    public void SaveAdapter(string directory, string? baseModel, IReadOnlyDictionary<string, string> manifest) =>
        AdapterFolder.Write(directory, AdapterConfig.Of(Lora ?? throw new InvalidOperationException("The engine has no adapter to save."), baseModel), Adapter!.Tensors(), manifest);

    /// <summary>Writes the adapter into the weights, for sampling without its cost. The originals are kept aside.</summary>
    public void MergeAdapter() => Merge(merged: true);

    /// <summary>Puts the original weights back, to the bit; the adapter works beside them again.</summary>
    public void UnmergeAdapter() => Merge(merged: false);

    private void Merge(bool merged)
    {
        if (AdapterMerged != merged && model.Adapters is not null)
        {
            model.Merge(merged);
            AdapterMerged = merged;
        }
    }

    /// <summary>Runs an action on the weights with the adapter in them.</summary>
    private void WithMerged(Action action)
    {
        var before = AdapterMerged;
        Merge(merged: true);
        try
        {
            action();
        }
        finally
        {
            Merge(before);
        }
    }

    private void RequireWritable()
    {
        if (IsReadOnly)
        {
            throw new InvalidOperationException("This model was loaded for reading only: load it whole to train, change or save it.");
        }
    }

    private void RequireTrainable()
    {
        RequireWritable();
        if (Adapter is not null && (AdapterMerged || !AdapterEnabled))
        {
            throw new InvalidOperationException($"The adapter is {(AdapterMerged ? "merged" : "switched off")}, so nothing would be trained: {(AdapterMerged ? "unmerge it" : "switch it on")} first.");
        }
    }
}
