using System.Text;
using System.Text.Json;

namespace CoScientist.Core.Runs;

/// <summary>The metrics of a run, read from its folder: the first <see cref="Refresh"/> reads all, later ones only what was added. Pages may share one: what they read is never changed under them.</summary>
/// <param name="folder">The run's folder.</param>
public sealed class RunHistory(RunFolder folder)
{
    private const int TailBytes = 1 << 14;

    private readonly Lock gate = new();
    private readonly GrowingFile file = new(folder.File(RunFolder.MetricsFile));
    private readonly SortedDictionary<int, RunMetrics> bySteps = [];

    /// <summary>One entry per step, ascending; a step that was done again after a crash counts once, with its last values.</summary>
    public IReadOnlyList<RunMetrics> Steps { get; private set; } = [];

    /// <summary>Reads what was added. A file that was replaced (a resumed run drops what it does again) is read anew.</summary>
    /// <returns>Whether anything changed.</returns>
    public bool Refresh()
    {
        lock (gate)
        {
            if (!file.Read(bySteps.Clear, (_, line) => Add(line)))
            {
                return false;
            }

            Steps = [.. bySteps.Values];
            return true;
        }
    }

    /// <summary>The points of one metric, where it has a finite value.</summary>
    /// <param name="metric">Name as in <c>metrics.jsonl</c>.</param>
    public IReadOnlyList<(int Step, double Value)> Series(string metric) =>
        [.. from step in Steps where step.Values.TryGetValue(metric, out var value) && double.IsFinite(value) select (step.Step, step.Values[metric])];

    /// <summary>The newest value of each metric in the last lines of the file, under the last step; null when there is none. Costs the same however long the run is.</summary>
    /// <param name="folder">The run's folder.</param>
    public static RunMetrics? ReadNewest(RunFolder folder)
    {
        var path = folder.File(RunFolder.MetricsFile);
        if (!File.Exists(path))
        {
            return null;
        }

        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        stream.Position = Math.Max(0, stream.Length - TailBytes);
        var tail = new byte[TailBytes];
        var lines = tail.AsSpan(0, stream.ReadAtLeast(tail, tail.Length, throwOnEndOfStream: false));
        RunMetrics? newest = null;
        foreach (var range in lines.Split((byte)'\n'))
        {
            // The first may be the end of a line, the last still being written: neither is JSON.
            if (Parse(lines[range]) is { } metrics)
            {
                newest = newest is null ? metrics : Join(newest, metrics);
            }
        }

        return newest;
    }

    /// <summary>One line of the file: a flat object with "step" and numbers; null when it is not one.</summary>
    public static RunMetrics? Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            var values = new Dictionary<string, double>(StringComparer.Ordinal);
            var reader = new Utf8JsonReader(line);
            int? step = null;
            string? name = null;
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.PropertyName)
                {
                    name = reader.GetString();
                }
                else if (reader.TokenType == JsonTokenType.Number && reader.CurrentDepth == 1)
                {
                    if (name == "step")
                    {
                        step = reader.GetInt32();
                    }
                    else
                    {
                        values[name!] = reader.GetDouble();
                    }
                }
            }

            return step is { } known ? new RunMetrics(known, values) : null;
        }
        catch (Exception fault) when (fault is JsonException or FormatException)
        {
            return null;
        }
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

    private void Add(ReadOnlySpan<byte> line)
    {
        if (Parse(line) is { } metrics)
        {
            // An evaluation may add its own line for a step: later values join the earlier ones.
            bySteps[metrics.Step] = bySteps.TryGetValue(metrics.Step, out var known) ? Join(known, metrics) : metrics;
        }
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
}
