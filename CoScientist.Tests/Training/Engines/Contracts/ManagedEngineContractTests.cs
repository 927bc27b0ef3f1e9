using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;

namespace CoScientist.Tests.Training.Engines.Contracts;

/// <summary>The managed engine as its seam describes it.</summary>
public sealed class ManagedEngineContractTests(Kernels.KernelPools pools) : PolicyEngineContract, IClassFixture<Kernels.KernelPools>
{
    protected override IPolicyEngine Train(string directory, EngineOptions options) => CpuEngine.Load(directory, pools.All[1], options);
}

/// <summary>The managed engine loaded for reading only.</summary>
public sealed class ManagedReaderContractTests(Kernels.KernelPools pools) : SamplingContract, IClassFixture<Kernels.KernelPools>
{
    protected override ISamplingEngine Open(string directory) => CpuEngine.LoadReadOnly(directory, Precision.Single, pools.All[1]);
}
