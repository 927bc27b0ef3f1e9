using System.Text;
using System.Text.Json;

namespace CoScientist.Core.Runs;

/// <summary>The metrics of a run, read from its folder: the first <see cref="Refresh"/> reads all, later ones only what was added. For one reader at a time.</summary>
/// <param name="folder">The run's folder.</param>
public sealed class RunHistory(RunFolder folder)
{
    private readonly SortedDictionary<int, RunMetrics> bySteps = [];
    private long offset;

    /// <summary>One entry per step, ascending; a step that was done again after a crash counts once, with its last values.</summary>
    public IReadOnlyList<RunMetrics> Steps { get; private set; } = [];

    /// <summary>Reads what was added. A file that became shorter (a resumed run drops what it does again) is read anew.</summary>
    /// <returns>Whether anything changed.</returns>
    public bool Refresh()
    {
        var file = folder.File(RunFolder.MetricsFile);
        if (!File.Exists(file))
        {
            return false;
        }

        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var changed = false;
        if (stream.Length < offset)
        {
            bySteps.Clear();
            offset = 0;
            changed = true;
        }

        stream.Position = offset;
        var bytes = new byte[stream.Length - offset];
        stream.ReadExactly(bytes);
        var start = 0;
        for (var end = Array.IndexOf(bytes, (byte)'\n'); end >= 0; end = Array.IndexOf(bytes, (byte)'\n', start))
        {
            changed |= Add(bytes.AsSpan(start, end - start));
            start = end + 1;
        }

        // What follows the last line end is still being written.
        offset += start;
        if (changed)
        {
            Steps = [.. bySteps.Values];
        }

        return changed;
    }

    /// <summary>The points of one metric, where it has a finite value.</summary>
    /// <param name="metric">Name as in <c>metrics.jsonl</c>.</param>
    public IReadOnlyList<(int Step, double Value)> Series(string metric) =>
        [.. from step in Steps where step.Values.TryGetValue(metric, out var value) && double.IsFinite(value) select (step.Step, step.Values[metric])];

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

    private bool Add(ReadOnlySpan<byte> line)
    {
        if (Parse(line) is not { } metrics)
        {
            return false;
        }

        // An evaluation may add its own line for a step: later values join the earlier ones.
        if (bySteps.TryGetValue(metrics.Step, out var known))
        {
            var joined = new Dictionary<string, double>(known.Values, StringComparer.Ordinal);
            foreach (var (name, value) in metrics.Values)
            {
                joined[name] = value;
            }

            metrics = metrics with { Values = joined };
        }

        bySteps[metrics.Step] = metrics;
        return true;
    }
}
