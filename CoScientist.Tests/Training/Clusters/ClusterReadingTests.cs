using System.Text;
using CoScientist.Core.Runs;
using CoScientist.Training.Clusters;

namespace CoScientist.Tests.Training.Clusters;

/// <summary>What comes from the cluster's nodes is read with care: they may die in the middle of a line.</summary>
public sealed class ClusterReadingTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("reading-");

    public void Dispose() => folder.Delete(recursive: true);

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("[]")]
    [InlineData("{\"step\": 1, \"da")]
    [InlineData("{\"step\": \"x\", \"data\": {}}")]
    [InlineData("{\"step\": 1.5, \"data\": {}}")]
    [InlineData("{\"step\": 99999999999, \"data\": {}}")]
    [InlineData("{\"step\": 1}")]
    [InlineData("{\"step\": 1, \"data\": []}")]
    public void Metrics_OfALineThatIsNone_AreNone(string line) => Assert.Null(VerlMetrics.Read(Encoding.UTF8.GetBytes(line), 0));

    [Fact]
    public void Metrics_OfALine_HaveTheNamesOfTheChartsAndLeaveTheRestOut()
    {
        const string Line = """{"step": 3, "data": {"critic/rewards/mean": 0.5, "actor/lr": null, "actor/grad_norm": "much", "critic/score/max": 1, "perf/total_num_tokens": 40, "perf/time_per_step": 4, "val-core/coscientist/reward/mean@1": 0.7, "val-core/other/reward/mean@1": 0.1}}""";

        var metrics = VerlMetrics.Read(Encoding.UTF8.GetBytes(Line), 100)!;

        Assert.Equal(3, metrics.Step);
        Assert.Equal(
            new SortedDictionary<string, double>(StringComparer.Ordinal) { [RunMetricNames.Reward] = .5, [RunMetricNames.Tokens] = 140, [RunMetricNames.StepTime] = 4, [RunMetricNames.TokensPerSecond] = 10, [RunMetricNames.JudgeScore] = .7 },
            new SortedDictionary<string, double>(metrics.Values.ToDictionary(), StringComparer.Ordinal));
    }

    [Fact]
    public void Notes_WithLinesCutOffOrWithoutSense_GiveTheWholeOnesOnce()
    {
        const string Good = """{"split":"train","goalId":"g","plan":"We do.","finished":true,"overlong":false,"reward":null,"selfGrade":null,"failure":"HTTP 500","items":[null,true]}""";
        var file = Path.Combine(folder.FullName, "node-1.jsonl");
        File.WriteAllText(file, "nonsense\n{}\n" + Good + "\n" + Good[..40]);
        var offsets = new Dictionary<string, long>(StringComparer.Ordinal);
        var notes = new GradingNotes(folder.FullName, offsets);

        var note = Assert.Single(notes.Read());
        Assert.Equal(("g", null, null), (note.GoalId, note.Reward, note.SelfGrade));
        Assert.Equal([null, true], note.Items);
        Assert.Empty(notes.Read());
        File.AppendAllText(file, Good[40..] + "\n");
        Assert.Single(new GradingNotes(folder.FullName, offsets).Read());
        Assert.Null(note.Sample(1, new Dictionary<string, RunGoal>(StringComparer.Ordinal)));
    }

    [Fact]
    public void Checkpoints_BeforeTheFirstIsWhole_AreNone()
    {
        Directory.CreateDirectory(Path.Combine(folder.FullName, "global_step_2", "actor", "huggingface"));
        Directory.CreateDirectory(Path.Combine(folder.FullName, "global_step_x", "actor", "huggingface"));
        Assert.Empty(ClusterCheckpoints.Ready(folder.FullName, adapter: false));

        var latest = Path.Combine(folder.FullName, "latest_checkpointed_iteration.txt");
        File.WriteAllText(latest, "tw");
        Assert.Empty(ClusterCheckpoints.Ready(folder.FullName, adapter: false));
        File.WriteAllText(latest, "2\n");
        Assert.Equal([2], ClusterCheckpoints.Ready(folder.FullName, adapter: false));
        Assert.Empty(ClusterCheckpoints.Ready(folder.FullName, adapter: true));
    }
}
