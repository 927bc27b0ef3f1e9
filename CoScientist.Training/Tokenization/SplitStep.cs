using System.Text.RegularExpressions;

namespace CoScientist.Training.Tokenization;

/// <summary>What becomes of the matches of a <c>Split</c> step.</summary>
internal enum SplitBehavior
{
    /// <summary>A match is dropped.</summary>
    Removed,

    /// <summary>A match is a piece of its own.</summary>
    Isolated,

    /// <summary>A match ends the piece before it.</summary>
    MergedWithPrevious,

    /// <summary>A match begins the piece after it.</summary>
    MergedWithNext,

    /// <summary>Neighbouring matches are one piece.</summary>
    Contiguous,
}

/// <summary>One cut of text into pieces by a regular expression.</summary>
/// <param name="Pattern">The expression as the file has it.</param>
/// <param name="Behavior">What becomes of matches.</param>
/// <param name="Invert">Whether what lies between the matches counts as the matches.</param>
internal sealed record SplitStep(string Pattern, SplitBehavior Behavior, bool Invert)
{
    // A pattern comes from a file, and a bad one could run for ever.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly Regex regex = new(OnigurumaPattern.Translate(Pattern), RegexOptions.CultureInvariant | RegexOptions.Compiled, Patience);

    /// <summary>Cuts a text; empty pieces are left out.</summary>
    public List<(int Start, int End)> Cut(ReadOnlySpan<char> text)
    {
        var parts = new List<(int Start, int End, bool Match)>();
        var done = 0;
        foreach (var match in regex.EnumerateMatches(text))
        {
            Put(done, match.Index, Invert);
            done = match.Index + match.Length;
            Put(match.Index, done, !Invert);
        }

        Put(done, text.Length, Invert);
        return Join(parts);

        void Put(int start, int end, bool match)
        {
            if (start < end)
            {
                parts.Add((start, end, match));
            }
        }
    }

    private List<(int Start, int End)> Join(List<(int Start, int End, bool Match)> parts)
    {
        var pieces = new List<(int Start, int End)>(parts.Count);
        for (var i = 0; i < parts.Count; i++)
        {
            var (start, end, match) = parts[i];
            var previous = i > 0 && parts[i - 1].Match;
            var joins = i > 0 && Behavior switch
            {
                SplitBehavior.Contiguous => match == previous,
                SplitBehavior.MergedWithPrevious => match && !previous,
                SplitBehavior.MergedWithNext => previous && !match,
                _ => false,
            };
            if (joins)
            {
                pieces[^1] = (pieces[^1].Start, end);
            }
            else if (!(match && Behavior == SplitBehavior.Removed))
            {
                pieces.Add((start, end));
            }
        }

        return pieces;
    }
}
