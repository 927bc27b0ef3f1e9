using System.Text.Json;
using CoScientist.Core.Runs;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;
using CoScientist.Web.ViewModels;

namespace CoScientist.Tests.Web.ViewModels;

public sealed class RunComparisonTests : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("coscientist-").FullName;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Fact]
    public void Find_RunsBesideOthers_KeepTheirColours()
    {
        var all = Enumerable.Range(0, 12).Reverse().Select(i => Add($"x-{i}", new RunSpec { Seed = i })).ToList();
        var histories = new RunHistories(new CoScientistOptions { DataDirectory = _data });

        var two = RunComparison.Find(all, ["x-5", "x-2"], histories);
        var later = RunComparison.Find([Add("x-12", new RunSpec()), .. all], ["x-2", "x-12", "x-5"], histories);

        Assert.Equal([("x-2", 2), ("x-5", 5)], two.Select(run => (run.Run.Name, run.Colour)));
        Assert.Equal([("x-2", 2), ("x-5", 5), ("x-12", 12)], later.Select(run => (run.Run.Name, run.Colour)));
        Assert.Equal(RunComparison.Most, RunComparison.Find(all, [.. all.Select(run => run.Name)], histories).Count);
    }

    [Fact]
    public void Settings_OfTwoRuns_DifferOnlyWhereTheirSpecificationsDo()
    {
        var runs = Compared(("a-1", new RunSpec()), ("a-2", new RunSpec { Seed = 2, Lora = new LoraSpec { Rank = 8 } }));

        var differing = RunComparison.Settings(runs).Where(row => row.Differs).Select(row => (row.Key, row.Values[0], row.Values[1]));

        Assert.Equal([("seed", "1", "2"), ("lora.rank", "0", "8")], differing);
    }

    [Fact]
    public void Best_OfTwoJudges_StandsAtItsOwnJudge()
    {
        var runs = Compared(("a-1", new RunSpec()), ("a-2", new RunSpec { Judge = "server:big" }));

        var rows = RunComparison.Best(runs);

        Assert.Equal([("the sandbox's oracle", "step 2: 0.700", "–"), ("server:big", "–", "step 2: 0.700")], rows.Select(row => (row.Label, row.Values[0], row.Values[1])));
        Assert.Equal("reward: 0.4, 0.6", "reward: " + string.Join(", ", RunComparison.Chart(RunCharts.Kinds.Single(kind => kind.Key == "reward"), runs).Series[0].Points.Select(point => point.Y)));
        Assert.Equal(["tone-run-0", "tone-run-1"], RunComparison.Charts(runs)[0].Series.Select(line => line.Class));
    }

    private List<ComparedRun> Compared(params (string Name, RunSpec Spec)[] runs) =>
        [.. RunComparison.Find([.. runs.Reverse().Select(run => Add(run.Name, run.Spec))], [.. runs.Select(run => run.Name)], new RunHistories(new CoScientistOptions { DataDirectory = _data }))];

    private Run Add(string name, RunSpec spec)
    {
        var folder = new RunFolder(Path.Combine(_data, "runs", name));
        Directory.CreateDirectory(folder.Path);
        File.WriteAllText(folder.File(RunFolder.MetricsFile), "{\"step\":1,\"reward\":0.4,\"judge/score\":0.6}\n{\"step\":2,\"reward\":0.6,\"judge/score\":0.7}\n{\"step\":3,\"judge/score\":0.7}\n");
        return new Run { Id = default, Name = name, SpecJson = JsonSerializer.Serialize(spec, RunSpec.JsonOptions), CreatedAt = default };
    }
}
