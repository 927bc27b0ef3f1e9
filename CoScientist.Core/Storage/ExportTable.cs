using CoScientist.Core.Interchange;

namespace CoScientist.Core.Storage;

/// <summary>Rows ready to be written by <see cref="TableFile"/>.</summary>
/// <param name="Columns">Column names.</param>
/// <param name="Rows">One value per column; <see cref="TableFile.Absent"/> where a row has no such column.</param>
public sealed record ExportTable(IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<object?>> Rows)
{
    /// <summary>A table of rows that need not have the same columns: every column that one has, in the order of the rows.</summary>
    /// <param name="rows">Names with values.</param>
    /// <param name="none">The columns of a table without rows.</param>
    public static ExportTable Of(IReadOnlyList<IReadOnlyList<KeyValuePair<string, object?>>> rows, IReadOnlyList<string> none)
    {
        ArgumentNullException.ThrowIfNull(rows);
        List<string> columns = [.. rows.SelectMany(row => row).Select(field => field.Key).Distinct(StringComparer.Ordinal)];
        var places = columns.Select((name, place) => KeyValuePair.Create(name, place)).ToDictionary(StringComparer.Ordinal);
        return rows.Count == 0 ? new ExportTable(none, []) : new ExportTable(columns, [.. rows.Select(Spread)]);

        IReadOnlyList<object?> Spread(IReadOnlyList<KeyValuePair<string, object?>> row)
        {
            var values = new object?[columns.Count];
            Array.Fill(values, TableFile.Absent);
            foreach (var (name, value) in row)
            {
                values[places[name]] = value;
            }

            return values;
        }
    }

    /// <summary>The table with columns of one meaning put together, under the first one's name: a table with one header, as CSV is, cannot have both.</summary>
    /// <param name="normal">Gives columns of one meaning the same name.</param>
    public ExportTable Merged(Func<string, string> normal)
    {
        ArgumentNullException.ThrowIfNull(normal);
        var places = Columns.Select((name, place) => (Name: normal(name), Place: place)).GroupBy(column => column.Name, column => column.Place, StringComparer.Ordinal).Select(group => group.ToArray()).ToArray();
        return new ExportTable(
            [.. places.Select(group => Columns[group[0]])],
            [.. Rows.Select(row => (IReadOnlyList<object?>)[.. places.Select(group => group.Select(place => row[place]).FirstOrDefault(value => !ReferenceEquals(value, TableFile.Absent), TableFile.Absent))])]);
    }
}
