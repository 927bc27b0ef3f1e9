using System.Text.Json;
using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Interchange;
using CoScientist.Core.Runs;
using CoScientist.Core.Studies;
using CoScientist.Web.ViewModels;

namespace CoScientist.Tests.Web;

public sealed class ReportTests
{
    private static readonly StudySummary Study = new(new StudyId(Guid.NewGuid()), "Blind | one", "tuned@40", "base", StudyState.Open, IsSandbox: true, DateTimeOffset.UnixEpoch, 3, 2, 2, 1);

    [Fact]
    public void StudyReport_TwoAnswers_SaysTheNumbersOfThePage()
    {
        var lines = string.Join('\n', StudyReport.Of(Study, Results()).Markdown);

        Assert.Contains("**Win rate of tuned@40: 0.75 (0.50 to 1.00)**, n = 2 goals", lines, StringComparison.Ordinal);
        Assert.Contains("Goals won 1, tied 1, lost 0; neither acceptable 0", lines, StringComparison.Ordinal);
        Assert.Contains("| Oracle | 0.00 (0.00 to 0.00) | 0 | 0 | 1 |", lines, StringComparison.Ordinal);
        Assert.Contains("| 1. a \\| b c | tuned@40 | 1.00 |", lines, StringComparison.Ordinal);
        Assert.Contains(Report.SandboxNote, lines, StringComparison.Ordinal);
    }

    [Fact]
    public void StudyReport_Csv_HasEveryGoalAndNoFormula()
    {
        var report = StudyReport.Of(Study, Results());
        using var writer = new StringWriter();
        SafeCsv.Write(writer, report.Header, report.Rows);

        var csv = writer.ToString();
        Assert.StartsWith("goal,text,preferred,points,wins,ties,losses,both_bad,oracle exact: arm 1,oracle exact: arm 2\n", csv, StringComparison.Ordinal);
        Assert.Contains("\n2,\"'=1+1\",tie,0.5,0,1,0,0,,\n", csv, StringComparison.Ordinal);
        Assert.Contains("\n3,c,not answered,,0,0,0,0,,\n", csv, StringComparison.Ordinal);
    }

    [Fact]
    public void StudyReport_Json_NamesArmsAndIntervals()
    {
        var json = JsonSerializer.SerializeToElement(StudyReport.Of(Study, Results()).Document, RunSpec.JsonOptions);

        Assert.Equal("tuned@40", json.GetProperty("arm1").GetString());
        Assert.Equal(0.75, json.GetProperty("winRate").GetProperty("value").GetDouble());
        Assert.Equal(3, json.GetProperty("perGoal").GetArrayLength());
        Assert.Equal("arm1", json.GetProperty("perGoal")[0].GetProperty("answers")[0].GetProperty("outcome").GetString());
    }

    /// <summary>Three systems, each against each on the same goals: a beats b and b beats c twice in three, so that the ratings stand apart and the average is 1000.</summary>
    [Fact]
    public void StudyReport_SeveralStudies_RatesTheirSystems()
    {
        StudySummary Against(string one, string two) => Study with { Id = new StudyId(Guid.NewGuid()), Name = $"{one} {two}", Arm1 = one, Arm2 = two };
        List<StudyPair> pairs = [.. Enumerable.Range(0, 30).Select(i => new StudyPair(new ComparisonId(Guid.NewGuid()), new GoalId(Guid.NewGuid()), $"goal {i}", i))];
        var results = StudyAnalysis.Compute(pairs, [.. pairs.Select((p, i) => new StudyAnswer(p.Id, "Ann", i % 3 == 0 ? PreferenceChoice.B : PreferenceChoice.A, Arm1IsLeft: true, null, 1, DateTimeOffset.UnixEpoch))], []);

        var lines = StudyReport.Of([(Against("a", "b"), results), (Against("b", "c"), results)]).Markdown.SkipWhile(line => line != "# All systems").ToList();
        var rating = lines.Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(1).Select(line => line.Split('|', StringSplitOptions.TrimEntries)).Select(cells => (cells[1], cells[2], cells[5]));

        // Odds of two to one are 400·log₁₀ 2 = 120 points.
        Assert.Equal([("a", "1120", "30"), ("b", "1000", "30"), ("c", "880", "30")], rating);
        var apart = StudyReport.Of([(Against("a", "b"), results), (Against("c", "d"), results)]).Markdown;
        Assert.Contains(apart, line => line.Contains("not estimable: some systems were never compared", StringComparison.Ordinal));
    }

    [Fact]
    public void RunReport_UnfinishedRun_SaysSoAndKeepsTheMetrics()
    {
        var run = new Run { Id = new RunId(Guid.NewGuid()), Name = "tuned", SpecJson = "{}", State = RunState.Paused, Step = 2, TotalSteps = 40, CreatedAt = DateTimeOffset.UnixEpoch };
        var report = RunReport.Of(run, [new RunMetrics(1, new Dictionary<string, double> { ["reward"] = 0.25 }), new RunMetrics(2, new Dictionary<string, double> { ["reward"] = 0.5, ["judge/score"] = 0.4 })]);

        Assert.Equal(["step", "reward", "judge/score"], report.Header);
        Assert.Equal([[1, 0.25, null], [2, 0.5, 0.4]], report.Rows.Select(r => r.ToArray()));
        Assert.Contains("The closing evaluation is made when the run finishes.", report.Markdown);
        Assert.Contains("| 2 | 0.400 | – |", report.Markdown);
    }

    private static StudyResults Results()
    {
        List<StudyPair> pairs = [.. new[] { "a | b\nc", "=1+1", "c" }.Select((text, i) => new StudyPair(new ComparisonId(Guid.NewGuid()), new GoalId(Guid.NewGuid()), text, i))];
        return StudyAnalysis.Compute(
            pairs,
            [
                new StudyAnswer(pairs[0].Id, "Ann", PreferenceChoice.A, Arm1IsLeft: true, "clear", 4000, DateTimeOffset.UnixEpoch),
                new StudyAnswer(pairs[1].Id, "Ann", PreferenceChoice.Tie, Arm1IsLeft: true, null, 6000, DateTimeOffset.UnixEpoch),
            ],
            [new GradedPair(pairs[0].Id, GraderRole.Oracle, "exact", 0.2, 0.9)]);
    }
}
