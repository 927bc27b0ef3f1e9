using CoScientist.Training.Sandbox;

namespace CoScientist.Tests.Training.Sandbox;

public sealed class SandboxOracleTests
{
    private const string Reason = " because unsuitable cases mislead.";

    /// <summary>A requirement on the intake; right and wrong ways are taken from the rulebook.</summary>
    private static readonly SandboxRequirement Intake = new(0, 0, 1);

    private static readonly string Right = Way(right: true, 0);
    private static readonly string OtherRight = Way(right: true, 1);
    private static readonly string Wrong = Way(right: false, 0);

    public static TheoryData<int, string> Cases => new()
    {
        { 0, $"we obtain cases by {Right}{Reason}" },
        { 0, $"we gather examples by {Right} because the sample shapes everything." },
        { 0, $"we gather examples by {Right}{Reason} we obtain cases by {Right}{Reason}" },
        { 1, "" },
        { 1, "we split the data by rotating through folds because overlap inflates scores." },
        { 1, $"we cook soup by {Right}{Reason}" },
        { 1, $"we obtain cases by {Right}" },
        { 1, "we never obtain cases." },
        { 7, $"we obtain cases by {Right}{Reason} we never gather examples." },
        { 7, $"we obtain cases by {Right}{Reason} we obtain cases by {OtherRight}{Reason}" },
        { 7, $"we obtain cases by {Right}{Reason} we obtain cases with due care{Reason}" },
        { 2, $"we obtain cases with due care{Reason}" },
        { 2, $"we obtain cases in some suitable way ignoring consent{Reason}" },
        { 3, $"we obtain cases by {Wrong}{Reason}" },
        { 3, $"we obtain cases by {Wrong} ignoring consent." },
        { 3, $"we obtain cases by {Right} again{Reason}" },
        { 3, $"we obtain cases by rotating through folds{Reason}" },
        { 3, "we obtain cases." },
        { 6, $"we obtain cases by {Right} without telling anyone{Reason}" },
        { 6, $"we obtain cases by {Right} at every site worldwide{Reason} we obtain cases by {Right} ignoring consent{Reason}" },
        { 5, $"we obtain cases by {Right} many hundred times over{Reason}" },
        { 5, $"we obtain cases by {Right} with brand new equipment." },
        { 4, $"we obtain cases by {Right}." },
        { 4, $"we obtain cases by {Right} because it sounds good." },
        { 4, $"we obtain cases by {Right} because overlap inflates scores." },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Judge_Plan_NamesTheFirstViolatedGuideline(int guideline, string plan) =>
        Assert.Equal(guideline, SandboxWorld.Default.Oracle.Judge(Intake, SandboxGrammar.Read(plan)).Guideline);

    [Fact]
    public void Judge_Evidence_IsWhatDecided()
    {
        SandboxEvidence Evidence(string plan) => SandboxWorld.Default.Oracle.Judge(Intake, SandboxGrammar.Read(plan)).Evidence;
        var last = Right.Split(' ')[^1];

        Assert.Equal(new SandboxEvidence(last, "unsuitable"), Evidence($"we obtain cases by {Right}{Reason}"));
        Assert.Equal(new SandboxEvidence(last, "ignoring"), Evidence($"we obtain cases by {Right}{Reason} we obtain cases by {Right} ignoring consent{Reason}"));
        Assert.Equal(new SandboxEvidence(last, "."), Evidence($"we obtain cases by {Right}."));
        Assert.Equal(new SandboxEvidence("never", "."), Evidence($"we obtain cases by {Right}{Reason} we never obtain cases."));
        Assert.Equal(new SandboxEvidence(null, null), Evidence("we never split the data."));
    }

    [Fact]
    public void Judge_Goal_HasOneVerdictPerRequirement()
    {
        var goal = SandboxWorld.Default.AllGoals().First();
        var verdicts = SandboxWorld.Default.Oracle.Judge(goal, "we talk about the weather.");
        Assert.Equal(SandboxWorld.Default.Requirements(goal).Count, verdicts.Count);
        Assert.All(verdicts, verdict => Assert.Equal(1, verdict.Guideline));
        Assert.Equal(0, SandboxOracle.Score(verdicts));
    }

    [Theory]
    [InlineData(3, true, false)]
    [InlineData(4, true, true)]
    [InlineData(9, true, true)]
    [InlineData(10, true, false)]
    [InlineData(4, false, false)]
    public void Check_GrammaticalSentences_AreWellFormedFromFourToNineWhenFinished(int sentences, bool finished, bool wellFormed)
    {
        var form = SandboxOracle.Check(string.Join(' ', Enumerable.Repeat("we never obtain cases.", sentences)), finished);
        Assert.Equal(new PlanForm(wellFormed, sentences, 0, sentences > 9), form);
    }

    [Fact]
    public void Check_MalformedSentences_AreCounted()
    {
        var form = SandboxOracle.Check("we never obtain cases. nonsense. we obtain cases by magic. we never split the data. we never", finished: true);
        Assert.Equal(new PlanForm(false, 5, 0.6, false), form);
        Assert.Equal(new PlanForm(false, 0, 0, false), SandboxOracle.Check("", finished: true));
    }

    private static string Way(bool right, int index)
    {
        var rules = SandboxWorld.Default.Rulebook;
        return SandboxWords.Facets[0].Ways[(right ? rules.Ways(0, Intake.Virtue) : rules.WrongWays(0, Intake.Virtue))[index]];
    }
}
