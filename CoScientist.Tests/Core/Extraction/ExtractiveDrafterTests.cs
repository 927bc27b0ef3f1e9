using CoScientist.Core.Extraction;
using CoScientist.Core.Papers;
using CoScientist.Tests.Core.Papers;

namespace CoScientist.Tests.Core.Extraction;

public sealed class ExtractiveDrafterTests
{
    private static ExtractedGoal Draft(string methods) => ExtractiveDrafter.Draft(Paper(methods));

    private static Paper Paper(string methods) => PaperFixtures.Read("a.md", PaperFixtures.Bytes($"""
        # Salt and growth

        ## Abstract

        Salt slows the growth of many plants. However, it is not known whether young plants recover.

        ## Introduction

        The aim of this study was to determine whether young plants recover from salt by measuring their roots.

        ## Methods

        {methods}
        """));

    private static readonly string Filler = """
        Plants were grown in randomised blocks. Roots were measured with a calibrated ruler. We compared growth with a control group.
        Two assessors were trained on a separate set of plants. Outliers were excluded by a rule fixed in advance. Soil moisture was monitored in every pot.
        """;

    [Theory]
    [InlineData("Salt content of the soil was then estimated by two methods.", "The plan should estimate salt content of the soil by two methods.")]
    [InlineData("We randomly assigned plants to five salt levels [3].", "The plan should randomly assign plants to five salt levels.")]
    [InlineData("To test recovery, we moved half of the plants to fresh soil.", "The plan should move half of the plants to fresh soil to test recovery.")]
    [InlineData("Samples were weighed and dried in an oven, and the rest was discarded.", "The plan should weigh and dry samples in an oven.")]
    [InlineData("Leaves were treated with 0.5% saline at 20 °C for 3 h to induce stress.", "The plan should treat leaves with saline to induce stress.")]
    [InlineData("Growth was modelled with a mixed model (lme4; Bates et al., 2015), as described previously for roots.", null)]
    [InlineData("The study was approved by the ethics committee of the university.", "The plan should obtain approval from an ethics committee before the study begins.")]
    [InlineData("These were measured again after the second harvest of the year.", null)]
    [InlineData("Plants are shown in Figure 3 for every level of salt.", null)]
    public void Draft_sentence_becomes_a_requirement_or_nothing(string sentence, string? expected)
    {
        var items = Draft(sentence + " " + Filler).Items.Select(item => item.Text).ToList();

        if (expected is null)
        {
            Assert.DoesNotContain(items, item => item.Contains("lme4", StringComparison.Ordinal) || item.Contains("harvest", StringComparison.Ordinal) || item.Contains("level of salt", StringComparison.Ordinal));
        }
        else
        {
            Assert.Contains(expected, items);
        }
    }

    [Fact]
    public void Draft_items_point_at_the_sentence_they_rest_on()
    {
        var paper = Paper(Filler);

        foreach (var item in ExtractiveDrafter.Draft(paper).Items)
        {
            var source = item.Source!;
            var text = source.SectionOrder < 0 ? paper.Abstract : paper.Sections[source.SectionOrder].Text;
            var passage = text.Substring(source.Start, source.Length);
            Assert.EndsWith(".", passage, StringComparison.Ordinal);
            Assert.Contains(item.Text.TrimEnd('.').Split(' ')[^1], passage, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public void Draft_goal_states_situation_and_aim_without_the_means()
    {
        var goal = Draft(Filler).Text;

        Assert.Contains("Salt slows the growth of many plants.", goal, StringComparison.Ordinal);
        Assert.EndsWith("The aim is to determine whether young plants recover from salt.", goal, StringComparison.Ordinal);
        Assert.DoesNotContain("measuring", goal, StringComparison.Ordinal);
        Assert.DoesNotContain(" we ", goal, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Draft_same_paper_twice_is_the_same()
    {
        var paper = Paper(Filler);

        var first = ExtractiveDrafter.Draft(paper);
        var second = ExtractiveDrafter.Draft(paper);

        Assert.Equal(first.Text, second.Text);
        Assert.Equal(first.Items, second.Items);
        Assert.Equal(first.ReferenceSolution, second.ReferenceSolution);
        Assert.Contains("Measure roots with a calibrated ruler.", first.ReferenceSolution, StringComparison.Ordinal);
    }

    [Fact]
    public void Draft_short_forms_are_spelled_out()
    {
        var items = Draft("Growth was assessed by the relative growth index (RGI) of each pot. RGI was compared between groups with a permutation test. " + Filler).Items;

        Assert.Contains(items, item => item.Text.Contains("compare relative growth index (RGI) between groups", StringComparison.Ordinal));
    }

    [Fact]
    public void Draft_paper_that_says_too_little_fails_with_the_remedy()
    {
        var fault = Assert.Throws<ExtractionException>(() => Draft("Nothing was done."));

        Assert.Contains("Salt and growth", fault.Message, StringComparison.Ordinal);
        Assert.Contains("extract --model", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Split_abbreviations_do_not_end_sentences()
    {
        const string Text = "E. coli was grown (e.g. in broth). It grew at 20 °C. Fig. 2 shows Dr. May.\n\nNext paragraph";

        Assert.Equal(
            ["E. coli was grown (e.g. in broth).", "It grew at 20 °C.", "Fig. 2 shows Dr. May.", "Next paragraph"],
            Sentences.Split(Text).Select(place => Text.Substring(place.Start, place.Length)));
    }
}
