using System.Text.Json.Serialization;

namespace CoScientist.Core.Runs;

/// <summary>Numbers in which the matrices of a run are multiplied; weights, moments, gradients and sums are in single precision whatever they are.</summary>
public enum RunPrecision
{
    /// <summary>32 bits: the same bits on every processor.</summary>
    Fp32,

    /// <summary>bfloat16, 8 significant bits: about half the time and the memory of what is only read; the last digits depend on the processor's kernel, which <c>doctor</c> names.</summary>
    Bf16,
}

/// <summary>What trains a run.</summary>
public enum RunEngine
{
    /// <summary>This program, on this machine.</summary>
    Managed,

    /// <summary>TorchSharp on this machine: a CUDA device where there is one. Programs built with -p:WithTorchSharp=true have it.</summary>
    Torch,

    /// <summary>verl on a Ray cluster.</summary>
    Verl,
}

/// <summary>How a run computes. Made for models of real size; the sandbox needs none of it.</summary>
public sealed record EngineSpec
{
    /// <summary>What trains. Default: this program.</summary>
    public RunEngine Kind { get; init; } = RunEngine.Managed;

    /// <summary>Whether the run trains on other machines, which this program follows.</summary>
    [JsonIgnore]
    public bool IsElsewhere => Kind == RunEngine.Verl;

    /// <summary>Numbers of the products, of the policy and of local graders and judges alike. Default single precision.</summary>
    public RunPrecision Precision { get; init; } = RunPrecision.Fp32;

    /// <summary>Keeps the input of every layer only and computes the rest again in the backward pass: a third more work, a fraction of the memory, the same bits. Default false.</summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>Tokens whose activations are held at once; a group of plans with its prompt stays together whatever it says. Sums of gradients over more parts round differently. Default 4,096.</summary>
    public int MicroBatchTokens { get; init; } = 4096;
}
