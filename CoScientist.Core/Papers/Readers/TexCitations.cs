namespace CoScientist.Core.Papers.Readers;

/// <summary>Citations in the text: "[1]" in order of their first appearance, or the names where the sentence uses them.</summary>
/// <param name="labels">Names and years by key, where the bibliography gives them.</param>
internal sealed class TexCitations(IReadOnlyDictionary<string, string> labels)
{
    private readonly Dictionary<string, int> numbers = new(StringComparer.Ordinal);

    /// <summary>Whether a command cites.</summary>
    public static bool IsCitation(string command) =>
        command.StartsWith("cite", StringComparison.OrdinalIgnoreCase) || command is "parencite" or "textcite" or "autocite" or "footcite" or "newcite";

    /// <summary>Reads the arguments of a citing command.</summary>
    /// <param name="command">Its name.</param>
    /// <param name="scan">Stands behind the name.</param>
    /// <param name="plain">Turns TeX into text.</param>
    public string Read(string command, ref TexScanner scan, Func<string, string> plain)
    {
        scan.SkipStar();
        while (scan.OptionalArgument() is not null)
        {
        }

        var keys = scan.Argument().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var isTextual = command is "citet" or "citeauthor" or "textcite" or "Citet" or "newcite" or "citealt";
        if (isTextual && keys.Length > 0 && Array.TrueForAll(keys, labels.ContainsKey))
        {
            return plain(string.Join(", ", keys.Select(key => labels[key])));
        }

        foreach (var key in keys)
        {
            numbers.TryAdd(key, numbers.Count + 1);
        }

        return $"[{string.Join(", ", keys.Select(key => numbers[key]))}]";
    }
}
