namespace CoScientist.Web.ViewModels;

/// <summary>A rubric item that rests on a passage.</summary>
/// <param name="Label">Number of the item in its rubric, with the goal's letter where the paper has several.</param>
/// <param name="Address">Page of the item.</param>
/// <param name="Anchor">Id of the passage on the paper's page.</param>
/// <param name="Text">The item's wording.</param>
public sealed record Citation(string Label, string Address, string Anchor, string Text);

/// <summary>A stretch of text with the items that rest on it.</summary>
/// <param name="Text">The stretch.</param>
/// <param name="By">Items that rest on it; empty for text between passages.</param>
/// <param name="Beginning">Of those, the items whose passage begins here.</param>
/// <param name="Ending">Of those, the items whose passage ends here.</param>
public sealed record CitedStretch(string Text, IReadOnlyList<Citation> By, IReadOnlyList<Citation> Beginning, IReadOnlyList<Citation> Ending)
{
    /// <summary>Cuts a section's text where passages begin and end; a place outside the text marks nothing. The stretches together are the text.</summary>
    public static IReadOnlyList<CitedStretch> Cut(string text, IReadOnlyList<(int Start, int Length, Citation By)> passages)
    {
        ArgumentNullException.ThrowIfNull(text);
        var inside = passages.Where(passage => passage.Start >= 0 && passage.Length > 0 && passage.Start + passage.Length <= text.Length).ToList();
        List<int> cuts = [.. inside.SelectMany(passage => new[] { passage.Start, passage.Start + passage.Length }).Append(0).Append(text.Length).Distinct().Order()];
        return
        [
            .. cuts.Zip(cuts.Skip(1), (from, to) => new CitedStretch(
                text[from..to],
                [.. inside.Where(passage => passage.Start <= from && to <= passage.Start + passage.Length).Select(passage => passage.By)],
                [.. inside.Where(passage => passage.Start == from).Select(passage => passage.By)],
                [.. inside.Where(passage => passage.Start + passage.Length == to).Select(passage => passage.By)])),
        ];
    }
}
