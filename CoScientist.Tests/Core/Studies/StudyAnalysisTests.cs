using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Statistics;
using CoScientist.Core.Studies;

namespace CoScientist.Tests.Core.Studies;

public sealed class StudyAnalysisTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 22, 9, 0, 0, TimeSpan.Zero);

    private static readonly List<StudyPair> Pairs =
        [.. Enumerable.Range(0, 6).Select(i => new StudyPair(new ComparisonId(Guid.NewGuid()), new GoalId(Guid.NewGuid()), $"Goal {i}", i))];

    /// <summary>
    /// By hand. Goal 0: won by Ann and Ben → 1. Goal 1: Ann won, Ben lost → ½. Goal 2: tie → ½. Goal 3: lost → 0. Goal 4: both bad.
    /// Goal 5: not answered. Mean (1 + ½ + ½ + 0) / 4 = ½; won 1, tied 2, lost 1, both bad 1.
    /// </summary>
    [Fact]
    public void Compute_SixGoalsTwoExperts_EqualsTheHandCount()
    {
        var results = StudyAnalysis.Compute(Pairs, Answers(), []);

        Assert.Equal(new WinRate(1, 2, 1, BothBad: 1), results.Goals);
        Assert.Equal(0.5, results.WinRate!.Value.Value, 12);
        Assert.Equal([1, 0.5, 0.5, 0, null, null], results.PerGoal.Select(g => g.Points));
        Assert.Equal(1, results.SignTest);
        Assert.Equal(BinomialTests.Wilson(1, 2), results.DecidedShare);
        Assert.Equal((6, 7), (results.Pairs, results.Answers));
    }

    /// <summary>A chosen: Ann on goals 0 and 1, Ben on goal 1; B chosen: Ben on goal 0, Ann on goal 3.</summary>
    [Fact]
    public void Compute_Sides_PositionIsOfTheChoicesNotOfTheArms()
    {
        var results = StudyAnalysis.Compute(Pairs, Answers(), []);

        Assert.Equal(new PositionBias(3, 2, 1), results.Position);
    }

    /// <summary>Overlap: goal 0 (1, 1) and goal 1 (1, 2): α = 1 − 3·(2·1·1)/(3·1 + 1·3) = 0.</summary>
    [Fact]
    public void Compute_TwoExpertsOnTwoGoals_HasTheirAlpha()
    {
        var results = StudyAnalysis.Compute(Pairs, Answers(), []);

        Assert.Equal(2, results.OverlappingGoals);
        Assert.Equal(0, results.Alpha!.Value, 12);
    }

    [Fact]
    public void Compute_Experts_EachHasOwnTallyAndMedianTime()
    {
        var results = StudyAnalysis.Compute(Pairs, Answers(), []);

        Assert.Equal(["Ann", "Ben"], results.PerExpert.Select(e => e.Expert));
        Assert.Equal(new WinRate(2, 1, 1, BothBad: 1), results.PerExpert[0].Tally);
        Assert.Equal(10, results.PerExpert[0].MedianSeconds);
        Assert.Equal(new WinRate(1, 0, 1), results.PerExpert[1].Tally);
    }

    /// <summary>
    /// Decided goals 0–3. Self-grade: won, won, tied, lost → (1 + 1 + ½ + 0)/4 = .625, same as the experts on 3 of 4. Goal 4 and 5 are not
    /// decided by experts, so they do not count for graders either. The oracle graded goal 3 only: lost, as the experts say.
    /// </summary>
    [Fact]
    public void Compute_Graders_StandBesideTheExpertsOnTheSameGoals()
    {
        var results = StudyAnalysis.Compute(Pairs, Answers(), [
            Graded(0, GraderRole.SelfGrade, 0.9, 0.1),
            Graded(1, GraderRole.SelfGrade, 0.9, 0.1),
            Graded(2, GraderRole.SelfGrade, 0.5, 0.5),
            Graded(3, GraderRole.SelfGrade, 0.2, 0.3),
            Graded(4, GraderRole.SelfGrade, 0.9, 0.1),
            Graded(5, GraderRole.SelfGrade, 0.9, 0.1),
            Graded(3, GraderRole.Oracle, 0, 1),
        ]);

        Assert.Equal([GraderRole.SelfGrade, GraderRole.Oracle], results.Graders.Select(g => g.Role));
        Assert.Equal(new WinRate(2, 1, 1), results.Graders[0].Goals);
        Assert.Equal(0.625, results.Graders[0].WinRate.Value, 12);
        Assert.Equal(0.75, results.Graders[0].Agreement, 12);
        Assert.Equal(new WinRate(0, 0, 1), results.Graders[1].Goals);
    }

    [Fact]
    public void Compute_NoAnswers_SaysNothingRatherThanZero()
    {
        var results = StudyAnalysis.Compute(Pairs, [], [Graded(0, GraderRole.Oracle, 1, 0)]);

        Assert.Null(results.WinRate);
        Assert.Null(results.Alpha);
        Assert.Null(results.DecidedShare);
        Assert.Null(results.Position.LeftShare);
        Assert.Empty(results.Graders);
    }

    [Theory]
    [InlineData(PreferenceChoice.A, true, PairOutcome.Arm1)]
    [InlineData(PreferenceChoice.A, false, PairOutcome.Arm2)]
    [InlineData(PreferenceChoice.B, true, PairOutcome.Arm2)]
    [InlineData(PreferenceChoice.B, false, PairOutcome.Arm1)]
    [InlineData(PreferenceChoice.Tie, false, PairOutcome.Tie)]
    [InlineData(PreferenceChoice.BothBad, true, PairOutcome.BothBad)]
    public void Outcome_ChoiceAndSide_NamesTheArm(PreferenceChoice choice, bool arm1IsLeft, PairOutcome expected) =>
        Assert.Equal(expected, Answer(0, "Ann", choice, arm1IsLeft, 1).Outcome);

    private static List<StudyAnswer> Answers() =>
    [
        Answer(0, "Ann", PreferenceChoice.A, arm1IsLeft: true, 5),
        Answer(0, "Ben", PreferenceChoice.B, arm1IsLeft: false, 20),
        Answer(1, "Ann", PreferenceChoice.A, arm1IsLeft: true, 10),
        Answer(1, "Ben", PreferenceChoice.A, arm1IsLeft: false, 40),
        Answer(2, "Ann", PreferenceChoice.Tie, arm1IsLeft: true, 15),
        Answer(3, "Ann", PreferenceChoice.B, arm1IsLeft: true, 5),
        Answer(4, "Ann", PreferenceChoice.BothBad, arm1IsLeft: true, 50),
    ];

    private static StudyAnswer Answer(int goal, string expert, PreferenceChoice choice, bool arm1IsLeft, int seconds) =>
        new(Pairs[goal].Id, expert, choice, arm1IsLeft, null, seconds * 1000, Start);

    private static GradedPair Graded(int goal, GraderRole role, double score1, double score2) => new(Pairs[goal].Id, role, role.ToString(), score1, score2);
}
