using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Training.Sandbox;

namespace CoScientist.Tests.Training.Sandbox;

public sealed class SandboxGrammarTests
{
    [Fact]
    public void Read_RenderedPlan_GivesTheSameMeaning()
    {
        var random = new SeededRandom(31);
        for (var i = 0; i < 1_000; i++)
        {
            var goal = SandboxWorld.Default.SampleGoal(random, GoalSplit.Train);
            var plan = SandboxWorld.Default.Writer.WritePlan(goal, random, random.NextDouble(), 0.1);
            var reading = SandboxGrammar.Read(SandboxGrammar.Render(plan, random));
            Assert.True(reading.Closed);
            Assert.Equal(plan, reading.Sentences.Select(sentence => sentence!.Sentence));
            Assert.DoesNotContain(reading.Sentences, sentence => sentence!.Malformed);
        }
    }

    [Theory]
    [InlineData("we obtain cases by drawing random subsets because unsuitable cases mislead.", "subsets", "unsuitable")]
    [InlineData("we obtain cases by drawing random subsets ignoring consent because unsuitable cases mislead.", "subsets", "ignoring")]
    [InlineData("we obtain cases by drawing random subsets.", "subsets", ".")]
    [InlineData("we obtain cases with due care because it is customary.", "care", "it")]
    [InlineData("we never obtain cases.", "never", ".")]
    public void Read_Sentence_GivesTheEvidenceWords(string text, string way, string reason)
    {
        var reading = Assert.Single(SandboxGrammar.Read(text).Sentences);
        Assert.NotNull(reading);
        Assert.False(reading.Malformed);
        Assert.Equal((way, reason), (reading.WayWord, reading.ReasonWord));
    }

    [Theory]
    [InlineData("we obtain cases.")]
    [InlineData("we obtain cases by.")]
    [InlineData("we obtain cases by drawing random folds because unsuitable cases mislead.")]
    [InlineData("we obtain cases by drawing random subsets because.")]
    [InlineData("we obtain cases by drawing random subsets because overlap inflates scores.")]
    [InlineData("we obtain cases by drawing random subsets, because unsuitable cases mislead.")]
    [InlineData("we never obtain cases by drawing random subsets.")]
    [InlineData("we obtain cases ignoring consent.")]
    public void Read_DepartureFromTheGrammar_IsMalformed(string text) => Assert.True(Assert.Single(SandboxGrammar.Read(text).Sentences)!.Malformed);

    [Theory]
    [InlineData(".")]
    [InlineData("we.")]
    [InlineData("we never.")]
    [InlineData("obtain cases by drawing random subsets.")]
    [InlineData("We obtain cases by drawing random subsets.")]
    [InlineData("we cook soup by drawing random subsets.")]
    [InlineData("we we obtain cases.")]
    public void Read_NoKnownAction_IsNoSentence(string text) => Assert.Null(Assert.Single(SandboxGrammar.Read(text).Sentences));

    [Theory]
    [InlineData("")]
    [InlineData("  \n ")]
    public void Read_Nothing_IsAnEmptyClosedPlan(string text)
    {
        var reading = SandboxGrammar.Read(text);
        Assert.Empty(reading.Sentences);
        Assert.True(reading.Closed);
    }

    [Fact]
    public void Read_WordsAfterTheLastStop_AreOpen()
    {
        var reading = SandboxGrammar.Read("we never obtain cases. we never");
        Assert.Single(reading.Sentences);
        Assert.False(reading.Closed);
    }

    [Fact]
    public void Corrupt_AnySentence_IsNeverGrammatical()
    {
        var random = new SeededRandom(32);
        HashSet<string> known = [.. SandboxWorld.AllWords];
        for (var i = 0; i < 300; i++)
        {
            var goal = SandboxWorld.Default.SampleGoal(random, GoalSplit.Train);
            foreach (var sentence in SandboxWorld.Default.Writer.WritePlan(goal, random, 0.5, 0.2))
            {
                var text = SandboxGrammar.Corrupt(sentence, random);
                Assert.EndsWith(".", text, StringComparison.Ordinal);
                Assert.True(Assert.Single(SandboxGrammar.Read(text).Sentences) is null or { Malformed: true });
                Assert.Subset(known, SandboxWords.Tokens(text).ToHashSet(StringComparer.Ordinal));
            }
        }
    }

    [Fact]
    public void RenderHastily_WithShares_BreaksAndRepeatsThatOften()
    {
        var random = new SeededRandom(33);
        var (broken, sentences, repeats) = (0, 0, 0);
        const int Plans = 1_000;
        for (var i = 0; i < Plans; i++)
        {
            var goal = SandboxWorld.Default.SampleGoal(random, GoalSplit.Train);
            var plan = SandboxWorld.Default.Writer.WritePlan(goal, random);
            var reading = SandboxGrammar.Read(SandboxGrammar.RenderHastily(plan, random, 0.2, 0.1));
            repeats += reading.Sentences.Count - plan.Count;
            sentences += reading.Sentences.Count;
            broken += reading.Sentences.Count(sentence => sentence is not { Malformed: false });
        }

        Assert.Equal(0.2, broken / (double)sentences, 0.02);
        Assert.Equal(0.1, repeats / (double)Plans, 0.03);
    }
}
