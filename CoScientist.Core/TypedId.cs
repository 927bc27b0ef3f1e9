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
    /// <summary>A new id whose order follows the clock.</summary>
    public static TId New<TId>(TimeProvider time)
        where TId : struct, ITypedId<TId> => TId.From(Guid.CreateVersion7(time.GetUtcNow()));

    /// <summary>Reads the text form (32 hexadecimal digits, hyphens allowed); false when it is not one.</summary>
    public static bool TryParse<TId>(string? text, out TId id)
        where TId : struct, ITypedId<TId>
    {
        var ok = Guid.TryParse(text, out var guid);
        id = ok ? TId.From(guid) : default;
        return ok;
    }
}
