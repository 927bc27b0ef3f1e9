using System.Runtime.InteropServices;

namespace CoScientist.Core.Papers.Readers;

/// <summary>Bytes in memory as a stream, without a copy of them.</summary>
internal static class Bytes
{
    /// <summary>A stream that reads the bytes.</summary>
    public static MemoryStream AsStream(this ReadOnlyMemory<byte> content) =>
        MemoryMarshal.TryGetArray(content, out var array)
            ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
            : new MemoryStream(content.ToArray(), writable: false);
}
