namespace CoScientist.Core.Runs;

/// <summary>A specification in a file of its own.</summary>
public static class RunSpecFile
{
    private const int MaxBytes = 1 << 20;

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

        var bytes = File.ReadAllBytes(path);
        ReadOnlySpan<byte> mark = [0xEF, 0xBB, 0xBF];
        return RunSpecReader.Read(path, bytes.AsSpan().StartsWith(mark) ? bytes[mark.Length..] : bytes, hasLines: true, [], knownDomains);
    }
}
