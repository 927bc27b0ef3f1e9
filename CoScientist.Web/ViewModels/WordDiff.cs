namespace CoScientist.Web.ViewModels;

/// <summary>What happened to a stretch of words.</summary>
public enum DiffKind
{
    /// <summary>In both wordings.</summary>
    Same,

    /// <summary>Only in the old one.</summary>
    Cut,

    /// <summary>Only in the new one.</summary>
    Added,
}

/// <summary>A stretch of words and what happened to it.</summary>
public sealed record DiffPart(DiffKind Kind, string Text);

/// <summary>Difference of two short texts, word by word.</summary>
public static class WordDiff
{
    /// <summary>Stretches in reading order; what was cut stands before what replaced it. Uses the longest common subsequence of words.</summary>
    public static IReadOnlyList<DiffPart> Compare(string before, string after)
    {
        var (old, now) = (Words(before), Words(after));
        var common = new int[old.Length + 1, now.Length + 1];
        for (var i = old.Length - 1; i >= 0; i--)
        {
            for (var j = now.Length - 1; j >= 0; j--)
            {
                common[i, j] = old[i] == now[j] ? common[i + 1, j + 1] + 1 : Math.Max(common[i + 1, j], common[i, j + 1]);
            }
        }

        var parts = new List<DiffPart>();
        var (a, b) = (0, 0);
        while (a < old.Length || b < now.Length)
        {
            if (a < old.Length && b < now.Length && old[a] == now[b])
            {
                Add(parts, DiffKind.Same, old[a++]);
                b++;
            }
            else if (b == now.Length || (a < old.Length && common[a + 1, b] >= common[a, b + 1]))
            {
                Add(parts, DiffKind.Cut, old[a++]);
            }
            else
            {
                Add(parts, DiffKind.Added, now[b++]);
            }
        }

        return parts;
    }

    private static void Add(List<DiffPart> parts, DiffKind kind, string word)
    {
        if (parts is [.., var last] && last.Kind == kind)
        {
            parts[^1] = last with { Text = last.Text + " " + word };
        }
        else
        {
            parts.Add(new DiffPart(kind, word));
        }
    }

    private static string[] Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
