using CoScientist.Core.Goals.Checks;

namespace CoScientist.Tests.Core.Goals.Checks;

public sealed class ItemLintTests
{
    private const string Goal = "Salt slows the growth of many plants, and it is not known whether young plants recover. The aim is to find out whether the roots of young barley recover after salt stress, with few pots and a small budget.";

    private static IReadOnlyList<ItemFault> Faults(params string[] items) => [.. ItemLint.Check(Goal, items)[^1].Faults.Select(fault => fault.Fault)];

    [Theory]
    [InlineData("The plan should find out whether young barley roots recover after salt stress.")]
    [InlineData("The plan should study the recovery of the growth of young barley plants.")]
    [InlineData("The plan must keep within a small budget and few pots.")]
    public void Check_item_said_by_the_goal_leaks(string item) => Assert.Contains(ItemFault.LeaksFromGoal, Faults(item));

    [Theory]
    [InlineData("The plan should image roots through transparent pots every second day with a fixed scanner.")]
    [InlineData("The plan should assign pots to salt levels in randomised blocks.")]
    [InlineData("The plan should compare recovery against plants that never met salt, grown side by side under one lamp.")]
    [InlineData("The plan should study three age groups of barley.")]
    public void Check_item_that_the_goal_does_not_say_does_not_leak(string item) => Assert.DoesNotContain(ItemFault.LeaksFromGoal, Faults(item));

    [Theory]
    [InlineData("Holding out whole sites has not been tried.", "The plan should split the data by holding out whole sites.", "The goal says how it is to be done: “holding out whole sites”.")]
    [InlineData("Holding out whole sites has not been tried.", "The plan should split the data by holding out whole sites because overlap inflates scores.", "The goal says how it is to be done: “holding out whole sites”.")]
    [InlineData("Complete centres were never left aside.", "The plan should split the data by holding out whole sites.", "The goal seems to say in other words how it is to be done: “Complete centres were never left aside.”")]
    [InlineData("Complete series were never left aside.", "The plan should split the data by holding out whole sites.", null)]
    [InlineData("The whole cost was counted. Many sites took part.", "The plan should split the data by holding out whole sites.", null)]
    [InlineData("Sites are few.", "The plan should split the data by sites.", null)]
    [InlineData("Roots are hard to see.", "The plan should image roots through transparent pots.", null)]
    public void Check_means_that_a_sentence_of_the_goal_tells_leak(string goal, string item, string? reason) =>
        Assert.Equal(reason, ItemLint.Check(goal, [item])[0].Faults.Where(fault => fault.Fault == ItemFault.LeaksFromGoal).Select(fault => fault.Reason).SingleOrDefault());

    [Fact]
    public void Synonyms_word_stands_in_one_group()
    {
        var stems = Synonyms.Lines().SelectMany(group => ContentWords.Of(group)).ToList();

        Assert.Equal(stems.Distinct(), stems);
        Assert.Equal(Synonyms.Meaning("hospit"), Synonyms.Meaning("sit"));
        Assert.Equal("barley", Synonyms.Meaning("barley"));
    }

    [Theory]
    [InlineData("The plan should randomise pots and blind the assessors.")]
    [InlineData("The plan should image roots daily; it should weigh shoots at harvest.")]
    [InlineData("The plan should use mixed models and report effect sizes with intervals.")]
    [InlineData("The plan should calibrate the scanner, as well as training two raters.")]
    [InlineData("The plan should define exclusion rules in advance and must have a stopping rule.")]
    public void Check_two_requirements_in_one_are_compound(string item) => Assert.Contains(ItemFault.Compound, Faults(item));

    [Theory]
    [InlineData("The plan should compare treatment and control groups at three times.")]
    [InlineData("The plan should estimate sensitivity and specificity against culture.")]
    [InlineData("The plan should keep training and test sets apart by site.")]
    [InlineData("The plan should choose a sample size by a power calculation for roots and shoots.")]
    public void Check_one_requirement_with_an_and_is_not_compound(string item) => Assert.DoesNotContain(ItemFault.Compound, Faults(item));

    [Theory]
    [InlineData("The plan should mention ethics approval.")]
    [InlineData("The plan mentions soil moisture.")]
    [InlineData("The plan should include a section on confounders.")]
    [InlineData("The plan should acknowledge sources of drift in the scanner.")]
    [InlineData("The plan should refer to earlier barley trials.")]
    public void Check_item_met_by_mentioning_is_presence_only(string item) => Assert.Contains(ItemFault.PresenceOnly, Faults(item));

    [Theory]
    [InlineData("The plan should include a control group watered with distilled water.")]
    [InlineData("The plan should name in advance the primary outcome for roots.")]
    [InlineData("The plan should annotate all of the claim's cited abstracts.")]
    [InlineData("The plan should randomise pots within blocks of equal light.")]
    public void Check_item_that_asks_for_work_is_not_presence_only(string item) => Assert.DoesNotContain(ItemFault.PresenceOnly, Faults(item));

    [Theory]
    [InlineData("The plan should have a clear and detailed methodology.")]
    [InlineData("The plan should address the research question with appropriate methods.")]
    [InlineData("The plan should be rigorous.")]
    public void Check_item_that_every_plan_meets_is_trivial(string item) => Assert.Contains(ItemFault.Trivial, Faults(item));

    [Fact]
    public void Check_specific_item_is_not_trivial() => Assert.DoesNotContain(ItemFault.Trivial, Faults("The plan should randomise pots within blocks of equal light."));

    [Theory]
    [InlineData("The plan should achieve an accuracy of at least 90%.")]
    [InlineData("The plan should outperform the linear baseline.")]
    [InlineData("The results show that roots recover.")]
    [InlineData("The plan should follow the procedure in Figure 3.")]
    [InlineData("The plan should use the same enzyme as the authors did.")]
    public void Check_what_a_plan_cannot_show_is_not_checkable(string item) => Assert.Contains(ItemFault.NotCheckable, Faults(item));

    [Theory]
    [InlineData("The plan should state the smallest effect it can detect with twelve pots.")]
    [InlineData("The plan should compare accuracy between sites with a paired bootstrap.")]
    public void Check_what_a_plan_shows_is_checkable(string item) => Assert.DoesNotContain(ItemFault.NotCheckable, Faults(item));

    [Fact]
    public void Check_item_asked_twice_names_the_first()
    {
        var results = ItemLint.Check(Goal, ["The plan should image roots daily with a scanner.", "The plan should weigh shoots at harvest.", "Roots should be imaged with a daily scanner."]);

        Assert.Empty(results[0].Faults);
        Assert.Empty(results[1].Faults);
        var fault = Assert.Single(results[2].Faults);
        Assert.Equal((ItemFault.Duplicate, "It asks nearly the same as item 1."), (fault.Fault, fault.Reason));
    }

    [Theory]
    [InlineData("")]
    [InlineData("The plan should.")]
    [InlineData("你好 12 %% ((")]
    public void Check_wordless_item_does_not_fail(string item) => Assert.DoesNotContain(ItemFault.LeaksFromGoal, Faults(item));

    [Theory]
    [InlineData("comparison compared compare compares comparing", 1)]
    [InlineData("study studies studied studying", 1)]
    [InlineData("fitted fitting stopping stopped stop fit", 2)]
    [InlineData("assess assessed assessing", 1)]
    [InlineData("randomise randomly randomised randomisation random", 1)]
    [InlineData("the plan should with of and", 0)]
    [InlineData("interval internal", 2)]
    public void Of_forms_of_one_word_meet(string text, int stems) => Assert.Equal(stems, ContentWords.Of(text).Count);
}
