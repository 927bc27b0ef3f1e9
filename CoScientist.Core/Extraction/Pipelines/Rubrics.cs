using System.Globalization;
using System.Text;
using CoScientist.Core.Goals.Checks;

namespace CoScientist.Core.Extraction.Pipelines;

/// <summary>Rubrics in the making.</summary>
internal static class Rubrics
{
    /// <summary>A goal with numbered requirements, as selectors and rankers see it.</summary>
    public static string Show(string goal, IReadOnlyList<ExtractedItem> items)
    {
        var text = new StringBuilder("<material>\nGOAL\n").Append(PaperUnits.Quote(goal)).Append("\n\nREQUIREMENTS\n");
        for (var i = 0; i < items.Count; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{i + 1}. {PaperUnits.Quote(items[i].Text).ReplaceLineEndings(" ")}\n");
        }

        return text.Append("</material>").ToString();
    }

    /// <summary>
    /// What is left of candidates once those are gone that ask the same as an earlier one or whose words stand in the goal
    /// (<see cref="ItemLint"/>); leaking ones come back, the least leaking first, only where fewer than five would be left.
    /// </summary>
    public static IReadOnlyList<ExtractedItem> Sift(string goal, IReadOnlyList<ExtractedItem> candidates)
    {
        var found = ItemLint.Check(goal, [.. candidates.Select(item => item.Text)]);
        var distinct = Enumerable.Range(0, candidates.Count).Where(i => found[i].Faults.All(fault => fault.Fault != ItemFault.Duplicate)).ToList();
        var kept = distinct.Where(i => !found[i].Leaks).ToList();
        kept.AddRange(distinct.Where(i => found[i].Leaks).OrderBy(i => found[i].GoalShare).Take(Math.Max(0, ExtractionPipelines.LeastItems - kept.Count)));
        return [.. kept.Order().Select(i => candidates[i])];
    }
}
