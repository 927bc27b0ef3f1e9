using CoScientist.Core.Runs;

namespace CoScientist.Training.Engines;

/// <summary>Engines on other runtimes, as far as this program was built with them.</summary>
public static class OptionalEngines
{
    private const string NoTorchSharp = "this program was built without TorchSharp: build it with -p:WithTorchSharp=true, or choose engine \"managed\"";

    private const string NoLLamaSharp = "this program was built without LLamaSharp: build it with -p:WithLLamaSharp=true, or serve the file with llama.cpp's own server and give its address";

#if TORCHSHARP
    /// <summary>Whether the engine "torch" is there.</summary>
    public static bool HasTorchSharp => true;
#else
    /// <summary>Whether the engine "torch" is there.</summary>
    public static bool HasTorchSharp => false;
#endif

#if LLAMASHARP
    /// <summary>Whether GGUF files can be computed by llama.cpp in this process.</summary>
    public static bool HasLLamaSharp => true;
#else
    /// <summary>Whether GGUF files can be computed by llama.cpp in this process.</summary>
    public static bool HasLLamaSharp => false;
#endif

    /// <summary>What of a run's specification the engine "torch" cannot do here; empty for other engines.</summary>
    public static IEnumerable<RunSpecFault> Faults(RunSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        if (spec.Engine.Kind != RunEngine.Torch)
        {
            yield break;
        }

        if (!HasTorchSharp)
        {
            yield return new RunSpecFault("engine.kind", $"is \"torch\", and {NoTorchSharp}");
        }

        if (spec.Lora.Rank > 0)
        {
            yield return new RunSpecFault("lora.rank", $"must be 0 with engine \"torch\", which trains all weights, is {spec.Lora.Rank}");
        }
    }

    /// <summary>A checkpoint on libtorch.</summary>
    /// <param name="directory">Its folder.</param>
    /// <param name="options">How it computes.</param>
    /// <exception cref="InvalidDataException">This program has no such engine, or the checkpoint is unusable.</exception>
    public static IPolicyEngine LoadTorch(string directory, EngineOptions options) =>
#if TORCHSHARP
        Torch.TorchEngine.Load(directory, options);
#else
        throw new InvalidDataException($"{directory} cannot be trained by the engine \"torch\": {NoTorchSharp}.");
#endif

    /// <summary>A GGUF file that llama.cpp computes.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">This program has no such engine, or the file is unusable.</exception>
    public static ISamplingEngine LoadLlama(string path) =>
#if LLAMASHARP
        Llama.LlamaEngine.Load(path);
#else
        throw new InvalidDataException($"{path} is a file for llama.cpp, and {NoLLamaSharp}.");
#endif
}
