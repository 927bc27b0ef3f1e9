using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Core.Storage;
using CsvHelper;

namespace CoScientist.Core.Interchange;

/// <summary>
/// Writes rows as JSONL or CSV, by the file's extension; the file appears whole or not at all. In CSV a cell that a spreadsheet
/// would run as a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe before it; our imports take
/// it off again, so that a round trip gives the same text. An apostrophe alone is an empty text of a dataset's row, an empty cell
/// no value at all. JSONL needs no guard and has none.
/// </summary>
public static class TableFile
{
    private const string EmptyText = "'";

    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Stands for the value of a column that a row does not have: left out in JSONL, empty in CSV.</summary>
    public static object Absent { get; } = new();

    /// <summary>Writes the rows.</summary>
    /// <param name="path">File with extension .jsonl or .csv.</param>
    /// <param name="columns">Column names, in order.</param>
    /// <param name="rows">One value per column; lists become JSON in CSV cells.</param>
    /// <exception cref="ArgumentException">Another extension.</exception>
    public static void Write(string path, IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<object?>> rows)
    {
        ArgumentNullException.ThrowIfNull(columns);
        ArgumentNullException.ThrowIfNull(rows);
        Action<Stream> write = Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".csv" => stream => WriteCsv(stream, columns, rows),
            ".jsonl" => stream => WriteJsonLines(stream, columns, rows),
            _ => throw new ArgumentException($"{path}: exports are .jsonl or .csv files. Give the file one of these extensions.", nameof(path)),
        };
        AtomicFile.Write(path, write);
    }

    /// <summary>The cell with its guard, where it needs one.</summary>
    public static string WithGuard(string cell) => NeedsGuard(cell) ? "'" + cell : cell;

    /// <summary>The cell without its guard.</summary>
    public static string WithoutGuard(string cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return cell == EmptyText || (cell.StartsWith('\'') && NeedsGuard(cell[1..])) ? cell[1..] : cell;
    }

    // A guarded cell that is guarded again loses both, one per reading: text that begins with an apostrophe and a sign is guarded too.
    private static bool NeedsGuard(string cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        var text = cell.AsSpan().TrimStart('\'');
        return text.Length == 0 ? cell.Length > 0 : text[0] is '=' or '+' or '-' or '@' or '\t' or '\r';
    }

    private static void WriteCsv(Stream stream, IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<object?>> rows)
    {
        using var csv = CsvWriter.Create(stream, CsvWriterOptions.Default, leaveOpen: true);
        foreach (var column in columns)
        {
            csv.WriteField(column);
        }

        csv.EndRecord();
        foreach (var row in rows)
        {
            foreach (var value in row)
            {
                csv.WriteField(Cell(value));
            }

            csv.EndRecord();
        }
    }

    private static string Cell(object? value) => value switch
    {
        null => "",
        _ when ReferenceEquals(value, Absent) => "",
        JsonValue node when node.TryGetValue<string>(out var text) => text.Length == 0 ? EmptyText : WithGuard(text),
        JsonNode node => node.ToJsonString(Json),
        string text => WithGuard(text),
        bool flag => flag ? "true" : "false",
        DateTimeOffset moment => moment.UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => JsonSerializer.Serialize(value, Json),
    };

    private static void WriteJsonLines(Stream stream, IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<object?>> rows)
    {
        using var writer = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
        foreach (var row in rows)
        {
            writer.WriteLine(JsonSerializer.Serialize(columns.Zip(row).Where(pair => !ReferenceEquals(pair.Second, Absent)).ToDictionary(pair => pair.First, pair => pair.Second, StringComparer.Ordinal), Json));
        }
    }
}
