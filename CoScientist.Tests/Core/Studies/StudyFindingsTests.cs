using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Statistics;
using CoScientist.Core.Studies;
using CoScientist.Web.ViewModels;

namespace CoScientist.Tests.Core.Studies;

/// <summary>What the form, graders and rubrics add, by hand on three goals and two experts; and the figures that show it.</summary>
public sealed class StudyFindingsTests
{
    private static readonly List<StudyPair> Pairs = [.. Enumerable.Range(0, 3).Select(i => new StudyPair(new ComparisonId(Guid.NewGuid()), new GoalId(Guid.NewGuid()), $"Goal <{i}>", i))];

    /// <summary>Goal 0: both strongly for arm 1. Goal 1: Ann slightly for arm 1, Ben clearly for arm 2. Goal 2: both clearly for arm 2.</summary>
    private static readonly List<StudyAnswer> Answers =
    [
        Answer(0, "Ann", PreferenceChoice.A, left: true, strength: 3, one: 9, two: 3),
        Answer(0, "Ben", PreferenceChoice.B, left: false, strength: 3, one: 7, two: 5),
        Answer(1, "Ann", PreferenceChoice.A, left: true, strength: 1, one: 6, two: 6),
        Answer(1, "Ben", PreferenceChoice.A, left: false, strength: 2, one: 4, two: 8),
        Answer(2, "Ann", PreferenceChoice.B, left: true, strength: 2, one: 2, two: 4),
        Answer(2, "Ben", PreferenceChoice.A, left: false, strength: 2, one: 2, two: 4),
    ];

    [Fact]
    public void Compute_Form_EqualsTheHandCount()
    {
        var findings = Compute().Findings;

        // Goals' means: 8 and 4, 5 and 7, 2 and 4.
        Assert.Equal((3, 5, 5, 0), (findings.Scores!.Goals, findings.Scores.Arm1.Value, findings.Scores.Arm2.Value, findings.Scores.Difference.Value));
        // The criterion follows the preference: 1, ½, 0.
        Assert.Equal((Criterion.NovelInsight, 3, 0.5), findings.Criteria.Select(c => (c.Criterion, c.Goals, c.WinRate.Value)).Single());
        // Arm 1 met, arm 2 partly on goal 0, twice.
        Assert.Equal((1, 4, 1, 0.5, 0.5, 2), (findings.Items!.Goals, findings.Items.Marks, findings.Items.Arm1.Value, findings.Items.Arm2.Value, findings.Items.Needed!.Value.Value, findings.Items.NeededCount));
        // The two disagree about the item's need: p_a = 0, p_e = 2·¼/1 = ½, AC1 = −1.
        Assert.Equal(-1, findings.Items.NeededAc1!.Value, 12);
        Assert.Equal((2, 1, 1, 0.75), (findings.Approvals!.AsIs, findings.Approvals.Edited, findings.Approvals.Rejected, findings.Approvals.Rate.Value));
        Assert.Equal([("Ann", 1, 2)], findings.Gold);
    }

    [Fact]
    public void Compute_Agreement_EqualsTheMeasuresOnTheSameLabels()
    {
        var findings = Compute().Findings;

        double[][] preferences = [[0, 0], [0, 1], [1, 1]];
        double[][] strengths = [[3, 3], [1, -2], [-2, -2]];
        Assert.Equal(Agreement.KrippendorffAlpha(preferences, AlphaLevel.Nominal), findings.Alpha!.Value.Value);
        Assert.Equal(Agreement.KrippendorffAlpha(strengths, AlphaLevel.Ordinal), findings.StrengthAlpha!.Value.Value);
        Assert.Equal(("Cohen's κ", Agreement.CohenKappa([(0, 0), (0, 1), (1, 1)])), (findings.Kappa!.Value.Name, findings.Kappa.Value.Value));
        var disagreed = Assert.Single(findings.Disagreed);
        Assert.Equal((1, 1.0, PairOutcome.Arm1), (disagreed.Goal.Pair.Order, disagreed.Disagreement, disagreed.Adjudicated));
        Assert.Equal(2 / 3.0, findings.AdjudicatedWinRate!.Value.Value, 12);
    }

    [Fact]
    public void Compute_Graders_HaveTheirConfusionAndCalibration()
    {
        var findings = Compute().Findings;

        var judge = Assert.Single(findings.Judges);
        Assert.Equal([[1, 0, 0], [0, 0, 1], [0, 0, 1]], judge.Counts.Select(row => row.ToArray()));
        Assert.Equal(Agreement.CohenKappa([(1, 1), (0, -1), (-1, -1)]), judge.Kappa);
        Assert.Equal([(null, 4, 0.5), (2, 2, 0.5), (5, 1, 0.0)], findings.Calibration.Select(c => (c.Guideline, c.Verdicts, c.Agreement.Value)));
        Assert.Equal(new Confusion(1, 1, 1, 1), findings.Calibration[0].Confusion);
        // The longer plan won one of the two decided goals.
        Assert.Equal((2, 0.5, 1.0), (findings.Length!.Decided, findings.Length.LongerPreferred.Value, findings.Length.PValue));
    }

    [Fact]
    public void Figures_EveryFinding_HasItsNumberAndAPictureThatIsXml()
    {
        var study = new StudySummary(new StudyId(Guid.NewGuid()), "Study", "tuned", "base", StudyState.Open, false, DateTimeOffset.UnixEpoch, 3, 3, 6, 2);

        var figures = StudyFigures.Of(study, Compute());

        Assert.Equal(["win-rate", "goals", "criteria", "scores", "items", "agreement", "position", "experts", "approvals", "judges", "calibration", "length", "disagreement"], figures.Select(f => f.Key));
        Assert.All(figures, figure =>
        {
            Assert.Contains("n = ", figure.Note, StringComparison.Ordinal);
            Assert.All(figure.Rows, row => Assert.Equal(figure.Header.Count, row.Count));
            var picture = System.Xml.Linq.XDocument.Parse(FigureSvg.Of(figure));
            Assert.Contains("n = ", picture.Root!.Value, StringComparison.Ordinal);
        });
    }

    private static StudyResults Compute() => StudyAnalysis.Compute(
        Pairs,
        Answers,
        [new GradedPair(Pairs[0].Id, GraderRole.Oracle, "exact", 0.9, 0.1), new GradedPair(Pairs[1].Id, GraderRole.Oracle, "exact", 0.1, 0.2), new GradedPair(Pairs[2].Id, GraderRole.Oracle, "exact", 0.1, 0.2)],
        evidence: new StudyEvidence
        {
            LengthDifference = new Dictionary<ComparisonId, int> { [Pairs[0].Id] = 10, [Pairs[1].Id] = 4, [Pairs[2].Id] = 7 },
            Judgments =
            [
                new ItemJudgment(GraderRole.Judge, "j", true, [], ItemMark.Met),
                new ItemJudgment(GraderRole.Judge, "j", true, [], ItemMark.Partly),
                new ItemJudgment(GraderRole.Judge, "j", false, [2], ItemMark.Not),
                new ItemJudgment(GraderRole.Judge, "j", false, [2, 5], ItemMark.Met),
            ],
            Approvals = (2, 1, 1),
            Gold = [(Answers[0], PairOutcome.Arm1), (Answers[4], PairOutcome.Arm1)],
            Adjudicated = new Dictionary<ComparisonId, PairOutcome> { [Pairs[1].Id] = PairOutcome.Arm1, [Pairs[2].Id] = PairOutcome.Arm2 },
        });

    private static StudyAnswer Answer(int goal, string expert, PreferenceChoice choice, bool left, int strength, int one, int two) =>
        new(Pairs[goal].Id, expert, choice, left, null, 1000, DateTimeOffset.UnixEpoch)
        {
            Details = new AnswerDetails
            {
                Strength = strength,
                ScoreA = left ? one : two,
                ScoreB = left ? two : one,
                Criteria = new Dictionary<Criterion, PreferenceChoice> { [Criterion.NovelInsight] = choice },
                Items = goal == 0 ? [new ItemMarks("i", "says it", left ? ItemMark.Met : ItemMark.Partly, left ? ItemMark.Partly : ItemMark.Met, expert == "Ann")] : [],
            },
        };
}
