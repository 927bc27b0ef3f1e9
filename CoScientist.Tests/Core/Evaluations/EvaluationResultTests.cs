using System.Text.Json;
using CoScientist.Core.Evaluations;
using CoScientist.Core.Grading;
using CoScientist.Core.Runs;
using CoScientist.Tests.Training.Checkpoints;

namespace CoScientist.Tests.Core.Evaluations;

public sealed class EvaluationResultTests
{
    private static readonly EvaluationSpec Spec = new() { Models = ["base", "tuned"], Grader = "self", Judge = "oracle", Jury = ["x", "y"], Plans = 2, Goals = 2, Greedy = true };

    [Fact]
    public void Read_TwoModels_HasEveryTable()
    {
        using var folder = new TemporaryFolder();
        Write(folder.Path, Spec, Plans(Spec), [.. Plans(Spec).SelectMany(plan => Spec.Scorers().Select(scorer => Grading(plan, scorer)))]);

        var result = EvaluationResult.Read(new EvaluationFolder(folder.Path));

        Assert.Equal(0, result.Missing);
        Assert.Equal(8, result.Plans.Count);
        Assert.Equal(4, result.GreedyPlans.Count);
        var tuned = result.Scores.Single(score => score is { Arm: "tuned", Scorer: EvaluationResult.Judge });
        Assert.Equal((2, 4, 0.75), (tuned.Goals, tuned.Plans, tuned.Score.Value));
        Assert.Equal(["well formed", "judge", "grader", "jury", "juror x", "juror y"], result.Scores.Select(score => score.Scorer).Distinct());
        Assert.Equal(["judge", "grader", "jury"], result.Comparisons.Select(row => row.Scorer));
        Assert.Equal((0.75, 0.5), (result.Comparisons[0].WinRate.Value, result.Comparisons[0].RelativeGain!.Value.Value));
        Assert.Equal(["ml", "physics"], result.Domains.Select(row => row.Domain));
        Assert.Equal([true, false], result.CrossDomain.Select(cell => cell.InDomain));
        Assert.Equal(["base", "tuned"], result.Curves.Select(curve => curve.Arm));
        Assert.Equal(2, result.Curves[1].Points.Count);
        Assert.Equal(2, result.Curves[1].Bias.Count);
        Assert.Equal(2, result.Jury!.Jurors.Count);
        Assert.Equal("tuned", Assert.Single(result.EqualLength).Arm);
        Assert.Empty(result.Pairwise.Judges);
    }

    [Fact]
    public void Read_UnreadableGradingsAndALaterOne_MasksAndTakesTheLast()
    {
        using var folder = new TemporaryFolder();
        var plans = Plans(Spec);
        var first = plans.First(plan => plan is { Model: "base", Sample: 0 });
        EvaluationGrading[] gradings =
        [
            .. plans.Select(plan => Grading(plan, "oracle")),
            new(first.Model, first.Goal, first.Sample, "oracle", null, null, "hm"),
            new(first.Model, first.Goal, first.Sample, "self", null, null, "hm"),
            Grading(first, "self"),
        ];
        Write(folder.Path, Spec, plans, gradings);

        var result = EvaluationResult.Read(new EvaluationFolder(folder.Path));

        Assert.Equal((3, 1), result.Scores.Where(score => score is { Arm: "base", Scorer: EvaluationResult.Judge }).Select(score => (score.Plans, score.Ungraded)).Single());
        Assert.Equal((1, 3), result.Scores.Where(score => score is { Arm: "base", Scorer: EvaluationResult.Grader }).Select(score => (score.Plans, score.Ungraded)).Single());

        // 12 plans and 4 scorers: 35 of 48 scores are missing.
        Assert.Equal(35, result.Missing);
    }

    [Fact]
    public void Read_PairsJudgedInBothOrders_CountsGoalsAndPlaces()
    {
        using var folder = new TemporaryFolder();
        var spec = Spec with { Pairwise = true };
        Write(folder.Path, spec, Plans(spec), []);
        Lines(folder.Path, EvaluationFolder.PairsFile,
        [
            new EvaluationPair("tuned", "g1", 0, PairChoice.First, PairChoice.First),
            new EvaluationPair("tuned", "g1", 1, PairChoice.First, PairChoice.Second),
            new EvaluationPair("tuned", "g2", 0, PairChoice.First, PairChoice.First),
            new EvaluationPair("tuned", "g2", 1, null, PairChoice.First),
        ]);

        var row = Assert.Single(EvaluationResult.Read(new EvaluationFolder(folder.Path)).Pairwise.Judges);

        Assert.Equal((2, 1, 0, 1, 1), (row.Pairs.Tally.Wins, row.Pairs.Tally.Ties, row.Pairs.Tally.Losses, row.Pairs.Unread, row.Pairs.FirstPlace));
        Assert.Equal(0.875, row.WinRate!.Value.Value, 12);
    }

    [Fact]
    public void Read_PairsWithAndWithoutTheRubric_ShowWhatItChanges()
    {
        using var folder = new TemporaryFolder();
        var spec = Spec with { Pairwise = true, PairwiseRubric = true };
        Write(folder.Path, spec, Plans(spec), []);
        Lines(folder.Path, EvaluationFolder.PairsFile,
        [
            new EvaluationPair("tuned", "g1", 0, PairChoice.Second, PairChoice.Second) { Judge = spec.Judge },
            new EvaluationPair("tuned", "g2", 0, PairChoice.Tie, PairChoice.Tie) { Judge = spec.Judge },
            new EvaluationPair("tuned", "g2", 1, PairChoice.First, PairChoice.First) { Judge = spec.Judge },
            new EvaluationPair("tuned", "g1", 0, PairChoice.First, PairChoice.First) { Judge = spec.Judge, Rubric = true },
            new EvaluationPair("tuned", "g2", 0, PairChoice.First, PairChoice.First) { Judge = spec.Judge, Rubric = true },
            new EvaluationPair("tuned", "g2", 1, null, PairChoice.First) { Judge = spec.Judge, Rubric = true },
        ]);

        var gap = Assert.Single(EvaluationResult.Read(new EvaluationFolder(folder.Path)).Pairwise.RubricGaps);

        // The pair that was not read with the rubric is left out of both.
        Assert.Equal((1, 0.25, 0.75), (gap.With, gap.Without, gap.Gap.Value));
        Assert.Equal(["--pairwise-rubric: it is read beside the same comparisons without the rubric; ask for --pairwise as well."], (spec with { Pairwise = false }).Faults());
    }

    [Fact]
    public void Read_LastLineCutOff_LeavesItOut()
    {
        using var folder = new TemporaryFolder();
        Write(folder.Path, Spec, Plans(Spec), []);
        File.AppendAllText(Path.Combine(folder.Path, EvaluationFolder.PlansFile), "{\"model\":\"ba");

        Assert.Equal(12, new EvaluationFolder(folder.Path).ReadPlans().Count);
    }

    [Theory]
    [InlineData(EvaluationFolder.PlansFile, "nonsense\n", "plans.jsonl, line 13: not a row")]
    [InlineData(EvaluationFolder.PlansFile, "null\n", "plans.jsonl, line 13: not a row")]
    [InlineData(EvaluationFolder.GradingsFile, "[]\n", "gradings.jsonl, line 1: not a row")]
    [InlineData(EvaluationFolder.PlansFile, "{\"model\":\"other\",\"goal\":\"g1\",\"seed\":1,\"text\":\"t\",\"tokens\":1,\"finished\":true,\"wellFormed\":true}\n", "a plan by other for goal g1")]
    [InlineData(EvaluationFolder.SpecFile, "nonsense", "spec.json is not part of an evaluation")]
    [InlineData(EvaluationFolder.DataFile, "nonsense", "data.json is not part of an evaluation")]
    public void Read_DamagedFile_NamesThePlaceAndTheRemedy(string file, string text, string message)
    {
        using var folder = new TemporaryFolder();
        Write(folder.Path, Spec, Plans(Spec), []);
        File.AppendAllText(Path.Combine(folder.Path, file), text);

        var fault = Assert.Throws<InvalidDataException>(() => EvaluationResult.Read(new EvaluationFolder(folder.Path)));

        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_NothingWrittenYet_SaysHowToGoOn()
    {
        using var folder = new TemporaryFolder();
        Write(folder.Path, Spec, [], []);

        Assert.Contains("no plans yet", Assert.Throws<InvalidDataException>(() => EvaluationResult.Read(new EvaluationFolder(folder.Path))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Faults_EverythingWrong_NamesEachOnce()
    {
        var faults = string.Join('\n', (Spec with { Models = ["a", "a"], Jury = ["j", "j"], Plans = 0, Goals = 0, Temperature = 0 }).Faults());

        Assert.All(["--model a is given twice", "--jury j is given twice", "--plans 0", "--goals 0", "--temperature 0"], part => Assert.Contains(part, faults, StringComparison.Ordinal));
        Assert.Contains("at least one", Assert.Single((Spec with { Models = [] }).Faults()), StringComparison.Ordinal);
        Assert.Empty(Spec.Faults());
    }

    [Fact]
    public void Warnings_JudgeThatIsNotIndependent_SaysSo()
    {
        Assert.Empty(Spec.Warnings());
        Assert.Contains("both grader and judge", Assert.Single((Spec with { Judge = "self" }).Warnings()), StringComparison.Ordinal);
        Assert.Contains("judges its own plans", Assert.Single((Spec with { Judge = "tuned" }).Warnings()), StringComparison.Ordinal);
        Assert.Contains("judges its own plans", Assert.Single((Spec with { Jury = ["base", "y"] }).Warnings()), StringComparison.Ordinal);
        Assert.Contains("votes in the jury", Assert.Single((Spec with { Jury = ["self", "y"] }).Warnings()), StringComparison.Ordinal);
        Assert.Contains("jury of one", Assert.Single((Spec with { Jury = ["x"] }).Warnings()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("first-look-2", true)]
    [InlineData("", false)]
    [InlineData("../x", false)]
    [InlineData("Upper", false)]
    public void IsName_FolderNames_OnlyPlainOnes(string name, bool expected) => Assert.Equal(expected, EvaluationSpec.IsName(name));

    private static List<EvaluationPlan> Plans(EvaluationSpec spec) =>
    [..
        from model in spec.Models
        from goal in new[] { "g1", "g2" }
        from sample in new int?[] { 0, 1, null }
        select new EvaluationPlan(model, goal, sample, 1, $"plan {sample}", (model == "base" ? 50 : 55) + (sample ?? 0), true, true)];

    // The base meets one of two items; the other model both with its first plan and one with its second.
    private static EvaluationGrading Grading(EvaluationPlan plan, string scorer)
    {
        bool[] met = [true, plan.Model == "tuned" && plan.Sample != 1];
        return new EvaluationGrading(plan.Model, plan.Goal, plan.Sample, scorer, met.Count(item => item) / 2.0, met);
    }

    private static void Write(string path, EvaluationSpec spec, List<EvaluationPlan> plans, EvaluationGrading[] gradings)
    {
        RunGoal[] goals = [new("g1", "ml", "a", null, null, 1, [new RunItem("i", 0, "i"), new RunItem("j", 1, "j")]), new("g2", "physics", "b", null, null, 1, [new RunItem("k", 0, "k"), new RunItem("l", 1, "l")])];
        var data = new EvaluationData(true, goals, 0, new Dictionary<string, string> { ["tuned"] = "ml" });
        File.WriteAllText(Path.Combine(path, EvaluationFolder.SpecFile), JsonSerializer.Serialize(spec, RunSpec.JsonOptions));
        File.WriteAllText(Path.Combine(path, EvaluationFolder.DataFile), JsonSerializer.Serialize(data, RunFolder.LineOptions));
        Lines(path, EvaluationFolder.PlansFile, plans);
        Lines(path, EvaluationFolder.GradingsFile, gradings);
    }

    private static void Lines<T>(string path, string file, IEnumerable<T> rows) =>
        File.WriteAllLines(Path.Combine(path, file), rows.Select(row => JsonSerializer.Serialize(row, RunFolder.LineOptions)));
}
