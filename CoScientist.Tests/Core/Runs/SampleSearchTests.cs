using System.Text.Json;
using CoScientist.Core.Runs;

namespace CoScientist.Tests.Core.Runs;

public sealed class SampleSearchTests : IDisposable
{
    private readonly RunFolder _folder = new(Directory.CreateTempSubdirectory("coscientist-").FullName);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder.Path, recursive: true);

    [Fact]
    public void SearchSamples_InGoalPlanOrItem_FindsTheNewestAndCountsAll()
    {
        Write(Enumerable.Range(1, 60).Select(step => new RunSample(step, "train", "g", "say \"when\"", $"we Split {step} ways", 1, 1, null, [new RunSampleItem("names a baseline", true, null, null)])));

        var (newest, found) = _folder.SearchSamples("split", 5, Cancellation);

        Assert.Equal((60, 60, 56), (found, newest[0].Step, newest[^1].Step));
        Assert.Equal(60, _folder.SearchSamples("BASELINE", 5, Cancellation).Found);
        Assert.Equal(60, _folder.SearchSamples("\"when\"", 5, Cancellation).Found);
        Assert.Equal(60, Assert.Single(_folder.SearchSamples("60 ways", 5, Cancellation).Newest).Step);
        Assert.Equal(0, _folder.SearchSamples("goalId", 5, Cancellation).Found);
    }

    [Fact]
    public void SearchSamples_LineStillBeingWritten_IsPassedOver()
    {
        Write([new RunSample(1, "train", "g", "goal", "we split", null, null, null, [])]);
        File.AppendAllText(_folder.File(RunFolder.SamplesFile), "{\"plan\":\"we split");

        Assert.Equal(1, _folder.SearchSamples("split", 5, Cancellation).Found);
    }

    private void Write(IEnumerable<RunSample> samples) =>
        File.WriteAllText(_folder.File(RunFolder.SamplesFile), string.Concat(samples.Select(sample => JsonSerializer.Serialize(sample, RunFolder.LineOptions) + "\n")));
}
