using System.Buffers;

namespace CoScientist.Web.Components.Controls;

/// <summary>
/// Tells texts apart that the Markdown parser would be busy with for seconds or longer: its work grows with the square of the marks in one
/// paragraph and of the levels on one line, and with runs of backticks times the length of their paragraph.
/// </summary>
internal static class MarkdownBounds
{
    /// <summary>Half a second of work at most; a long plan takes a thousandth of it.</summary>
    private const long MostWork = 25_000_000;

    private const int RunsLength = 20;
    private const int MostLevels = 128;
    private const int WidestIndent = 300;

    private static readonly SearchValues<char> s_marks = SearchValues.Create("*_[]!<&");
    private static readonly SearchValues<char> s_levels = SearchValues.Create(" \t>-*+0123456789.)");

    /// <summary>Whether a text is parsed in a moment.</summary>
    public static bool Hold(string text)
    {
        var (work, marks, runs, length) = (0L, 0L, 0L, 0L);
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            var content = line.TrimStart(" \t>");
            if (content.IsEmpty || StartsItem(content))
            {
                work += Work(marks, runs, length);
                (marks, runs, length) = (0, 0, 0);
            }

            if (line.IndexOfAnyExcept(' ', '\t') > WidestIndent || Levels(line) > MostLevels)
            {
                return false;
            }

            length += line.Length;
            for (var rest = line; rest.IndexOfAny(s_marks) is var at && at >= 0; rest = rest[(at + 1)..])
            {
                marks++;
            }

            for (var rest = line; rest.IndexOf('`') is var at && at >= 0; rest = rest[at..].TrimStart('`'))
            {
                runs++;
            }
        }

        return work + Work(marks, runs, length) <= MostWork;
    }

    private static long Work(long marks, long runs, long length) => (marks * marks) + (runs * length / RunsLength);

    private static bool StartsItem(ReadOnlySpan<char> content) =>
        content[0] == '#' || (content.TrimStart("0123456789") is [var mark, ' ' or '\t', ..] && mark is '-' or '*' or '+' or '.' or ')');

    /// <summary>Quotes and list items that a line may begin.</summary>
    private static int Levels(ReadOnlySpan<char> line)
    {
        var end = line.IndexOfAnyExcept(s_levels);
        var prefix = end < 0 ? line : line[..end];
        var levels = 0;
        for (var at = 0; at < prefix.Length; at++)
        {
            levels += prefix[at] == '>' || (prefix[at] is '-' or '*' or '+' or '.' or ')' && at + 1 < prefix.Length && prefix[at + 1] is ' ' or '\t') ? 1 : 0;
        }

        return levels;
    }
}
