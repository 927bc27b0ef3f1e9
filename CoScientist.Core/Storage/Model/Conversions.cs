using CoScientist.Core.Grading;
using CoScientist.Core.Papers;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Storage.Json;
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

    /// <summary>Lists as JSON, as SQLite has them by itself: the same text in every database, and in the full-text index.</summary>
    public static void StoreListsAsJson(this ModelBuilder builder)
    {
        var texts = new JsonCollectionOfReferencesReaderWriter<List<string>, string>(JsonStringReaderWriter.Instance);
        builder.Entity<Paper>().Property(paper => paper.Authors).HasConversion(
            new ValueConverter<List<string>, string>(list => texts.ToJsonString(list), json => (List<string>)texts.FromJsonString(json, null)),
            new ListOfReferenceTypesComparer<List<string>, string>(new ValueComparer<string>(favorStructuralComparisons: false)));
        var numbers = new JsonCollectionOfStructsReaderWriter<List<int>, int>(JsonInt32ReaderWriter.Instance);
        builder.Entity<Verdict>().Property(verdict => verdict.Violated).HasConversion(
            new ValueConverter<List<int>, string>(list => numbers.ToJsonString(list), json => (List<int>)numbers.FromJsonString(json, null)),
            new ListOfValueTypesComparer<List<int>, int>(new ValueComparer<int>(favorStructuralComparisons: false)));
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
