using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace CoScientist.Core.Storage.Model;

/// <summary>How the domain's value types look in the database, the same for every property and every provider.</summary>
internal static class Conversions
{
    /// <summary>Typed ids as UUIDs, enums by name, times as UTC ticks.</summary>
    public static void AddDomainConversions(this ModelConfigurationBuilder conventions)
    {
        foreach (var id in typeof(TypedId).Assembly.GetTypes().Where(IsTypedId))
        {
            conventions.Properties(id).HaveConversion(typeof(TypedIdConverter<>).MakeGenericType(id));
        }

        conventions.Properties<Enum>().HaveConversion<string>();
        conventions.Properties<DateTimeOffset>().HaveConversion<UtcTicksConverter>();
    }

    private static bool IsTypedId(Type type) =>
        type.IsValueType && type.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(ITypedId<>));

    private sealed class TypedIdConverter<TId>() : ValueConverter<TId, Guid>(id => id.Value, value => Make(value))
        where TId : struct, ITypedId<TId>
    {
        // An expression tree cannot call a static abstract member itself.
        private static TId Make(Guid value) => TId.From(value);
    }

    /// <summary>A number sorts and compares in every database; SQLite has no time type of its own.</summary>
    private sealed class UtcTicksConverter() : ValueConverter<DateTimeOffset, long>(
        time => time.UtcTicks,
        ticks => new DateTimeOffset(ticks, TimeSpan.Zero));
}
