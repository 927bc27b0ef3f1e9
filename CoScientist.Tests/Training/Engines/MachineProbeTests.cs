using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;

namespace CoScientist.Tests.Training.Engines;

public sealed class MachineProbeTests
{
    [Fact]
    public void Measure_anyMachine_isPlausible()
    {
        using var pool = new WorkerPool(1);
        var peak = MachineProbe.Measure(pool);

        Assert.Equal(1, peak.Threads);
        Assert.InRange(peak.ClockGHz, 0.05, 10);
        // Two operations per element: at least a scalar unit's worth, at most two 512-bit units and a margin.
        Assert.InRange(peak.Fp32Gflops / peak.ClockGHz, 0.2, 128);
        Assert.InRange(peak.MemoryGBps, 0.05, 1000);
    }
}
