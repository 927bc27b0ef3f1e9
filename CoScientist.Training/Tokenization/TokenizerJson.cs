using System.Text.Json;

namespace CoScientist.Training.Tokenization;

/// <summary>Reading parts of a <c>tokenizer.json</c>.</summary>
internal static class TokenizerJson
{
    public static JsonElement? Member(JsonElement element, string name, JsonValueKind kind) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == kind ? value : null;

    public static string? Text(JsonElement element, string name) => Member(element, name, JsonValueKind.String)?.GetString();

    /// <summary>A switch that may be absent or null.</summary>
    /// <exception cref="TokenizerFault">It is neither true nor false.</exception>
    public static bool Flag(JsonElement element, string name, bool fallback = false) =>
        element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null
            ? value.ValueKind switch
            {
                JsonValueKind.True => true,
                JsonValueKind.False => false,
                _ => throw new TokenizerFault($"\"{name}\" is {Shown(value)}; true or false is expected."),
            }
            : fallback;

    /// <summary>An id; null when the value is none.</summary>
    public static int? Id(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var id) && id is >= 0 and < int.MaxValue ? id : null;

    public static TokenizerFault NoId(JsonElement value, string place) => new($"{place} is {Shown(value)}; a whole number from 0 is expected.");

    /// <summary>The steps of a section: one, those of a <c>Sequence</c> (of sequences), or none.</summary>
    public static List<JsonElement> Steps(JsonElement root, string section, string members)
    {
        var steps = new List<JsonElement>();
        if (root.TryGetProperty(section, out var step) && step.ValueKind != JsonValueKind.Null)
        {
            Collect(step);
        }

        return steps;

        void Collect(JsonElement element)
        {
            if (Type(element) != "Sequence")
            {
                steps.Add(element);
                return;
            }

            foreach (var inner in Member(element, members, JsonValueKind.Array)?.EnumerateArray() ?? throw new TokenizerFault($"a Sequence of {section} has no list \"{members}\"."))
            {
                Collect(inner);
            }
        }
    }

    public static string Type(JsonElement step) => Text(step, "type") ?? Shown(step);

    /// <summary>A value as a message can show it.</summary>
    public static string Shown(JsonElement value)
    {
        var text = value.GetRawText();
        return text.Length <= 100 ? text : text[..100] + "…";
    }
}

/// <summary>A fault inside a tokenizer file; the reader adds the file's name.</summary>
internal sealed class TokenizerFault(string message) : Exception(message);
