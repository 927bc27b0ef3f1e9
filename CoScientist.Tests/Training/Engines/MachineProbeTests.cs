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
        // Two operations per element: from a part of a scalar unit's worth to two 512-bit units and a margin. Not by the measured clock:
        // other work may have slowed that measurement alone.
        Assert.InRange(peak.Fp32Gflops, 0.01, 10 * 128);
        Assert.InRange(peak.MemoryGBps, 0.05, 1000);
    }
}
