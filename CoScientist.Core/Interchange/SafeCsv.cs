using CsvHelper;

namespace CoScientist.Core.Interchange;

/// <summary>CSV that a spreadsheet opens without running anything: text that it would take for a formula gets a leading apostrophe.</summary>
public static class SafeCsv
{
    /// <summary>
    /// How every CSV file of the application is written: quoting of RFC 4180, line feeds, numbers and times in the invariant culture.
    /// Only text is escaped (OWASP, CSV injection): a negative number stays a number.
    /// </summary>
    public static CsvWriterOptions Options { get; } = CsvWriterOptions.Default with { NewLine = "\n", Injection = CsvInjection.Escape };

    /// <summary>Writes a table; the writer stays open.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="header">Column names.</param>
    /// <param name="rows">One cell per column; null is an empty cell.</param>
    public static void Write(TextWriter writer, IReadOnlyList<string> header, IEnumerable<IReadOnlyList<object?>> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        using var csv = CsvWriter.Create(writer, Options, leaveOpen: true);
        foreach (var row in rows.Prepend(header))
        {
            foreach (var cell in row)
            {
                csv.WriteField(cell is DateTimeOffset time ? time.UtcDateTime : cell);
            }

            csv.EndRecord();
        }
    }
}
