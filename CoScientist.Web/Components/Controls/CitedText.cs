using CoScientist.Web.ViewModels;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Rendering;

namespace CoScientist.Web.Components.Controls;

/// <summary>
/// Text with the passages marked that rubric items rest on; behind each passage the numbers of its items lead to them. Written
/// without markup: blanks that markup puts between elements would show in text that keeps its lines.
/// </summary>
public sealed class CitedText : ComponentBase
{
    /// <summary>The text.</summary>
    [Parameter, EditorRequired]
    public string Text { get; set; } = "";

    /// <summary>Passages with their items.</summary>
    [Parameter, EditorRequired]
    public IReadOnlyList<(int Start, int Length, Citation By)> Passages { get; set; } = [];

    /// <inheritdoc/>
    protected override void BuildRenderTree(RenderTreeBuilder builder)
    {
        foreach (var stretch in CitedStretch.Cut(Text, Passages))
        {
            if (stretch.By.Count == 0)
            {
                builder.AddContent(0, stretch.Text);
                continue;
            }

            builder.OpenElement(1, "mark");
            builder.AddAttribute(2, "title", string.Join('\n', stretch.By.Select(by => $"{by.Label}: {by.Text}")));
            foreach (var by in stretch.Beginning)
            {
                builder.OpenElement(3, "span");
                builder.AddAttribute(4, "id", by.Anchor);
                builder.CloseElement();
            }

            builder.AddContent(5, stretch.Text);
            builder.CloseElement();
            foreach (var by in stretch.Ending)
            {
                builder.OpenElement(6, "a");
                builder.AddAttribute(7, "class", "cite-label");
                builder.AddAttribute(8, "href", by.Address);
                builder.AddAttribute(9, "aria-label", $"item {by.Label}: {by.Text}");
                builder.AddContent(10, by.Label);
                builder.CloseElement();
            }
        }
    }
}
