using System.Collections;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using CoScientist.Core.Goals;

namespace CoScientist.Core.Runs;

/// <summary>
/// Reads the JSON of a specification. The serializer stops at its first fault; this walks the document beside the type,
/// so that unknown fields, wrong types and values out of range are all named in one go.
/// </summary>
internal sealed class RunSpecReader
{
    private const int LongestName = 60;

    private readonly string source;
    private readonly byte[] json;
    private readonly bool hasLines;
    private readonly List<RunSpecFault> faults;
    private readonly Dictionary<string, int> lines = new(StringComparer.Ordinal);

    private RunSpecReader(string source, byte[] json, bool hasLines, IEnumerable<RunSpecFault> earlier)
    {
        this.source = source;
        this.json = json;
        this.hasLines = hasLines;
        faults = [.. earlier];
    }

    /// <summary>The specification that the JSON says, valid as a whole.</summary>
    /// <param name="source">Where it came from, for the message.</param>
    /// <param name="json">UTF-8, without byte order mark.</param>
    /// <param name="hasLines">Whether lines of the JSON mean something to the reader of the message.</param>
    /// <param name="earlier">Faults found before, to be named with the others.</param>
    /// <param name="knownDomains">See <see cref="RunSpecValidator.Check"/>.</param>
    /// <exception cref="RunSpecException">Names every fault.</exception>
    public static RunSpec Read(string source, byte[] json, bool hasLines, IEnumerable<RunSpecFault> earlier, IReadOnlyCollection<string>? knownDomains) =>
        new RunSpecReader(source, json, hasLines, earlier).Read(knownDomains);

    /// <summary>The field of a type by its JSON name; null when there is none.</summary>
    public static JsonPropertyInfo? Field(JsonTypeInfo type, string name) =>
        type.Properties.FirstOrDefault(property => string.Equals(property.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>What to say of a name that is no field.</summary>
    public static string Unknown(JsonTypeInfo type, string name)
    {
        var nearest = type.Properties.Select(property => property.Name).MinBy(field => name.Length < LongestName ? EditDistance(field, name) : 0)!;
        return name.Length < LongestName && EditDistance(nearest, name) <= 1 + (name.Length / 4)
            ? $"is not a field; did you mean {nearest}?"
            : $"is not a field; fields here are {string.Join(", ", type.Properties.Select(property => property.Name))}";
    }

    /// <summary>Whether a field is a group of fields.</summary>
    public static bool IsGroup(JsonPropertyInfo field) => RunSpec.JsonOptions.GetTypeInfo(field.PropertyType).Kind == JsonTypeInfoKind.Object;

    private static string Describe(Type type) => type switch
    {
        _ when type == typeof(int) || type == typeof(long) => "a whole number",
        _ when type == typeof(double) => "a number",
        _ when type == typeof(bool) => "true or false",
        _ when type == typeof(string) => "a text in quotes",
        _ when type == typeof(List<RubricItemState>) => "a list of proposed, approved, edited",
        _ when type == typeof(List<double>) => "a list of numbers",
        _ when type.IsEnum => string.Join(" or ", Enum.GetNames(type).Select(name => $"\"{JsonNamingPolicy.CamelCase.ConvertName(name)}\"")),
        _ => "a list of texts",
    };

    private static int EditDistance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substitution = diagonal + (char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substitution, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }

    private RunSpec Read(IReadOnlyCollection<string>? knownDomains)
    {
        var valid = new JsonObject();
        try
        {
            JsonText.Check(json);
            var reader = new Utf8JsonReader(json);
            reader.Read();
            if (reader.TokenType == JsonTokenType.StartObject)
            {
                valid = ReadGroup(ref reader, RunSpec.JsonOptions.GetTypeInfo(typeof(RunSpec)), "");
                reader.Read(); // throws when something follows the object
            }
            else
            {
                faults.Add(new RunSpecFault("", "must be one JSON object", LineAt(0)));
            }
        }
        catch (JsonException e)
        {
            faults.Add(new RunSpecFault("", $"is not JSON: {JsonText.Reason(e)}", hasLines ? (int)(e.LineNumber ?? 0) + 1 : null));
            throw new RunSpecException(source, faults); // what comes after is unknown, so nothing more can be said
        }

        var spec = valid.Deserialize<RunSpec>(RunSpec.JsonOptions)!;
        if (spec.Version > RunSpec.CurrentVersion)
        {
            // Fields unknown here may be right there: nothing else can be said.
            throw new RunSpecException(source, [new RunSpecFault("version", $"{RunSpecValidator.NewerVersion}, is {spec.Version}", lines.TryGetValue("version", out var at) ? at : null)]);
        }

        faults.AddRange(RunSpecValidator.Check(spec, knownDomains).Select(fault => fault with { Line = lines.TryGetValue(fault.Path, out var line) ? line : null }));
        return faults.Count == 0 ? spec : throw new RunSpecException(source, faults);
    }

    /// <summary>Reads from after "{" to "}" and returns the fields that have the right type.</summary>
    private JsonObject ReadGroup(ref Utf8JsonReader reader, JsonTypeInfo type, string prefix)
    {
        var valid = new JsonObject();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            var field = Field(type, name);
            var path = prefix + (field?.Name ?? name);
            var line = LineAt(reader.TokenStartIndex);
            reader.Read();
            if (field is null)
            {
                faults.Add(new RunSpecFault(path, Unknown(type, name), line));
                reader.Skip();
            }
            else if (!seen.Add(path))
            {
                faults.Add(new RunSpecFault(path, "is given twice", line));
                reader.Skip();
            }
            else
            {
                ReadField(ref reader, field, path, line, valid);
            }
        }

        return valid;
    }

    private void ReadField(ref Utf8JsonReader reader, JsonPropertyInfo field, string path, int? line, JsonObject valid)
    {
        if (line is { } number)
        {
            lines[path] = number;
        }

        if (IsGroup(field) && reader.TokenType == JsonTokenType.StartObject)
        {
            valid[field.Name] = ReadGroup(ref reader, RunSpec.JsonOptions.GetTypeInfo(field.PropertyType), path + ".");
            return;
        }

        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        var raw = json.AsSpan(start, (int)reader.BytesConsumed - start);
        if (!IsGroup(field) && HasType(raw, field.PropertyType))
        {
            valid[field.Name] = JsonNode.Parse(raw);
            return;
        }

        var text = Encoding.UTF8.GetString(raw);
        faults.Add(new RunSpecFault(path, $"must be {(IsGroup(field) ? "an object" : Describe(field.PropertyType))}, is {(text.Length > 60 ? text[..60] + "…" : text)}", line));
    }

    private static bool HasType(ReadOnlySpan<byte> raw, Type type)
    {
        try
        {
            var value = JsonSerializer.Deserialize(raw, type, RunSpec.JsonOptions);
            return value is not null && (value is not IList list || !list.Cast<object?>().Contains(null));
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private int? LineAt(long position) => hasLines ? json.AsSpan(0, (int)position).Count((byte)'\n') + 1 : null;
}
