using CoScientist.Tests.Training.Engines.Contracts;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Engines.Llama;

namespace CoScientist.Tests.Training.Engines.Llama;

/// <summary>llama.cpp as the seam describes an engine that is read, on files that <c>model convert</c> writes; built with -p:WithLLamaSharp=true only.</summary>
public sealed class LlamaEngineContractTests : SamplingContract
{
    protected override double Tolerance => 1e-4;

    protected override ISamplingEngine Open(string directory)
    {
        var file = PathOf(Guid.NewGuid().ToString("N") + ".gguf");
        ModelConversion.Convert(directory, file, TensorType.F32, adapter: null, progress: null, Cancellation);
        return LlamaEngine.Load(file);
    }
}
