using System.Globalization;

namespace CoScientist.Core.Runs;

/// <summary>One thing wrong with a run specification.</summary>
/// <param name="Path">The field, as in the JSON ("data.domains"); empty for the document as a whole.</param>
/// <param name="Message">What is wrong and what is allowed, to be read after the field's name ("must be 1 to 100000, is 0").</param>
/// <param name="Line">Line of the file, from 1; null when it did not come from a file.</param>
public sealed record RunSpecFault(string Path, string Message, int? Line = null)
{
    /// <inheritdoc/>
    public override string ToString()
    {
        var line = Line is { } number ? string.Create(CultureInfo.InvariantCulture, $"line {number}") : "";
        return (Path.Length, line.Length) switch
        {
            (0, 0) => Message,
            (0, _) => $"{line} {Message}",
            (_, 0) => $"{Path} {Message}",
            _ => $"{Path} ({line}) {Message}",
        };
    }
}

/// <summary>A run specification that cannot be used, with every fault at once.</summary>
/// <param name="source">Where it came from: a file, a preset, a form.</param>
/// <param name="faults">What is wrong, at least one.</param>
public sealed class RunSpecException(string source, IReadOnlyList<RunSpecFault> faults)
    : Exception($"{source} has {(faults.Count == 1 ? "a fault" : string.Create(CultureInfo.InvariantCulture, $"{faults.Count} faults"))}: {FileText.Shown(string.Join("; ", faults), LongestList)}.")
{
    private const int LongestList = 3000;

    /// <summary>What is wrong.</summary>
    public IReadOnlyList<RunSpecFault> Faults { get; } = faults;
}
