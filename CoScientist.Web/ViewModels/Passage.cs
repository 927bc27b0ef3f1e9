namespace CoScientist.Web.ViewModels;

/// <summary>A source passage with what stands around it.</summary>
/// <param name="PaperTitle">The paper.</param>
/// <param name="Heading">The section.</param>
/// <param name="Before">Text before the passage.</param>
/// <param name="Marked">The passage; empty when the place is unknown.</param>
/// <param name="After">Text after it.</param>
public sealed record Passage(string PaperTitle, string Heading, string Before, string Marked, string After)
{
    /// <summary>Characters shown on either side.</summary>
    private const int Around = 700;

    /// <summary>Cuts the passage out of its section; a place outside the text, as an edited paper could leave, marks nothing.</summary>
    public static Passage Cut(string paperTitle, string heading, string text, int start, int length)
    {
        if (start < 0 || length <= 0 || start + length > text.Length)
        {
            return new Passage(paperTitle, heading, text.Length > 2 * Around ? text[..(2 * Around)] + " …" : text, "", "");
        }

        var (from, end) = (Math.Max(0, start - Around), start + length);
        var to = Math.Min(text.Length, end + Around);
        // Cut at a space, not inside a word.
        from = from == 0 ? 0 : text.IndexOf(' ', from, start - from) is var space and >= 0 ? space + 1 : from;
        to = to == text.Length ? to : text.LastIndexOf(' ', to - 1, to - end) is var last and >= 0 ? last : to;
        return new Passage(paperTitle, heading, (from > 0 ? "… " : "") + text[from..start], text[start..end], text[end..to] + (to < text.Length ? " …" : ""));
    }
}
