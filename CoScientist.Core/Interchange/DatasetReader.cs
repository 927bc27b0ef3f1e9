using System.Globalization;
using System.Text;
using System.Text.Json;
using CoScientist.Core.Goals;
using CsvHelper;

namespace CoScientist.Core.Interchange;

/// <summary>
/// Reads research-plan-gen rows from JSONL or CSV, by the file's extension. Column names may differ in case, spaces and
/// underscores. In CSV the rubric is a list in JSON or in Python's notation; a leading apostrophe that guards a cell against
/// being run as a formula (see <see cref="TableFile"/>) is taken off.
/// </summary>
public static class DatasetReader
{
    /// <summary>Characters that a line of JSONL may have; a published row has a few thousand.</summary>
    public const int MostLineCharacters = 4 * 1024 * 1024;

    /// <summary>Bytes that a CSV file may have: unlike JSONL it is held in memory as a whole.</summary>
    public const long MostCsvBytes = 512L * 1024 * 1024;

    /// <summary>Columns that a CSV file may have: every row, however short, is read with all of them.</summary>
    public const int MostColumns = 1000;

    /// <summary>Faulty rows after which a file counts as something else.</summary>
    public const int MostFaults = 1000;

    private static readonly string[] Required = [DatasetColumns.Goal, DatasetColumns.Rubric, DatasetColumns.ArticleId];

    /// <summary>Reads a file.</summary>
    /// <param name="fileName">Name with extension .jsonl, .ndjson, .json (one object a line) or .csv.</param>
    /// <param name="content">The text, in UTF-8 (or with a byte order mark that says otherwise).</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DatasetFormatException">Another extension or encoding, no rows, or columns missing; the message names them.</exception>
    public static (IReadOnlyList<DatasetRow> Rows, IReadOnlyList<RowFault> Faults) Read(string fileName, Stream content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        using var reader = new StreamReader(content, new UTF8Encoding(false, throwOnInvalidBytes: true));
        var faults = new List<RowFault>();
        var records = Path.GetExtension(fileName).ToLowerInvariant() switch
        {
            ".csv" when content.CanSeek && content.Length > MostCsvBytes => throw new DatasetFormatException(fileName, $"it is larger than {MostCsvBytes / (1024 * 1024)} MB. Bring it as .jsonl, which is read line by line."),
            ".csv" => Csv(fileName, reader, faults),
            ".jsonl" or ".ndjson" or ".json" => JsonLines(reader, faults),
            _ => throw new DatasetFormatException(fileName, "a dataset is a .jsonl or .csv file. Rename or convert it."),
        };
        try
        {
            return Rows(fileName, records, faults, cancellationToken);
        }
        catch (DecoderFallbackException fault)
        {
            throw new DatasetFormatException(fileName, "it is not in UTF-8. Convert it, with iconv for one.", fault);
        }
    }

    private static (IReadOnlyList<DatasetRow> Rows, IReadOnlyList<RowFault> Faults) Rows(string fileName, IEnumerable<(int Line, Fields Fields)> records, List<RowFault> faults, CancellationToken cancellationToken)
    {
        var rows = new List<DatasetRow>();
        var known = new Dictionary<string, DatasetRow>(StringComparer.Ordinal);
        var parts = new Dictionary<string, DatasetRow>(StringComparer.Ordinal);
        var seen = false;
        foreach (var (line, fields) in records)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!seen)
            {
                RequireColumns(fileName, fields.Names);
                seen = true;
            }

            if (Row(line, fields, faults) is not { } row)
            {
                // Told below: a file of nothing but faults is no dataset.
            }
            else if (known.TryGetValue(row.Key, out var twin) && (twin.Goal != row.Goal || !twin.Rubric.SequenceEqual(row.Rubric, StringComparer.Ordinal)))
            {
                faults.Add(new RowFault(line, $"line {twin.Line} has the same {DatasetColumns.ArticleId} and {DatasetColumns.QuestionId} with another goal or rubric. Give each goal of an article a {DatasetColumns.QuestionId} of its own."));
            }
            else if (row.Split is not null && parts.TryGetValue(row.ArticleId, out var other) && other.Split != row.Split)
            {
                faults.Add(new RowFault(line, $"its article is in the part '{DatasetColumns.Words(other.Split!.Value)}' on line {other.Line}. Put all goals of an article into one part."));
            }
            else
            {
                known.TryAdd(row.Key, row);
                _ = row.Split is not null && parts.TryAdd(row.ArticleId, row);
                rows.Add(row);
            }

            if (faults.Count > MostFaults)
            {
                throw new DatasetFormatException(fileName, $"more than {MostFaults} rows are faulty; the first is on line {faults[0].Line}: {faults[0].Message} Is it a dataset?");
            }
        }

        return seen || faults.Count > 0 ? (rows, faults.OrderBy(fault => fault.Line).ToList()) : throw new DatasetFormatException(fileName, "it has no rows. A dataset has one goal a line.");
    }

    private static DatasetRow? Row(int line, Fields fields, List<RowFault> faults)
    {
        var rubric = fields.Text(DatasetColumns.Rubric) is { } list ? RubricList.Parse(list) : null;
        var numbers = fields.Text(DatasetColumns.Weights);
        var weights = numbers is null || rubric is null ? null : Weights(numbers, rubric.Count);
        var fault = fields.Text(DatasetColumns.Goal) is null ? "it has no goal. Write one, or take the line out."
            : fields.Text(DatasetColumns.Rubric) is null || rubric is { Count: 0 } ? "it has no rubric. Write one, or take the line out."
            : rubric is null ? "its rubric is no list. Write it as [\"first item\", \"second item\"]."
            : fields.Text(DatasetColumns.ArticleId) is null ? $"it has no {DatasetColumns.ArticleId}. Give the article that the goal was drawn from: the split is drawn by it."
            : numbers is not null && weights is null ? $"its {DatasetColumns.Weights} are no list of {rubric.Count} numbers above 0 and at most {RubricItem.MaxWeight}, one for each rubric item."
            : fields.HasNul || rubric.Any(item => item.Contains('\0', StringComparison.Ordinal)) ? "it has a NUL character. Take it out."
            : null;
        if (fault is not null)
        {
            faults.Add(new RowFault(line, fault));
            return null;
        }

        var row = new DatasetRow(line, fields.Text(DatasetColumns.Goal)!, rubric!, fields.Text(DatasetColumns.ReferenceSolution), fields.Text(DatasetColumns.ArticleId)!, fields.Text(DatasetColumns.QuestionId) ?? "", fields.Text("Subdomain"), fields.Text("Category"))
        {
            Weights = weights,
            Split = fields.Text(DatasetColumns.Split) is { } split && Enum.TryParse<GoalSplit>(split, ignoreCase: true, out var part) && Enum.IsDefined(part) ? part : null,
            RubricVersion = fields.Text(DatasetColumns.RubricVersion) is { } version && int.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : 1,
        };
        return row with { Columns = DatasetColumns.Keep(fields.All, row) };
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

    private static void RequireColumns(string fileName, IReadOnlyCollection<string> columns)
    {
        var missing = Required.Where(name => !columns.Contains(DatasetColumns.Normal(name))).ToList();
        if (missing.Count > 0)
        {
            throw new DatasetFormatException(fileName, $"the columns {string.Join(", ", missing)} are missing. A dataset has Goal, Rubric and article_id, and may have Reference solution, q_id, Identifier, Subdomain, Category and others.");
        }
    }

    private static IEnumerable<(int Line, Fields Fields)> Csv(string fileName, TextReader reader, List<RowFault> faults)
    {
        var text = reader.ReadToEnd();
        var options = new CsvReaderOptions
        {
            Separator = Separator(text),
            TrackLineNumbers = true,
            MalformedData = CsvMalformedDataHandling.Skip,
            OnMalformedRecord = record => faults.Add(new RowFault((int)record.LineNumber, "its quotation marks do not match. Double each mark inside a cell, and close each cell.")),
        };
        using var csv = CsvReader.FromText(text, options);
        var header = csv.Headers.Select(name => name.Trim('\uFEFF')).ToArray();
        if (header.Length > MostColumns)
        {
            throw new DatasetFormatException(fileName, $"its header has {header.Length:N0} columns, more than {MostColumns:N0}. Leave out what is none of the dataset's.");
        }

        if (header.Length == 0)
        {
            throw new DatasetFormatException(fileName, "it is empty. A dataset has a header and one goal a row.");
        }

        var names = header.Select(DatasetColumns.Normal).ToList();
        RequireColumns(fileName, names);
        if (names.Distinct(StringComparer.Ordinal).Count() < names.Count)
        {
            throw new DatasetFormatException(fileName, $"it has two columns named {header[names.FindIndex(name => names.Count(other => other == name) > 1)]}. Rename one.");
        }

        while (csv.Read())
        {
            if (csv.FieldCount > header.Length)
            {
                faults.Add(new RowFault((int)csv.LineNumber, $"it has {csv.FieldCount} cells, the header {header.Length}. Quote cells that have commas."));
                continue;
            }

            // A short row lacks values, not columns.
            yield return ((int)csv.LineNumber, new Fields(header.Select((name, i) => KeyValuePair.Create(name, Cell(name, i < csv.FieldCount ? csv.GetString(i) : "")))));
        }
    }

    // Lists have no type of their own in CSV; an empty cell is no value; every other cell is text.
    private static JsonElement Cell(string column, string guarded)
    {
        if (guarded.Length == 0)
        {
            return JsonSerializer.SerializeToElement<string?>(null);
        }

        var cell = TableFile.WithoutGuard(guarded);
        if (DatasetColumns.Normal(column) != "rubric" || RubricList.Parse(cell) is not { } items)
        {
            return JsonSerializer.SerializeToElement(cell);
        }

        try
        {
            using var document = JsonText.Parse(cell);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            // Python's notation.
            return JsonSerializer.SerializeToElement(items);
        }
    }

    // Told from the header alone: goals and rubrics are full of commas and semicolons of their own.
    private static char Separator(string text)
    {
        var header = text.AsSpan(0, text.AsSpan().IndexOfAny('\r', '\n') is var end && end >= 0 ? end : text.Length);
        var commas = header.Count(',');
        return header.Count('\t') > commas ? '\t' : header.Count(';') > commas ? ';' : ',';
    }

    private static IEnumerable<(int Line, Fields Fields)> JsonLines(TextReader reader, List<RowFault> faults)
    {
        foreach (var (number, line) in BoundedLines.Read(reader, MostLineCharacters))
        {
            if (line is null)
            {
                faults.Add(new RowFault(number, $"it is longer than {MostLineCharacters:N0} characters. Write one object a line."));
                continue;
            }

            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            var (fields, fault) = Parse(line);
            if (fields is null)
            {
                faults.Add(new RowFault(number, fault!));
                continue;
            }

            yield return (number, fields);
        }
    }

    private static (Fields? Fields, string? Fault) Parse(string line)
    {
        try
        {
            using var document = JsonText.Parse(line);
            return document.RootElement.ValueKind != JsonValueKind.Object ? (null, "it is no JSON object. Write one object a line.")
                : (new Fields(document.RootElement.Clone().EnumerateObject().Select(property => KeyValuePair.Create(property.Name, property.Value))), null);
        }
        catch (JsonException fault)
        {
            return (null, $"it is no JSON object ({JsonText.Reason(fault)}). Write one object a line.");
        }
        catch (ArgumentException)
        {
            return (null, "it names a column twice. Take one out.");
        }
    }

    /// <summary>The columns of one row, by normal name and as they came.</summary>
    private sealed class Fields
    {
        private readonly Dictionary<string, string> texts = new(StringComparer.Ordinal);

        /// <exception cref="ArgumentException">Two columns of one name.</exception>
        public Fields(IEnumerable<KeyValuePair<string, JsonElement>> fields)
        {
            All = [.. fields];
            foreach (var (name, value) in All)
            {
                texts.Add(DatasetColumns.Normal(name), value.ValueKind switch
                {
                    JsonValueKind.String => value.GetString()!,
                    JsonValueKind.Null => "",
                    _ => value.GetRawText(),
                });
            }
        }

        public IReadOnlyList<KeyValuePair<string, JsonElement>> All { get; }

        public IReadOnlyCollection<string> Names => texts.Keys;

        public bool HasNul => texts.Values.Any(text => text.Contains('\0', StringComparison.Ordinal));

        /// <summary>The value without blanks around it; null when it is missing or empty.</summary>
        public string? Text(string name) => texts.GetValueOrDefault(DatasetColumns.Normal(name))?.Trim() is { Length: > 0 } value ? value : null;
    }
}
