using CoScientist.Core.Extraction.Pipelines;
using CoScientist.Core.Goals;
using CoScientist.Core.Papers;
using CoScientist.Tests.Shared;
using CoScientist.Training.Sandbox;
using CoScientist.Training.Sandbox.Leakage;

namespace CoScientist.Tests.Training.Sandbox.Leakage;

public sealed class SandboxLeakageTests
{
    private static IEnumerable<SandboxGoal> Goals => SandboxLibrary.Goals.Where(goal => goal.Split == GoalSplit.Test);

    [Fact]
    public void Paraphrases_are_one_per_way_and_share_no_word_with_it()
    {
        Assert.Equal(SandboxWords.Facets.Select(facet => facet.Ways.Length), SandboxParaphrases.Ways.Select(ways => ways.Length));
        var all = SandboxParaphrases.Ways.SelectMany(ways => ways).ToList();
        Assert.Equal(all.Count, all.Distinct().Count());
        for (var facet = 0; facet < all.Count / SandboxWords.WaysPerFacet; facet++)
        {
            for (var way = 0; way < SandboxWords.WaysPerFacet; way++)
            {
                Assert.Empty(CoScientist.Core.Goals.Checks.ContentWords.Of(SandboxParaphrases.Ways[facet][way]).Intersect(CoScientist.Core.Goals.Checks.ContentWords.Of(SandboxWords.Facets[facet].Ways[way])));
                Assert.Equal([new SandboxDecision(facet, way)], SandboxFacts.Of("Nobody has tried " + SandboxParaphrases.Ways[facet][way] + ".").Decisions);
            }
        }
    }

    [Theory]
    [InlineData("The plan should split the data by holding out recent months.", "Nobody has tried holding out recent months.", true)]
    [InlineData("The plan should split the data by holding out recent months.", "Nobody has tried testing on the latest period.", true)]
    [InlineData("The plan should split the data by holding out recent months.", "Nobody has tried holding out whole sites.", false)]
    [InlineData("The plan should split the data by holding out recent months.", "The aim is to split the data well.", false)]
    [InlineData("The plan should take into account that the budget is small.", "However, money for the study is short.", true)]
    [InlineData("The plan should take into account that the budget is small.", "The instrument is noisy.", false)]
    public void LeakFrom_follows_the_meaning_and_not_the_words(string item, string goal, bool leaks) =>
        Assert.Equal(leaks, SandboxFacts.Of(item).LeakFrom(SandboxFacts.Of(goal)));

    [Fact]
    public void Print_previews_tell_two_decisions_of_the_paper_beforehand()
    {
        foreach (var goal in Goals.Take(40))
        {
            var plain = SandboxLeakage.Print(goal, SandboxPreviews.None);
            var told = SandboxLeakage.Print(goal, SandboxPreviews.Told);

            Assert.Empty(SandboxFacts.Of($"{plain.Abstract} {plain.Sections[0].Text} {plain.Sections[1].Text}").Decisions);
            var previewed = SandboxFacts.Of($"{told.Abstract} {told.Sections[0].Text}").Decisions;
            Assert.Equal(2, previewed.Count);
            Assert.Subset(SandboxFacts.Of(string.Join(' ', plain.Sections.Select(section => section.Text))).Decisions.ToHashSet(), previewed.ToHashSet());
            Assert.Equal(plain.Sections[2].Text, told.Sections[2].Text);
        }
    }

    [Fact]
    public async Task MeasureAsync_leak_resistant_pipeline_stays_below_five_percent_and_the_other_does_not()
    {
        var report = await SandboxLeakage.MeasureAsync(60, TestContext.Current.CancellationToken);

        foreach (var kind in (string[])["as printed", "with previews"])
        {
            Assert.All(report.Rows.Where(row => row.Papers == kind && row.Pipeline == ExtractionPipelines.LeakResistant), row => Assert.InRange(row.Truth.Value, 0, 0.05));
            Assert.All(report.Rows.Where(row => row.Papers == kind && row.Pipeline == ExtractionPipelines.Paper), row => Assert.True(row.Truth.Value > report.Rows.Single(other => (other.Papers, other.Creator) == (kind, row.Creator) && other.Pipeline == ExtractionPipelines.LeakResistant).Truth.Value));
        }

        Assert.All(report.Rows.Where(row => !row.Creator.Contains("random", StringComparison.Ordinal)), row => Assert.InRange(row.Failed, 0, 12));
        Assert.All(report.Check, row => Assert.True(row.RecallVerbatim >= row.RecallReworded));
        var check = report.Check[^1];
        Assert.Null(check.Threshold);
        Assert.InRange(check.Precision!.Value, 0.95, 1);
        Assert.InRange(check.RecallVerbatim!.Value, 0.98, 1);
        Assert.InRange(check.RecallReworded!.Value, 0.35, 1);
        Assert.All(report.Rows, row => Assert.True(row.Left.Value <= row.Truth.Value));
    }

    [Fact]
    public async Task ExtractAsync_writer_of_the_goal_is_shown_no_decision_of_a_paper_as_printed()
    {
        foreach (var goal in Goals.Take(20))
        {
            var paper = SandboxLeakage.Print(goal, SandboxPreviews.None);
            var inner = new SandboxCreator(new SandboxCreatorOptions { Name = "test", Missort = 0.3 });
            var seen = new List<string>();
            var model = new ScriptedTextModel((prompt, _) =>
            {
                if (ScriptedCreator.WritesGoal(prompt))
                {
                    seen.Add(prompt.User);
                }

                return inner.CompleteAsync([prompt], new(), CancellationToken.None).Result[0];
            });
            try
            {
                await new LeakResistantPipeline(model, model).ExtractAsync(paper, 1, TestContext.Current.CancellationToken);
            }
            catch (CoScientist.Core.Extraction.ExtractionException)
            {
                // Method sorted under aims is shown to nobody, and then too little may be left.
            }

            Assert.All(seen, prompt => Assert.Empty(SandboxFacts.Of(prompt).Decisions));
            Assert.All(seen, prompt => Assert.DoesNotContain(paper.Sections.Where(section => section.Role is SectionRole.Method or SectionRole.Experiments), section => prompt.Contains(section.Text[..40], StringComparison.Ordinal)));
        }
    }
}
