using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;

namespace CoScientist.Tests.Training.Engines;

public sealed class MachineProbeTests
{
    [Fact]
    public void Measure_anyMachine_isPlausible()
    {
        using var pool = new WorkerPool(1);
        // Other work slows one measurement more than another: each figure is the best of several.
        var peaks = Enumerable.Range(0, 5).Select(_ => MachineProbe.Measure(pool)).ToList();
        var clock = peaks.Max(peak => peak.ClockGHz);

        Assert.All(peaks, peak => Assert.Equal(1, peak.Threads));
        Assert.InRange(clock, 0.05, 10);
        // Two operations per element: at least a scalar unit's worth, at most two 512-bit units and a margin.
        Assert.InRange(peaks.Max(peak => peak.Fp32Gflops) / clock, 0.2, 128);
        Assert.InRange(peaks.Max(peak => peak.MemoryGBps), 0.05, 1000);
    }
}
