using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsvHelper;

namespace CoScientist.Core.Interchange;

/// <summary>Rows that <see cref="TableFile"/> wrote, as JSON objects, whichever of its two formats they are in.</summary>
internal static class TableRows
{
    private const int MostCharacters = 1_000_000;

    /// <summary>Reads the rows with their line numbers; a row that is no object is null.</summary>
    /// <param name="fileName">The file's name: .csv is CSV, all else JSON lines.</param>
    /// <param name="content">The file.</param>
    /// <param name="typed">Columns that are numbers, truth values or JSON; every other one is text. An empty cell has no value.</param>
    public static IEnumerable<(int Line, JsonElement? Row)> Read(string fileName, Stream content, IReadOnlySet<string> typed)
    {
        using var reader = new StreamReader(content, Encoding.UTF8);
        var rows = Path.GetExtension(fileName).Equals(".csv", StringComparison.OrdinalIgnoreCase) ? Csv(fileName, reader.ReadToEnd(), typed) : JsonLines(reader);
        foreach (var row in rows)
        {
            yield return row;
        }
    }

    private static IEnumerable<(int Line, JsonElement? Row)> JsonLines(TextReader reader)
    {
        foreach (var (number, line) in BoundedLines.Read(reader, MostCharacters))
        {
            if (line is null || !string.IsNullOrWhiteSpace(line))
            {
                yield return (number, line is null ? null : Parsed(line));
            }
        }
    }

    private static IEnumerable<(int Line, JsonElement? Row)> Csv(string fileName, string text, IReadOnlySet<string> typed)
    {
        var faulty = new List<int>();
        var options = new CsvReaderOptions { TrackLineNumbers = true, MalformedData = CsvMalformedDataHandling.Skip, OnMalformedRecord = record => faulty.Add((int)record.LineNumber) };
        using var csv = CsvReader.FromText(text, options);
        var header = csv.Headers.Select(name => name.Trim('\uFEFF')).ToArray();
        if (header.Length > DatasetReader.MostColumns)
        {
            throw new DatasetFormatException(fileName, $"its header has {header.Length:N0} columns, more than {DatasetReader.MostColumns:N0}. Give a file that an export wrote.");
        }

        while (csv.Read())
        {
            var row = new JsonObject();
            for (var i = 0; i < header.Length; i++)
            {
                var cell = i < csv.FieldCount ? csv.GetString(i) : "";
                row[header[i]] = cell.Length == 0 ? null : typed.Contains(header[i]) ? Typed(cell) : JsonValue.Create(TableFile.WithoutGuard(cell));
            }

            yield return ((int)csv.LineNumber, JsonSerializer.SerializeToElement(row));
        }

        foreach (var line in faulty)
        {
            yield return (line, null);
        }
    }

    // What is none of its type is left as text, and refused by who wants the type.
    private static JsonNode? Typed(string cell)
    {
        try
        {
            return JsonText.ParseNode(double.TryParse(cell, CultureInfo.InvariantCulture, out _) ? cell : cell.ToLowerInvariant() is "true" or "false" ? cell.ToLowerInvariant() : cell);
        }
        catch (JsonException)
        {
            return JsonValue.Create(cell);
        }
    }

    private static JsonElement? Parsed(string line)
    {
        try
        {
            using var document = JsonText.Parse(line);
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
