using CoScientist.Tests.Training.Engines.Contracts;
using CoScientist.Training.Engines;
using CoScientist.Training.Engines.Torch;

namespace CoScientist.Tests.Training.Engines.Torch;

/// <summary>The TorchSharp engine as its seam describes it; built with -p:WithTorchSharp=true only.</summary>
public sealed class TorchEngineContractTests : PolicyEngineContract
{
    protected override double Tolerance => 2e-5;

    protected override IPolicyEngine Train(string directory, EngineOptions options) => TorchEngine.Load(directory, options);
}
