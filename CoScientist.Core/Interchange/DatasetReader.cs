using System.Text;
using System.Text.Json;
using CoScientist.Core.Goals;
using CsvHelper;

namespace CoScientist.Core.Interchange;

/// <summary>A row of a research-plan-gen dataset (arXiv 2512.23707).</summary>
/// <param name="Line">Line in the file, from 1.</param>
/// <param name="Goal">The goal's text.</param>
/// <param name="Rubric">The items.</param>
/// <param name="ReferenceSolution">One possible approach; null when the row has none.</param>
/// <param name="ArticleId">The article the goal was drawn from: the split is drawn by it.</param>
/// <param name="QuestionId">Number of the goal within its article; empty when the file has no such column.</param>
/// <param name="Subdomain">Finer field; null when absent.</param>
/// <param name="Category">Field; null when absent.</param>
public sealed record DatasetRow(int Line, string Goal, IReadOnlyList<string> Rubric, string? ReferenceSolution, string ArticleId, string QuestionId, string? Subdomain, string? Category)
{
    /// <summary>Weights of the items, in the rubric's order; null when the file has none, and all weigh 1.</summary>
    public IReadOnlyList<double>? Weights { get; init; }
}

/// <summary>A row that was left out.</summary>
/// <param name="Line">Line in the file, from 1.</param>
/// <param name="Message">What is wrong with it.</param>
public sealed record RowFault(int Line, string Message);

/// <summary>A file that is no dataset at all: nothing of it is taken.</summary>
/// <param name="fileName">The file.</param>
/// <param name="message">What is missing and what to do.</param>
/// <param name="inner">The cause.</param>
public sealed class DatasetFormatException(string fileName, string message, Exception? inner = null) : Exception($"{fileName}: {message}", inner);

/// <summary>
/// Reads research-plan-gen rows from JSONL or CSV, by the file's extension. Column names may differ in case, spaces and
/// underscores. In CSV the rubric is a list in JSON or in Python's notation; a leading apostrophe that guards a cell against
/// being run as a formula (see <see cref="TableFile"/>) is taken off.
/// </summary>
public static class DatasetReader
{
    /// <summary>Our own further column: weights of the rubric's items, as a list of numbers; may be empty or missing.</summary>
    public const string WeightsColumn = "rubric_weights";

    private static readonly string[] Required = ["Goal", "Rubric", "article_id"];

    /// <summary>Reads a file.</summary>
    /// <param name="fileName">Name with extension .jsonl, .json (one object a line) or .csv.</param>
    /// <param name="content">The text, in UTF-8.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DatasetFormatException">Another extension, no rows, or columns missing; the message names them.</exception>
    public static (IReadOnlyList<DatasetRow> Rows, IReadOnlyList<RowFault> Faults) Read(string fileName, Stream content, CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(content, Encoding.UTF8);
        var faults = new List<RowFault>();
        var records = Path.GetExtension(fileName).ToLowerInvariant() switch
        {
            ".csv" => Csv(fileName, reader, faults),
            ".jsonl" or ".ndjson" or ".json" => JsonLines(reader, faults),
            _ => throw new DatasetFormatException(fileName, "a dataset is a .jsonl or .csv file. Rename or convert it."),
        };
        var rows = new List<DatasetRow>();
        var seen = false;
        foreach (var (line, fields) in records)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!seen)
            {
                RequireColumns(fileName, fields.Keys);
                seen = true;
            }

            if (Row(line, fields, faults) is { } row)
            {
                rows.Add(row);
            }
        }

        return seen || faults.Count > 0 ? (rows, faults.OrderBy(fault => fault.Line).ToList()) : throw new DatasetFormatException(fileName, "it has no rows.");
    }

    private static DatasetRow? Row(int line, Dictionary<string, string> fields, List<RowFault> faults)
    {
        string? Field(string name) => fields.GetValueOrDefault(Normal(name))?.Trim() is { Length: > 0 } value ? value : null;
        var rubric = Field("Rubric") is { } list ? RubricList.Parse(list) : null;
        var numbers = Field(WeightsColumn);
        var weights = numbers is null || rubric is null ? null : Weights(numbers, rubric.Count);
        var fault = Field("Goal") is null ? "it has no goal."
            : Field("Rubric") is null || rubric is { Count: 0 } ? "it has no rubric."
            : rubric is null ? "its rubric is no list such as [\"first item\", \"second item\"]."
            : Field("article_id") is null ? "it has no article_id."
            : numbers is not null && weights is null ? $"its {WeightsColumn} are no list of {rubric.Count} numbers above 0 and at most {RubricItem.MaxWeight}, one for each rubric item."
            : null;
        if (fault is not null)
        {
            faults.Add(new RowFault(line, fault));
            return null;
        }

        return new DatasetRow(line, Field("Goal")!, rubric!, Field("Reference solution"), Field("article_id")!, Field("q_id") ?? "", Field("Subdomain"), Field("Category"))
        {
            Weights = weights,
        };
    }

    private static double[]? Weights(string list, int count)
    {
        try
        {
            var weights = JsonSerializer.Deserialize<double[]>(list);
            return weights?.Length == count && weights.All(weight => weight is > 0 and <= RubricItem.MaxWeight) ? weights : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static void RequireColumns(string fileName, ICollection<string> columns)
    {
        var missing = Required.Where(name => !columns.Contains(Normal(name))).ToList();
        if (missing.Count > 0)
        {
            throw new DatasetFormatException(fileName, $"the columns {string.Join(", ", missing)} are missing. A dataset has Goal, Rubric and article_id, and may have Reference solution, q_id, Subdomain and Category.");
        }
    }

    private static IEnumerable<(int Line, Dictionary<string, string> Fields)> Csv(string fileName, TextReader reader, List<RowFault> faults)
    {
        var text = reader.ReadToEnd();
        var options = new CsvReaderOptions
        {
            Separator = Separator(text),
            TrackLineNumbers = true,
            MalformedData = CsvMalformedDataHandling.Skip,
            OnMalformedRecord = record => faults.Add(new RowFault((int)record.LineNumber, "its quotation marks do not match.")),
        };
        using var csv = CsvReader.FromText(text, options);
        var header = csv.Headers.Select(Normal).ToArray();
        if (header.Length == 0)
        {
            throw new DatasetFormatException(fileName, "it is empty.");
        }

        RequireColumns(fileName, header);
        while (csv.Read())
        {
            var fields = new Dictionary<string, string>(StringComparer.Ordinal);
            for (var i = 0; i < Math.Min(header.Length, csv.FieldCount); i++)
            {
                fields[header[i]] = TableFile.WithoutGuard(csv.GetString(i));
            }

            // A short row lacks values, not columns.
            foreach (var name in header)
            {
                fields.TryAdd(name, "");
            }

            yield return ((int)csv.LineNumber, fields);
        }
    }

    // Told from the header alone: goals and rubrics are full of commas and semicolons of their own.
    private static char Separator(string text)
    {
        var header = text.AsSpan(0, text.AsSpan().IndexOfAny('\r', '\n') is var end && end >= 0 ? end : text.Length);
        var commas = header.Count(',');
        return header.Count('\t') > commas ? '\t' : header.Count(';') > commas ? ';' : ',';
    }

    private static IEnumerable<(int Line, Dictionary<string, string> Fields)> JsonLines(TextReader reader, List<RowFault> faults)
    {
        var number = 0;
        while (reader.ReadLine() is { } line)
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            Dictionary<string, string>? fields = null;
            try
            {
                using var document = JsonDocument.Parse(line);
                fields = document.RootElement.ValueKind == JsonValueKind.Object ? [] : null;
                foreach (var property in fields is null ? [] : document.RootElement.EnumerateObject().AsEnumerable())
                {
                    fields![Normal(property.Name)] = property.Value.ValueKind switch
                    {
                        JsonValueKind.String => property.Value.GetString()!,
                        JsonValueKind.Null => "",
                        _ => property.Value.GetRawText(),
                    };
                }
            }
            catch (JsonException)
            {
                fields = null;
            }

            if (fields is null)
            {
                faults.Add(new RowFault(number, "it is no JSON object."));
                continue;
            }

            yield return (number, fields);
        }
    }

    private static string Normal(string column) => column.Replace(" ", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal).Trim('\uFEFF').ToLowerInvariant();
}
