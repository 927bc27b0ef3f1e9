using Markdig;
using Markdig.Renderers;
using Markdig.Renderers.Html;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace CoScientist.Web.Components.Controls;

/// <summary>
/// Markdown of an untrusted writer to HTML that cannot run, load or imitate anything: HTML stays text, pictures become their
/// description, links keep only web and mail addresses, and headings go below those of the page.
/// </summary>
internal static class SafeHtml
{
    // Only extensions that add no attributes of the writer's choice.
    private static readonly MarkdownPipeline s_pipeline = new MarkdownPipelineBuilder().DisableHtml().UsePipeTables().Build();

    /// <summary>Renders the text; its first-level headings become <c>h3</c>.</summary>
    public static string Render(string? markdown)
    {
        if (!MarkdownBounds.Hold(markdown ?? ""))
        {
            return AsItIs(markdown);
        }

        MarkdownDocument document;
        try
        {
            document = Markdown.Parse(markdown ?? "", s_pipeline);
        }
        catch (ArgumentException)
        {
            return AsItIs(markdown);
        }

        foreach (var heading in document.Descendants<HeadingBlock>())
        {
            heading.Level = Math.Min(6, heading.Level + 2);
        }

        foreach (var link in document.Descendants<LinkInline>().ToList())
        {
            if (link.IsImage || !IsSafe(link.GetDynamicUrl?.Invoke() ?? link.Url))
            {
                // Only the words of the link stay.
                link.ReplaceBy(new ContainerInline(), copyChildren: true);
            }
            else
            {
                link.GetAttributes().AddPropertyIfNotExist("rel", "noopener noreferrer nofollow");
            }
        }

        foreach (var link in document.Descendants<AutolinkInline>().Where(l => !l.IsEmail && !IsSafe(l.Url)).ToList())
        {
            link.ReplaceBy(new LiteralInline(link.Url));
        }

        using var writer = new StringWriter();
        var renderer = new HtmlRenderer(writer);
        s_pipeline.Setup(renderer);
        try
        {
            renderer.Render(document);
            return writer.ToString();
        }
        catch (ArgumentException)
        {
            return AsItIs(markdown);
        }
    }

    // Hundreds of brackets, quotes or stars inside each other: nobody's layout, so the letters will do.
    private static string AsItIs(string? text) => $"<p>{System.Net.WebUtility.HtmlEncode(text)}</p>";

    private static bool IsSafe(string? address) =>
        Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Scheme is ("http" or "https" or "mailto");
}
