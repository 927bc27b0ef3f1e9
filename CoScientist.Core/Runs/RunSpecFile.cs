using System.Text;

namespace CoScientist.Core.Runs;

/// <summary>A specification in a file of its own.</summary>
public static class RunSpecFile
{
    /// <summary>Longest specification, bytes.</summary>
    public const int MaxBytes = 1 << 20;

    /// <summary>Reads and checks a file.</summary>
    /// <param name="path">The file: one JSON object.</param>
    /// <param name="knownDomains">Domains the library has; null when they are not known yet.</param>
    /// <exception cref="RunSpecException">Names every fault with its field and line.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static RunSpec Read(string path, IReadOnlyCollection<string>? knownDomains = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (new FileInfo(path) is { Exists: true, Length: > MaxBytes })
        {
            throw new RunSpecException(path, [new RunSpecFault("", "is too large for a run specification (over 1 MiB)")]);
        }

        return Read(path, File.ReadAllBytes(path), knownDomains);
    }

    /// <summary>Reads and checks a specification that somebody typed or pasted.</summary>
    /// <param name="source">Where it came from, for the message.</param>
    /// <param name="json">The text: one JSON object.</param>
    /// <exception cref="RunSpecException">Names every fault with its field and line.</exception>
    public static RunSpec Parse(string source, string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return Read(source, Encoding.UTF8.GetBytes(json), knownDomains: null);
    }

    private static RunSpec Read(string source, byte[] bytes, IReadOnlyCollection<string>? knownDomains)
    {
        ReadOnlySpan<byte> mark = [0xEF, 0xBB, 0xBF];
        return RunSpecReader.Read(source, bytes.AsSpan().StartsWith(mark) ? bytes[mark.Length..] : bytes, hasLines: true, [], knownDomains);
    }
}
