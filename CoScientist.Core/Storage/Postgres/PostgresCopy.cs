using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace CoScientist.Core.Storage.Postgres;

/// <summary>Rows for PostgreSQL's COPY, stored as EF stores them.</summary>
internal static class PostgresCopy
{
    /// <summary>Writes the next value of the row.</summary>
    /// <param name="writer">The COPY in its binary format, with a row begun.</param>
    /// <param name="value">The value as the program sees it; null is stored as such.</param>
    /// <param name="mapping">How the column stores it.</param>
    /// <param name="cancellationToken">Cancels; the caller rolls back.</param>
    public static Task WriteAsync(this NpgsqlBinaryImporter writer, object? value, RelationalTypeMapping mapping, CancellationToken cancellationToken) =>
        (value is null || mapping.Converter is not { } converter ? value : converter.ConvertToProvider(value)) switch
        {
            null => writer.WriteNullAsync(cancellationToken),
            string text => writer.WriteAsync(PostgresText.Clean(text), mapping.StoreTypeNameBase, cancellationToken),
            var stored => writer.WriteAsync(stored, mapping.StoreTypeNameBase, cancellationToken),
        };
}
