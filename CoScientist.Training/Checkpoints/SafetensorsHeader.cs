using System.Text.Json;
using CoScientist.Core;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Checkpoints;

/// <summary>A tensor as the header of a safetensors file describes it.</summary>
/// <param name="Spec">Name and shape.</param>
/// <param name="Type">The file's name of the element type ("F32", "BF16", "I64", …).</param>
/// <param name="Begin">First byte, counted from the end of the header.</param>
/// <param name="End">Byte after the last.</param>
internal sealed record SafetensorsEntry(TensorSpec Spec, string Type, long Begin, long End);

/// <summary>Reads and checks the header: 8 bytes of length, then JSON from names to type, shape and place.</summary>
internal static class SafetensorsHeader
{
    /// <summary>The format's own limit, which keeps a damaged length from filling the memory.</summary>
    public const long LongestHeader = 100_000_000;

    // A tensor of the format lies three levels deep, its metadata two.
    private const int DeepestHeader = 8;
    private const int MostDimensions = 8;
    private const string Truncated = "the file is truncated: copy it again";
    private const string Damaged = "the file is damaged: copy it again";

    private static readonly Dictionary<string, int> Sizes = new(StringComparer.Ordinal)
    {
        ["F64"] = 8, ["F32"] = 4, ["F16"] = 2, ["BF16"] = 2, ["F8_E4M3"] = 1, ["F8_E5M2"] = 1,
        ["I64"] = 8, ["U64"] = 8, ["I32"] = 4, ["U32"] = 4, ["I16"] = 2, ["U16"] = 2, ["I8"] = 1, ["U8"] = 1, ["BOOL"] = 1,
    };

    /// <summary>Checks the leading length.</summary>
    /// <exception cref="InvalidDataException">Too short or too long for the file.</exception>
    public static int CheckLength(string path, ulong headerLength, long fileLength)
    {
        if (headerLength > LongestHeader)
        {
            throw new InvalidDataException($"{path} is not a safetensors file: its header would be {headerLength} bytes long. Give a file that ends in .safetensors.");
        }

        return 8 + (long)headerLength <= fileLength
            ? (int)headerLength
            : throw Fault(path, $"its header needs {headerLength} bytes, {fileLength - 8} are there; {Truncated}");
    }

    /// <summary>Parses and checks the JSON.</summary>
    /// <exception cref="InvalidDataException">Names the file, the tensor and what is wrong with it.</exception>
    public static List<SafetensorsEntry> Parse(string path, ReadOnlyMemory<byte> json, long dataLength)
    {
        var entries = new List<SafetensorsEntry>();
        try
        {
            using var document = JsonText.Parse(json, DeepestHeader);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw Fault(path, $"its header is not a JSON object; {Damaged}");
            }

            var names = new HashSet<string>(StringComparer.Ordinal);
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (!names.Add(property.Name))
                {
                    throw Fault(path, $"tensor '{FileText.Shown(property.Name)}' is listed twice; {Damaged}");
                }

                if (property.Name != "__metadata__")
                {
                    entries.Add(Entry(path, property, dataLength));
                }
            }
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"{path}: its header is not JSON ({FileText.Shown(exception.Message)}); {Damaged}.", exception);
        }

        CheckLayout(path, entries, dataLength);
        return entries;
    }

    private static SafetensorsEntry Entry(string path, JsonProperty property, long dataLength)
    {
        var name = FileText.Shown(property.Name);
        if (property.Value.ValueKind != JsonValueKind.Object || property.Value.EnumerateObject().Count() != 3
            || !property.Value.TryGetProperty("dtype", out var dtype) || dtype.ValueKind != JsonValueKind.String
            || !property.Value.TryGetProperty("shape", out var shapeJson) || Numbers(shapeJson) is not { } shape
            || !property.Value.TryGetProperty("data_offsets", out var offsets) || Numbers(offsets) is not [var begin, var end])
        {
            throw Fault(path, $"tensor '{name}' has no valid dtype, shape and data_offsets; {Damaged}");
        }

        var type = dtype.GetString()!;
        if (!Sizes.TryGetValue(type, out var size))
        {
            throw Fault(path, $"tensor '{name}' has the unknown element type {FileText.Shown(type)}; save it as F32, BF16 or F16");
        }

        if (shape.Count > MostDimensions)
        {
            throw Fault(path, $"tensor '{name}' has {shape.Count} dimensions, at most {MostDimensions} are known; {Damaged}");
        }

        var bytes = (Int128)size;
        foreach (var extent in shape)
        {
            bytes = extent <= int.MaxValue && bytes <= long.MaxValue ? bytes * extent : Int128.MaxValue;
        }

        if (begin > end || bytes != end - begin)
        {
            throw Fault(path, $"tensor '{name}' of type {type} and shape [{string.Join(", ", shape)}] does not take the bytes {begin} to {end}; {Damaged}");
        }

        if (end > dataLength)
        {
            throw Fault(path, $"tensor '{name}' ends at byte {end} of the data, which has {dataLength}; {Truncated}");
        }

        return new SafetensorsEntry(new TensorSpec(property.Name, [.. shape.Select(extent => (int)extent)]), type, begin, end);
    }

    /// <summary>The tensors must fill the data from end to end, none over another.</summary>
    private static void CheckLayout(string path, List<SafetensorsEntry> entries, long dataLength)
    {
        var position = 0L;
        foreach (var entry in entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End))
        {
            if (entry.Begin != position)
            {
                throw Fault(path, entry.Begin < position
                    ? $"tensor '{FileText.Shown(entry.Spec.Name)}' overlaps another at byte {entry.Begin} of the data; {Damaged}"
                    : $"there is a gap before tensor '{FileText.Shown(entry.Spec.Name)}', bytes {position} to {entry.Begin} of the data; {Damaged}");
            }

            position = entry.End;
        }

        if (position != dataLength)
        {
            throw Fault(path, $"{dataLength - position} bytes follow the last tensor; {Damaged}");
        }
    }

    private static List<long>? Numbers(JsonElement array)
    {
        if (array.ValueKind != JsonValueKind.Array)
        {
            return null;
        }

        var numbers = new List<long>();
        foreach (var element in array.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.Number || !element.TryGetInt64(out var number) || number < 0)
            {
                return null;
            }

            numbers.Add(number);
        }

        return numbers;
    }

    private static InvalidDataException Fault(string path, string what) => new($"{path}: {what}.");
}
