using System.Buffers.Binary;

namespace CoScientist.Core;

/// <summary>A key that cannot be mistaken for another entity's: a version 7 UUID (sortable by creation time) in a type of its own.</summary>
/// <typeparam name="TSelf">The id type itself.</typeparam>
public interface ITypedId<TSelf>
    where TSelf : struct, ITypedId<TSelf>
{
    /// <summary>The UUID.</summary>
    Guid Value { get; }

    /// <summary>Wraps a UUID read from storage or a link.</summary>
    static abstract TSelf From(Guid value);
}

/// <summary>Making and reading typed ids.</summary>
public static class TypedId
{
    // A clock that is set back by less than this does not disturb the order.
    private const int LongestLead = 1000;

    // Milliseconds since 1970 and, in the last twelve bits, how many ids came before in the same one.
    private static long s_last;

    /// <summary>
    /// A new id whose order follows the clock, and within a millisecond the order in which this process made them: what is stored in one
    /// go is listed as it was stored. The twelve bits after the time count (RFC 9562, 6.2, method 1); 62 bits are random.
    /// </summary>
    public static TId New<TId>(TimeProvider time)
        where TId : struct, ITypedId<TId>
    {
        ArgumentNullException.ThrowIfNull(time);
        var now = time.GetUtcNow();
        var place = NextPlace(now.ToUnixTimeMilliseconds());
        Span<byte> bytes = stackalloc byte[16];
        Guid.CreateVersion7(now).TryWriteBytes(bytes, bigEndian: true, out _);
        BinaryPrimitives.WriteUInt64BigEndian(bytes, ((ulong)(place >> 12) << 16) | 0x7000 | ((ulong)place & 0xfff));
        return TId.From(new Guid(bytes, bigEndian: true));
    }

    /// <summary>Reads the text form (32 hexadecimal digits, hyphens allowed); false when it is not one.</summary>
    public static bool TryParse<TId>(string? text, out TId id)
        where TId : struct, ITypedId<TId>
    {
        var ok = Guid.TryParse(text, out var guid);
        id = ok ? TId.From(guid) : default;
        return ok;
    }

    /// <summary>The place after another, at a time in milliseconds since 1970.</summary>
    internal static long Next(long last, long milliseconds) => (last >> 12) - milliseconds is >= 0 and < LongestLead ? last + 1 : milliseconds << 12;

    private static long NextPlace(long milliseconds)
    {
        while (true)
        {
            var last = Volatile.Read(ref s_last);
            var next = Next(last, milliseconds);
            if (Interlocked.CompareExchange(ref s_last, next, last) == last)
            {
                return next;
            }
        }
    }
}
