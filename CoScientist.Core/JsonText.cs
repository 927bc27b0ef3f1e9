using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CoScientist.Core;

/// <summary>
/// Reads JSON that comes from elsewhere into documents. The framework's own readers take over texts that are none, an escaped half of a character
/// (<c>"\ud800"</c>) or bytes that are not UTF-8, and throw something else than <see cref="JsonException"/> whenever such a text is taken out, or
/// looked for by name. Here they are a fault of the JSON like every other: told at once, with line and byte. Faults quote no more of what they
/// were found in than a message can show.
/// </summary>
public static class JsonText
{
    /// <summary>Levels of nesting that are read unless somebody says otherwise: the framework's own limit.</summary>
    public const int UsualDepth = 64;

    private const int LongestName = 60;
    private const int LongestReason = 300;
    private const int EscapeLength = 6; // \uXXXX

    /// <summary>Parses a document. The caller disposes it.</summary>
    /// <param name="json">UTF-8, without byte order mark.</param>
    /// <param name="maxDepth">Most levels of nesting. Default <see cref="UsualDepth"/>.</param>
    /// <exception cref="JsonException">It is no JSON, is nested too deep, or holds a text that is none; names line and byte, in the last case also the property.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> json, int maxDepth = UsualDepth)
    {
        Check(json.Span, maxDepth);
        try
        {
            return JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = maxDepth });
        }
        catch (JsonException fault)
        {
            throw Bounded(fault);
        }
    }

    /// <summary>Parses a document. The caller disposes it.</summary>
    /// <param name="json">The text.</param>
    /// <exception cref="JsonException">As of the other.</exception>
    public static JsonDocument Parse(string json) => Parse(Encoding.UTF8.GetBytes(json));

    /// <summary>Parses a tree of nodes, in which a property that is given twice is a fault, too: it could not be read.</summary>
    /// <param name="json">UTF-8, without byte order mark.</param>
    /// <param name="anyCase">Whether properties are found whatever the case of their letters. Default false.</param>
    /// <returns>The root; null for <c>null</c>.</returns>
    /// <exception cref="JsonException">As of <see cref="Parse(ReadOnlyMemory{byte}, int)"/>, or a property is given twice.</exception>
    public static JsonNode? ParseNode(ReadOnlySpan<byte> json, bool anyCase = false)
    {
        Check(json);
        try
        {
            return JsonNode.Parse(json, new JsonNodeOptions { PropertyNameCaseInsensitive = anyCase }, new JsonDocumentOptions { AllowDuplicateProperties = false });
        }
        catch (JsonException fault)
        {
            throw Bounded(fault);
        }
    }

    /// <summary>Parses a tree of nodes.</summary>
    /// <param name="json">The text.</param>
    /// <exception cref="JsonException">As of the other.</exception>
    public static JsonNode? ParseNode(string json) => ParseNode(Encoding.UTF8.GetBytes(json));

    /// <summary>Reads a value of a type.</summary>
    /// <param name="json">UTF-8, without byte order mark.</param>
    /// <param name="options">How.</param>
    /// <returns>The value; null for <c>null</c>.</returns>
    /// <exception cref="JsonException">It is no JSON of the type; names the place.</exception>
    public static T? Deserialize<T>(ReadOnlySpan<byte> json, JsonSerializerOptions options)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json, options);
        }
        catch (JsonException fault)
        {
            throw Bounded(fault);
        }
    }

    /// <summary>Reads a value of a type.</summary>
    /// <param name="json">The text.</param>
    /// <param name="options">How.</param>
    /// <returns>The value; null for <c>null</c>.</returns>
    /// <exception cref="JsonException">As of the other.</exception>
    public static T? Deserialize<T>(string json, JsonSerializerOptions options) => Deserialize<T>(Encoding.UTF8.GetBytes(json), options);

    /// <summary>Makes sure that every text of some JSON is one, for those who read it token by token. Costs little where nothing is escaped.</summary>
    /// <param name="json">UTF-8, without byte order mark.</param>
    /// <param name="maxDepth">Most levels of nesting. Default <see cref="UsualDepth"/>.</param>
    /// <exception cref="JsonException">A text is none; names the property, line and byte. What is no JSON may pass.</exception>
    public static void Check(ReadOnlySpan<byte> json, int maxDepth = UsualDepth)
    {
        if (HalfEscape(json) is var half && half >= 0)
        {
            throw Fault(json, half, maxDepth, $"half a character ({Encoding.ASCII.GetString(json.Slice(half, EscapeLength))})");
        }

        if (!System.Text.Unicode.Utf8.IsValid(json))
        {
            throw Fault(json, FirstInvalid(json), maxDepth, "bytes that are not UTF-8");
        }
    }

    /// <summary>What a fault says, without the place that the framework appends.</summary>
    public static string Reason(JsonException fault)
    {
        ArgumentNullException.ThrowIfNull(fault);
        return FileText.Shown(fault.Message[..PlaceIn(fault)].TrimEnd('.', ' ', '|'), LongestReason);
    }

    // The framework quotes what it could not read, up to the end of the file.
    private static JsonException Bounded(JsonException fault) =>
        new($"{FileText.Shown(fault.Message[..PlaceIn(fault)], LongestReason)}{fault.Message[PlaceIn(fault)..]}", fault.Path, fault.LineNumber, fault.BytePositionInLine, fault);

    private static int PlaceIn(JsonException fault) => fault.Message.LastIndexOf(" LineNumber:", StringComparison.Ordinal) is var place && place < 0 ? fault.Message.Length : place;

    // A backslash stands in texts only, so texts need not be told from the rest. Which half is missing does not matter.
    private static int HalfEscape(ReadOnlySpan<byte> json)
    {
        for (var at = 0; json[at..].IndexOf((byte)'\\') is var skipped && skipped >= 0;)
        {
            at += skipped;
            var code = Escaped(json[at..]);
            if (char.IsHighSurrogate(code) && char.IsLowSurrogate(Escaped(json[(at + EscapeLength)..])))
            {
                at += 2 * EscapeLength;
            }
            else if (char.IsSurrogate(code))
            {
                return at;
            }
            else
            {
                at = Math.Min(at + 2, json.Length);
            }
        }

        return -1;
    }

    /// <summary>The UTF-16 unit that an escape stands for; 0 for everything else.</summary>
    private static char Escaped(ReadOnlySpan<byte> json) =>
        json is [(byte)'\\', (byte)'u', ..] && json.Length >= EscapeLength && ushort.TryParse(json[2..EscapeLength], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code) ? (char)code : '\0';

    private static int FirstInvalid(ReadOnlySpan<byte> json)
    {
        var at = 0;
        while (Rune.DecodeFromUtf8(json[at..], out _, out var length) == OperationStatus.Done)
        {
            at += length;
        }

        return at;
    }

    private static string Shown(ReadOnlySpan<byte> name) => $"\"{FileText.Shown(Encoding.UTF8.GetString(name[..Math.Min(name.Length, LongestName)]))}\"";

    /// <summary>The fault with its place; another one, where what comes before is no JSON.</summary>
    private static JsonException Fault(ReadOnlySpan<byte> json, int at, int maxDepth, string what)
    {
        var holder = "a text";
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = maxDepth });
        try
        {
            while (reader.Read() && reader.BytesConsumed <= at)
            {
                holder = reader.TokenType == JsonTokenType.PropertyName ? Shown(reader.ValueSpan) : holder;
            }
        }
        catch (JsonException earlier)
        {
            return Bounded(earlier);
        }

        var line = json[..at].Count((byte)'\n');
        var column = at - json[..at].LastIndexOf((byte)'\n') - 1;
        holder = reader.TokenType == JsonTokenType.PropertyName ? "the name of a property" : holder;
        return new JsonException(string.Create(CultureInfo.InvariantCulture, $"{holder} holds {what}, which is no text. LineNumber: {line} | BytePositionInLine: {column}."), path: null, line, column);
    }
}
