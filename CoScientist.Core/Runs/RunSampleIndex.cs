using System.Text.Json;

namespace CoScientist.Core.Runs;

/// <summary>Where the samples of each step lie in a run's file, so that one step is read without the others. Made in one pass, followed as the file grows; may be shared.</summary>
/// <param name="folder">The run's folder.</param>
public sealed class RunSampleIndex(RunFolder folder)
{
    private readonly Lock gate = new();
    private readonly GrowingFile file = new(folder.File(RunFolder.SamplesFile));
    private readonly SortedDictionary<int, List<(long Offset, int Length)>> lines = [];

    /// <summary>Takes in what was added.</summary>
    /// <returns>Steps that have samples, ascending.</returns>
    public IReadOnlyList<int> Refresh()
    {
        lock (gate)
        {
            file.Read(lines.Clear, Add);
            return [.. lines.Keys];
        }
    }

    /// <summary>Samples of one step, in the order they were written; those added since the last <see cref="Refresh"/> are left out.</summary>
    /// <param name="step">The step.</param>
    public IReadOnlyList<RunSample> Read(int step)
    {
        (long Offset, int Length)[] places;
        lock (gate)
        {
            if (!lines.TryGetValue(step, out var known))
            {
                return [];
            }

            places = [.. known];
        }

        var samples = new List<RunSample>(places.Length);
        using var stream = new FileStream(folder.File(RunFolder.SamplesFile), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        foreach (var (offset, length) in places)
        {
            if (offset + length > stream.Length)
            {
                break; // Replaced a moment ago: the next refresh sees it.
            }

            var line = new byte[length];
            stream.Position = offset;
            stream.ReadExactly(line);
            if (RunFolder.TrySample(line) is { } sample)
            {
                samples.Add(sample);
            }
        }

        return samples;
    }

    private void Add(long offset, ReadOnlySpan<byte> line)
    {
        if (StepOf(line) is not { } step)
        {
            return;
        }

        if (!lines.TryGetValue(step, out var known))
        {
            lines[step] = known = [];
        }

        known.Add((offset, line.Length));
    }

    /// <summary>The trainer writes the step last; wherever else it may stand, the whole line is read for it.</summary>
    private static int? StepOf(ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> name = "\"step\":"u8;
        var tail = line[^Math.Min(line.Length, name.Length + 12)..];
        var at = tail.LastIndexOf(name);
        return at >= 0 && System.Buffers.Text.Utf8Parser.TryParse(tail[(at + name.Length)..], out int step, out var used) && tail[(at + name.Length + used)..].SequenceEqual("}"u8)
            ? step
            : Search(line);
    }

    private static int? Search(ReadOnlySpan<byte> line)
    {
        try
        {
            JsonText.Check(line);
            var reader = new Utf8JsonReader(line);
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 1 && reader.ValueTextEquals("step"))
                {
                    return reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var step) ? step : null;
                }
            }
        }
        catch (JsonException)
        {
            // Cut off by a crash: passed over.
        }

        return null;
    }
}
