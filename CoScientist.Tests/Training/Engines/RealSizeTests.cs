using System.Diagnostics;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Sampling;

namespace CoScientist.Tests.Training.Engines;

/// <summary>
/// On request only, for it takes a minute and 12 GB at Qwen3-0.6B's shape:
/// <c>dotnet exec CoScientist.Tests.dll -explicit only -class CoScientist.Tests.Training.Engines.RealSizeTests</c>.
/// COSCIENTIST_SHAPE names another shape of 'model random'.
/// </summary>
public sealed class RealSizeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("coscientist-size-").FullName;

    private static string Shape => Environment.GetEnvironmentVariable("COSCIENTIST_SHAPE") ?? "qwen3-0.6b";

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory(Explicit = true)]
    [InlineData(Precision.Bfloat16)]
    [InlineData(Precision.Single)]
    public void Save_AllWeightsAfterAStep_ReadBackGiveTheLogitsOfTheEngineInMemory(Precision precision)
    {
        var model = Path.Combine(_folder, "model");
        RandomCheckpoint.Write(model, Shape, seed: 1, TensorType.BF16, TestContext.Current.CancellationToken);
        int[] tokens = [.. Enumerable.Range(0, 48).Select(i => 100 + (i * 37 % 1000))];
        using var pool = new WorkerPool(2);
        float[][] before, inMemory;
        using (var engine = CpuEngine.Load(model, pool, new EngineOptions { Precision = precision, GradientCheckpointing = true }))
        {
            before = engine.Logits(tokens, tokens.Length - 2);
            engine.AccumulateLoss([new TrainingGroup(tokens[..8], [new TrainingBranch(tokens[8..])])], new SamplingOptions(), (_, _, _, gradient, _) => gradient.Fill(-1f / gradient.Length), TestContext.Current.CancellationToken);
            engine.OptimizerStep(new AdamWOptions(1e-4), 1);
            inMemory = engine.Logits(tokens, tokens.Length - 2);
            engine.Save(Path.Combine(_folder, "trained"), new Dictionary<string, string>(StringComparer.Ordinal), like: model);
        }

        using var read = CpuEngine.LoadReadOnly(Path.Combine(_folder, "trained"), precision, pool);

        Assert.NotEqual(before[0], inMemory[0]);
        Assert.Equal(inMemory, read.Logits(tokens, tokens.Length - 2));
        TestContext.Current.SendDiagnosticMessage($"{Shape}, {precision}: {Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds:F0} processor seconds, {Environment.WorkingSet / 1e9:F1} GB");
    }
}
