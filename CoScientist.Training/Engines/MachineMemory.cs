using System.Globalization;

namespace CoScientist.Training.Engines;

/// <summary>Memory that this machine can still give.</summary>
public static class MachineMemory
{
    private const string Linux = "/proc/meminfo";
    private const string Free = "MemAvailable:";

    /// <summary>Bytes that programs can still take, within the limit of a container. Where the system does not say what others hold: all that there is.</summary>
    public static long AvailableBytes
    {
        get
        {
            var limit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
            return File.Exists(Linux) && FreeBytes(File.ReadLines(Linux)) is { } free ? Math.Min(limit, free) : limit;
        }
    }

    /// <summary>What a line "MemAvailable:  123 kB" says, in bytes; null when there is none.</summary>
    internal static long? FreeBytes(IEnumerable<string> lines)
    {
        var words = lines.FirstOrDefault(line => line.StartsWith(Free, StringComparison.Ordinal))?[Free.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words is [var number, "kB"] && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var kilobytes) ? kilobytes * 1024 : null;
    }
}
