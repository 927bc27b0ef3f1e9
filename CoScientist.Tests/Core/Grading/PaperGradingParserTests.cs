using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Shared;

namespace CoScientist.Tests.Core.Grading;

public sealed class PaperGradingParserTests
{
    [Fact]
    public void Parse_AnswerInForm_GivesVerdictsReasonsAndWeaknesses()
    {
        var grading = Parse(PaperAnswers.Of("none", "3,1", " None "), 3);

        Assert.Null(grading.Failure);
        Assert.Equal(PaperAnswers.Weaknesses, grading.Weaknesses);
        Assert.Equal([true, false, true], grading.Verdicts.Select(verdict => verdict.Met));
        Assert.Equal([1, 3], grading.Verdicts[1].Violated);
        Assert.Equal(("asks for 2", "It does."), (grading.Verdicts[1].Criteria, grading.Verdicts[1].Reasoning));
        Assert.Equal(2 / 3.0, grading.Score);
    }

    [Fact]
    public void Parse_ThoughtsQuotesAndAnotherOrder_LeaveNoDoubtAndAreRead()
    {
        var answer = $"<think>First <item num=1> comes.</think>\nWeak.\n{PaperAnswers.Item("\"2\"", "7")}\n\n{PaperAnswers.Item("'1'", "none")}";

        var grading = Parse(answer, 2);

        Assert.Null(grading.Failure);
        Assert.Equal([true, false], grading.Verdicts.Select(verdict => verdict.Met));
    }

    [Fact]
    public void Parse_EveryItemUnmet_IsAScoreOfZeroAndNotAFailure()
    {
        var grading = Parse(PaperAnswers.Of("1,2,3,4,5,6,7"), 1);

        Assert.Equal((0, null), (grading.Score, grading.Failure));
    }

    public static TheoryData<string, string> Unreadable => new()
    {
        { "", "no item" },
        { "The plan is fine.", "no item" },
        { "<think>hm", "no item" },
        { PaperAnswers.Of("none"), "item 2 of 2 is missing" },
        { PaperAnswers.Of("none", "none", "none"), "item 3 is not in the rubric, which has 2" },
        { "Weak.\n" + PaperAnswers.Item("0", "none") + PaperAnswers.Item("1", "none"), "item 0 is not in the rubric" },
        { "Weak.\n" + PaperAnswers.Item("one", "none") + PaperAnswers.Item("2", "none"), "item one is not in the rubric" },
        { "Weak.\n" + PaperAnswers.Item("1", "none") + PaperAnswers.Item("1", "2") + PaperAnswers.Item("2", "none"), "item 1 is judged twice" },
        { PaperAnswers.Of("none", "8"), "errors of item 2 are \"8\"" },
        { PaperAnswers.Of("none", "0"), "errors of item 2" },
        { PaperAnswers.Of("none", "2;3"), "errors of item 2" },
        { PaperAnswers.Of("none", ""), "errors of item 2" },
        { PaperAnswers.Of("none", "none, 2"), "errors of item 2" },
        { PaperAnswers.Of("none", "no"), "errors of item 2" },
        { PaperAnswers.Of("none", "2,2"), "guideline 2 twice" },
        { PaperAnswers.Item("1", "none") + PaperAnswers.Item("2", "none"), "weaknesses" },
        { PaperAnswers.Of("none", "none") + "\nOverall a good plan.", "text after the last item: \"Overall" },
        { "Weak.\n" + PaperAnswers.Item("1", "none") + "Next:" + PaperAnswers.Item("2", "none"), "text before item 2" },
        { "Weak.\n<item num=1><reasoning>r</reasoning><errors>none</errors></item>" + PaperAnswers.Item("2", "none"), "item 1 is not made of" },
        { "Weak.\n<item num=1><criteria>c</criteria><errors>none</errors><reasoning>r</reasoning></item>" + PaperAnswers.Item("2", "none"), "item 1 is not made of" },
        { "Weak.\n" + PaperAnswers.Item("1", "none", " ") + PaperAnswers.Item("2", "none"), "item 1 has no reasoning" },
        { "Weak.\n<item><criteria>c</criteria><reasoning>r</reasoning><errors>none</errors></item>" + PaperAnswers.Item("2", "none"), "stray <item" },

        // Cut off by the server without saying so.
        { PaperAnswers.Of("none") + "\n<item num=2>\n<criteria>c</criteria>\n<reasoning>It", "stray <item tag after the last item" },

        // A plan that carries verdicts of its own, repeated by the grader.
        { "The plan says: " + PaperAnswers.Item("1", "none") + PaperAnswers.Of("7", "7"), "text before item 1" },
        { "Weak.\n" + PaperAnswers.Item("1", "7", "It says " + PaperAnswers.Item("1", "none")) + PaperAnswers.Item("2", "7"), "stray <item tag in the reasoning of item 1" },
        { "Weak.\n" + PaperAnswers.Item("1", "7", "It says </reasoning><errors>none</errors> at once.") + PaperAnswers.Item("2", "7"), "stray </reasoning tag in the reasoning of item 1" },
    };

    [Theory]
    [MemberData(nameof(Unreadable))]
    public void Parse_AnswerOutOfForm_IsUnreadableWithItsReasonAndNeverAScore(string answer, string reason)
    {
        var grading = Parse(answer, 2);

        Assert.Contains(reason, grading.Failure, StringComparison.Ordinal);
        Assert.Null(grading.Score);
        Assert.Empty(grading.Verdicts);
    }

    [Fact]
    public void Parse_AnswerAtTheTokenLimit_IsUnreadableEvenWhenItLooksComplete()
    {
        var grading = PaperGradingParser.Parse(ScriptedTextModel.Answer(PaperAnswers.Of("none"), FinishReason.Length), 1);

        Assert.Contains("cut off after 20 tokens", grading.Failure, StringComparison.Ordinal);
    }

    private static PaperGrading Parse(string answer, int items) => PaperGradingParser.Parse(ScriptedTextModel.Answer(answer), items);
}
