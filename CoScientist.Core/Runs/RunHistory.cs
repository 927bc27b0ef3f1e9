using System.Text;
using System.Text.Json;

namespace CoScientist.Core.Runs;

/// <summary>
/// The metrics of a run, read from its folder: the first <see cref="Refresh"/> reads all, later ones only what was added. They are kept as a
/// column a metric, 16 bytes a point. Pages may share one: what they read is never changed under them.
/// </summary>
/// <param name="folder">The run's folder.</param>
public sealed class RunHistory(RunFolder folder)
{
    private const int TailBytes = 1 << 14;

    private readonly Lock gate = new();
    private readonly GrowingFile file = new(folder.File(RunFolder.MetricsFile));
    private readonly HashSet<string> knownNames = new(StringComparer.Ordinal);
    private readonly Dictionary<string, MetricColumn> columns = new(StringComparer.Ordinal);
    private readonly List<(string Name, double Value)> parsed = [];

    /// <summary>Every step that there is a line of; its values are of no meaning.</summary>
    private MetricColumn seen = new();
    private IReadOnlyList<RunMetrics>? steps;

    /// <summary>Grows whenever <see cref="Refresh"/> finds something new.</summary>
    public int Version { get; private set; }

    /// <summary>One entry per step, ascending; a step that was done again after a crash counts once, with its last values. Put together when asked for: <see cref="Series"/> costs nothing.</summary>
    public IReadOnlyList<RunMetrics> Steps
    {
        get
        {
            lock (gate)
            {
                return steps ??= Join();
            }
        }
    }

    /// <summary>Reads what was added. A file that was replaced (a resumed run drops what it does again) is read anew.</summary>
    /// <returns>Whether anything changed.</returns>
    public bool Refresh()
    {
        lock (gate)
        {
            if (!file.Read(Clear, (_, added) => Add(added)))
            {
                return false;
            }

            steps = null;
            Version++;
            return true;
        }
    }

    /// <summary>The points of one metric, where it has a finite value.</summary>
    /// <param name="metric">Name as in <c>metrics.jsonl</c>.</param>
    public IReadOnlyList<(int Step, double Value)> Series(string metric)
    {
        lock (gate)
        {
            return columns.TryGetValue(metric, out var column) ? column.Finite() : [];
        }
    }

    /// <summary>The newest value of each metric in the last lines of the file, under the last step; null when there is none. Costs the same however long the run is.</summary>
    /// <param name="folder">The run's folder.</param>
    public static RunMetrics? ReadNewest(RunFolder folder)
    {
        var last = ReadLast(folder);
        return last.Count == 0 ? null : last.Aggregate(Join);
    }

    /// <summary>The last lines of the file, oldest first: some dozens. Costs the same however long the run is.</summary>
    /// <param name="folder">The run's folder.</param>
    public static IReadOnlyList<RunMetrics> ReadLast(RunFolder folder)
    {
        var path = folder.File(RunFolder.MetricsFile);
        if (!File.Exists(path))
        {
            return [];
        }

        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        stream.Position = Math.Max(0, stream.Length - TailBytes);
        var tail = new byte[TailBytes];
        var lines = tail.AsSpan(0, stream.ReadAtLeast(tail, tail.Length, throwOnEndOfStream: false));
        var last = new List<RunMetrics>();
        foreach (var range in lines.Split((byte)'\n'))
        {
            // The first may be the end of a line, the last still being written: neither is JSON.
            if (Parse(lines[range]) is { } metrics)
            {
                last.Add(metrics);
            }
        }

        return last;
    }

    /// <summary>One line of the file: a flat object with "step" and numbers; null when it is not one.</summary>
    public static RunMetrics? Parse(ReadOnlySpan<byte> line)
    {
        var values = new List<(string Name, double Value)>();
        if (Parse(line, values, new HashSet<string>(StringComparer.Ordinal)) is not { } step)
        {
            return null;
        }

        var last = new Dictionary<string, double>(values.Count, StringComparer.Ordinal);
        foreach (var (name, value) in values)
        {
            last[name] = value;
        }

        return new RunMetrics(step, last);
    }

    /// <summary>The line for one step, without line end.</summary>
    public static string Format(RunMetrics metrics)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = RunFolder.LineOptions.Encoder }))
        {
            writer.WriteStartObject();
            writer.WriteNumber("step", metrics.Step);
            foreach (var (name, value) in metrics.Values)
            {
                // JSON has no NaN: what is not a number is left out.
                if (double.IsFinite(value))
                {
                    writer.WriteNumber(name, value);
                }
            }

            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    /// <summary>Step and values of a line; null, and values that are worth nothing, when it is none.</summary>
    /// <param name="line">The line.</param>
    /// <param name="values">Takes the values.</param>
    /// <param name="names">Names met so far: a long file has a few of them a hundred thousand times.</param>
    private static int? Parse(ReadOnlySpan<byte> line, List<(string Name, double Value)> values, HashSet<string> names)
    {
        values.Clear();
        try
        {
            JsonText.Check(line);
            var reader = new Utf8JsonReader(line);
            int? step = null;
            string? name = null;
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.PropertyName)
                {
                    name = NameOf(ref reader, names);
                }
                else if (reader.TokenType == JsonTokenType.Number && reader.CurrentDepth == 1)
                {
                    if (name == "step")
                    {
                        step = reader.GetInt32();
                    }
                    else
                    {
                        values.Add((name!, reader.GetDouble()));
                    }
                }
            }

            return step;
        }
        catch (Exception fault) when (fault is JsonException or FormatException)
        {
            return null;
        }
    }

    private static string NameOf(ref Utf8JsonReader reader, HashSet<string> names)
    {
        Span<char> text = stackalloc char[128];
        if (reader.ValueSpan.Length > text.Length)
        {
            return reader.GetString()!;
        }

        text = text[..reader.CopyString(text)];
        var known = names.GetAlternateLookup<ReadOnlySpan<char>>();
        if (!known.TryGetValue(text, out var name))
        {
            names.Add(name = text.ToString());
        }

        return name;
    }

    private static RunMetrics Join(RunMetrics known, RunMetrics later)
    {
        var joined = new Dictionary<string, double>(known.Values, StringComparer.Ordinal);
        foreach (var (name, value) in later.Values)
        {
            joined[name] = value;
        }

        return later with { Values = joined };
    }

    private void Clear()
    {
        columns.Clear();
        seen = new MetricColumn();
    }

    /// <summary>An evaluation may add its own line for a step: later values join the earlier ones.</summary>
    private void Add(ReadOnlySpan<byte> added)
    {
        if (Parse(added, parsed, knownNames) is not { } step)
        {
            return;
        }

        seen.Set(step, 0);
        foreach (var (name, value) in parsed)
        {
            if (!columns.TryGetValue(name, out var column))
            {
                columns[name] = column = new MetricColumn();
            }

            column.Set(step, value);
        }
    }

    private List<RunMetrics> Join()
    {
        var joined = seen.All.Select(at => new RunMetrics(at.Step, new Dictionary<string, double>(StringComparer.Ordinal))).ToList();
        var byStep = joined.ToDictionary(metrics => metrics.Step, metrics => (Dictionary<string, double>)metrics.Values);
        foreach (var (name, column) in columns)
        {
            foreach (var (step, value) in column.All)
            {
                byStep[step][name] = value;
            }
        }

        return joined;
    }
}
