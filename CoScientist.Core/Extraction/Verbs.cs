using System.Collections.Frozen;
using System.Reflection;

namespace CoScientist.Core.Extraction;

/// <summary>The verbs of research work, with the base form of each past form and participle.</summary>
internal static class Verbs
{
    private static readonly FrozenDictionary<string, string> Participles;
    private static readonly FrozenDictionary<string, string> Pasts;
    private static readonly FrozenSet<string> Bases;

    static Verbs()
    {
        var participles = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var pasts = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var bases = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var line in EmbeddedText.Lines("verbs.txt"))
        {
            var forms = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var verb = forms[0].TrimEnd('+');
            bases.Add(verb);
            if (forms.Length == 3)
            {
                pasts[forms[1]] = verb;
                participles[forms[2]] = verb;
                continue;
            }

            foreach (var past in Regular(verb, forms[0].EndsWith('+')))
            {
                pasts[past] = verb;
                participles[past] = verb;
            }
        }

        Participles = participles.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);
        Pasts = pasts.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);
        Bases = bases.ToFrozenSet(StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>Base form of a participle ("chosen" gives "choose"); null when it is none.</summary>
    public static string? FromParticiple(string word) => Participles.GetValueOrDefault(word);

    /// <summary>Base form of a past or present form after "we"; null when the word is neither.</summary>
    public static string? FromFinite(string word) => Pasts.GetValueOrDefault(word) ?? (Bases.TryGetValue(word, out var verb) ? verb : null);

    /// <summary>Whether the word is a base form.</summary>
    public static bool IsBase(string word) => Bases.Contains(word);

    private static IEnumerable<string> Regular(string verb, bool doubles)
    {
        if (verb.EndsWith('e'))
        {
            yield return verb + "d";
        }
        else if (verb.EndsWith('y') && !"aeou".Contains(verb[^2], StringComparison.Ordinal))
        {
            yield return verb[..^1] + "ied";
        }
        else
        {
            yield return verb + "ed";
        }

        if (doubles)
        {
            yield return verb + verb[^1] + "ed";
        }
    }
}

/// <summary>Text files that lie beside the code and travel inside the assembly.</summary>
internal static class EmbeddedText
{
    /// <summary>A whole file of this folder.</summary>
    public static string Read(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"CoScientist.Core.Extraction.{name}")
            ?? throw new InvalidOperationException($"The text file '{name}' is not part of the build.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }

    /// <summary>Its lines, without empty ones and comments (#).</summary>
    public static IEnumerable<string> Lines(string name) =>
        Read(name).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Where(line => line[0] != '#');
}
