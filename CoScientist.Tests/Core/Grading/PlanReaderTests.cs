using CoScientist.Core.Grading;
using CoScientist.Core.Grading.PaperProtocol;

namespace CoScientist.Tests.Core.Grading;

public sealed class PlanReaderTests
{
    [Theory]
    [InlineData("<think>I weigh <solution> tags.</think>\n<solution>\nWe measure.\n</solution>\nThanks.", "We measure.")]
    [InlineData("<solution>We measure.</solution>", "We measure.")]
    [InlineData("I weigh.</think><Solution>We measure.</Solution>", "We measure.")]
    [InlineData("It goes into <solution>: here. <solution>We measure.</solution>", "We measure.")]
    public void Read_ClosedSolution_IsThePlanAndNothingElse(string answer, string plan)
    {
        var reading = PlanReader.Read(answer);

        Assert.Equal((plan, 2, null), (reading.Text, reading.Words, reading.Fault));
        Assert.Equal(new PlanForm(Finished: true), reading.Form);
    }

    [Theory]
    [InlineData("<think>hm</think>We measure.", "We measure.", "no <solution> tag")]
    [InlineData("<think>hm</think><solution>We measure", "We measure", "not closed")]
    [InlineData("<think>endless", "", "no <solution> tag")]
    [InlineData("", "", "no <solution> tag")]
    [InlineData("<solution> \n</solution>", "", "empty")]
    public void Read_WithoutClosedSolution_IsFlaggedAsUnfinished(string answer, string plan, string fault)
    {
        var reading = PlanReader.Read(answer);

        Assert.Equal(plan, reading.Text);
        Assert.Contains(fault, reading.Fault, StringComparison.Ordinal);
        Assert.False(reading.Form.Finished);
    }

    [Theory]
    [InlineData(750, false)]
    [InlineData(751, true)]
    public void Read_LongPlan_IsOverlongFromTheFirstWordTooMany(int words, bool overlong)
    {
        var reading = PlanReader.Read($"<solution>{string.Join(" \n", Enumerable.Repeat("word", words))}</solution>");

        Assert.Equal((words, new PlanForm(Finished: true, Overlong: overlong)), (reading.Words, reading.Form));
        Assert.Equal(overlong, reading.Fault is not null);
    }
}
