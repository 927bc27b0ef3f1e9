using System.Text;
using System.Text.RegularExpressions;

namespace CoScientist.Core.Papers.Readers;

/// <summary>Sections from the headings of a text without structure of its own; the first heading is the title unless one is known, "Abstract" the abstract.</summary>
internal sealed partial class Outline(PaperDraft draft)
{
    private readonly List<(int Level, string Title)> headings = [];
    private readonly StringBuilder text = new();
    private bool inAbstract;

    /// <summary>Adds a line.</summary>
    public void Append(string line) => text.Append(line).Append('\n');

    /// <summary>Starts a section.</summary>
    public void Open(int level, string title)
    {
        Close();
        if (draft.Title.Length == 0 || (level == 1 && title == draft.Title))
        {
            draft.Title = title;
            return;
        }

        inAbstract = draft.Abstract.Length == 0 && AbstractHeading().IsMatch(title);
        headings.RemoveAll(heading => heading.Level >= level);
        if (!inAbstract)
        {
            headings.Add((level, title));
        }
    }

    /// <summary>Ends the last section.</summary>
    public void Close()
    {
        if (inAbstract)
        {
            draft.Abstract = text.ToString();
        }
        else
        {
            draft.AddSection([.. headings.Select(heading => heading.Title)], text.ToString());
        }

        inAbstract = false;
        text.Clear();
    }

    [GeneratedRegex(@"^\W*(abstract|summary)\W*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex AbstractHeading();
}
