using CoScientist.Training.Kernels;

namespace CoScientist.Tests.Training.Kernels;

/// <summary>Pools of the thread counts that results must not depend on.</summary>
public sealed class KernelPools : IDisposable
{
    /// <summary>No worker, one, and more than there are processors or even pieces of work.</summary>
    public IReadOnlyList<WorkerPool> All { get; } = [new WorkerPool(1), new WorkerPool(2), new WorkerPool(5)];

    /// <summary>The caller's thread alone.</summary>
    public WorkerPool Single => All[0];

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var pool in All)
        {
            pool.Dispose();
        }
    }
}
