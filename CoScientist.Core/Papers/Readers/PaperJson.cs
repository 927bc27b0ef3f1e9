using System.Text;
using System.Text.Json;

namespace CoScientist.Core.Papers.Readers;

/// <summary>JSON of papers, parsed within bounds, with the accessors that loosely typed files need.</summary>
internal static class PaperJson
{
    // The longest parsed articles have a tenth of it; bounds the memory of the parsed document.
    private const int MaxBytes = 16 * 1024 * 1024;

    /// <summary>Whether a file looks like one JSON object with some of the given keys near its start.</summary>
    public static bool HasKeys(ReadOnlySpan<byte> head, params ReadOnlySpan<string> keys)
    {
        var text = Encoding.UTF8.GetString(head);
        if (!text.TrimStart('\uFEFF', ' ', '\n', '\r', '\t').StartsWith('{'))
        {
            return false;
        }

        foreach (var key in keys)
        {
            if (text.Contains($"\"{key}\"", StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Parses the whole file, which holds one object. The caller disposes it.</summary>
    /// <exception cref="PaperFormatException">Not JSON, nested too deep, too large, no object, or a text in it is none.</exception>
    public static JsonDocument Parse(string fileName, ReadOnlyMemory<byte> content)
    {
        if (content.Length > MaxBytes)
        {
            throw new PaperFormatException(fileName, $"it is larger than {MaxBytes / (1024 * 1024)} MB, which no single article in JSON is. Split it into one file per article.");
        }

        try
        {
            var bytes = content.Span.StartsWith("\uFEFF"u8) ? content[3..] : content;
            var document = JsonText.Parse(bytes);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                return document;
            }

            document.Dispose();
            throw new PaperFormatException(fileName, "it is JSON, but no object: this is no paper.");
        }
        catch (JsonException fault)
        {
            throw new PaperFormatException(fileName, $"line {fault.LineNumber + 1}, byte {fault.BytePositionInLine + 1}: this is not JSON of one article ({fault.Message}) Fetch the file again, or split it into one file per article.", fault);
        }
    }

    /// <summary>A property; undefined when there is none, or when this is no object.</summary>
    public static JsonElement Get(this JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) ? value : default;

    /// <summary>The first of some properties that is there and not null.</summary>
    public static JsonElement Any(this JsonElement element, params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (element.Get(name) is { ValueKind: not (JsonValueKind.Undefined or JsonValueKind.Null) } value)
            {
                return value;
            }
        }

        return default;
    }

    /// <summary>The entries of an array; none when this is no array.</summary>
    public static IEnumerable<JsonElement> Items(this JsonElement element) => element.ValueKind == JsonValueKind.Array ? element.EnumerateArray() : [];

    /// <summary>A string or number as text; empty for everything else.</summary>
    public static string Text(this JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => element.GetString()!,
        JsonValueKind.Number => element.GetRawText(),
        _ => "",
    };

    /// <summary>A whole number; null for everything else.</summary>
    public static int? Number(this JsonElement element) => element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out var value) ? value : null;
}
