using System.Collections.Frozen;
using System.Reflection;

namespace CoScientist.Core.Goals.Checks;

/// <summary>Words that mean the same in the plan of a study, from the text file beside this: "site" and "hospital", "exclude" and "drop".</summary>
internal static class Synonyms
{
    private static readonly FrozenDictionary<string, string> Groups = Read();

    /// <summary>What a stem of <see cref="ContentWords"/> stands for: the first stem of its group, or itself.</summary>
    public static string Meaning(string stem) => Groups.GetValueOrDefault(stem, stem);

    /// <summary>The groups of the file, as they stand there.</summary>
    internal static IEnumerable<string> Lines()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(typeof(Synonyms), "synonyms.txt") ?? throw new InvalidOperationException("The text file 'synonyms.txt' is not part of the build.");
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line.Length > 0 && line[0] != '#')
            {
                yield return line;
            }
        }
    }

    private static FrozenDictionary<string, string> Read()
    {
        var groups = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var group in Lines().Select(ContentWords.Sequence))
        {
            foreach (var stem in group)
            {
                groups.TryAdd(stem, group[0]);
            }
        }

        return groups.ToFrozenDictionary(StringComparer.Ordinal);
    }
}
