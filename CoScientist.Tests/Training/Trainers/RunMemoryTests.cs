using CoScientist.Core.Runs;
using CoScientist.Tests.Shared;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Protocols;
using CoScientist.Training.Trainers;

namespace CoScientist.Tests.Training.Trainers;

public sealed class RunMemoryTests : IDisposable
{
    private static readonly RunSpec s_real = new() { Data = new RunDataSpec { Sandbox = false }, Judge = "other", MaxNewTokens = 1000 };

    private readonly string _folder = Directory.CreateTempSubdirectory("coscientist-memory-").FullName;
    private readonly PaperPlanProtocol _protocol;

    public RunMemoryTests()
    {
        _protocol = new PaperPlanProtocol(PaperPolicy.Chat(PaperPolicy.Write(Path.Combine(_folder, "base"), 1)));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Of_CheaperSettings_NeedLess()
    {
        var plain = Of(s_real);
        var checkpointed = Of(s_real with { Engine = new EngineSpec { GradientCheckpointing = true } });
        var half = Of(s_real with { Engine = new EngineSpec { GradientCheckpointing = true, Precision = RunPrecision.Bf16 } });
        var adapter = Of(s_real with { Engine = new EngineSpec { GradientCheckpointing = true, Precision = RunPrecision.Bf16 }, Lora = new LoraSpec { Rank = 64 } });

        Assert.True(plain.Policy.Activations > 3 * checkpointed.Policy.Activations);
        Assert.InRange(half.Readers, checkpointed.Readers * 2 / 5, checkpointed.Readers * 4 / 5);
        Assert.True(checkpointed.Total > half.Total && half.Total > adapter.Total);
        Assert.Equal(4 * RandomCheckpoint.Shapes["qwen3-0.6b"].ParameterCount, plain.Policy.Weights);
    }

    [Fact]
    public void Of_EachMethod_CountsItsOwnGroups()
    {
        var grpo = Of(s_real).Policy.Activations;
        var supervised = Of(s_real with { Method = "sft", Engine = new EngineSpec { MicroBatchTokens = 256 } }).Policy.Activations;
        var distilled = Of(s_real with { Method = "opsd" }).Policy.Activations;
        var both = Of(s_real with { Method = "sequence", Stages = ["opsd:20", "grpo:20"] }).Policy.Activations;

        Assert.True(grpo > distilled && distilled > supervised);
        Assert.Equal(grpo, both);
    }

    [Fact]
    public void Require_TooLittle_SaysWhatTakesItAndWhatToSet()
    {
        var memory = Of(s_real);
        memory.Require(memory.Total, s_real);

        var fault = Assert.Throws<InvalidDataException>(() => memory.Require(memory.Total - 1, s_real)).Message;
        var rest = Assert.Throws<InvalidDataException>(() => memory.Require(0, s_real with { Engine = new EngineSpec { GradientCheckpointing = true, Precision = RunPrecision.Bf16 }, Lora = new LoraSpec { Rank = 8 } })).Message;

        Assert.Contains("engine.gradientCheckpointing=true or engine.precision=bf16 or lora.rank=64 or fewer or shorter plans", fault, StringComparison.Ordinal);
        Assert.Contains("Start a run with fewer or shorter plans (groupSize, maxNewTokens), or free memory and resume", rest, StringComparison.Ordinal);
        Assert.Contains("weights 2.4", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void FreeBytes_LinesOfTheSystem_AreReadOrLeft()
    {
        Assert.Equal(2048, MachineMemory.FreeBytes(["MemTotal:       10 kB", "MemAvailable:    2 kB"]));
        Assert.All((string[])["MemFree: 1 kB", "MemAvailable: many kB", "MemAvailable: 1", ""], line => Assert.Null(MachineMemory.FreeBytes([line])));
        Assert.InRange(MachineMemory.AvailableBytes, 1L << 20, long.MaxValue);
    }

    [Fact]
    public void Of_Cache_HoldsAllPlansWhereMemoryAllowsAndOneAtLeast()
    {
        var spec = s_real with { GoalsPerStep = 8, MaxNewTokens = 1000, Engine = new EngineSpec { Precision = RunPrecision.Bf16, GradientCheckpointing = true }, Grading = new GradingSpec { Verdicts = VerdictReading.Likelihood } };
        var (all, fewer, one) = (Of(spec), Of(spec, 24_000_000_000), Of(spec, 1));
        var bytesPerToken = MemoryEstimate.CacheBytesPerToken(RandomCheckpoint.Shapes["qwen3-0.6b"], Precision.Bfloat16);

        // 64 plans of 1,000 tokens at once, where the default would take turns with a dozen.
        Assert.InRange(all.Policy.Cache, 64 * 1000 * bytesPerToken, 64 * 1500 * bytesPerToken);
        Assert.Equal(Math.Max(all.Policy.Cache, all.ReaderCache), all.CacheBytes);
        Assert.InRange(fewer.Total, 24_000_000_000 * 8 / 10, 24_000_000_000 * 9 / 10 + (64 << 20));
        Assert.InRange(fewer.CacheBytes, 2L << 30, all.CacheBytes / 2);
        Assert.InRange(one.CacheBytes, 1000 * bytesPerToken, 4000 * bytesPerToken);
        Assert.Equal(all.Policy.Needed, one.Policy.Needed);
        Assert.Equal(2L << 30, Of(spec with { GoalsPerStep = 1, GroupSize = 2, MaxNewTokens = 10 }).CacheBytes);
    }

    private RunMemory Of(RunSpec spec, long available = long.MaxValue)
    {
        var shape = RandomCheckpoint.Shapes["qwen3-0.6b"];
        return RunMemory.Of(spec, PaperPolicy.Data(4, 2, 2), shape, _protocol, [shape], threads: 2, available);
    }
}
