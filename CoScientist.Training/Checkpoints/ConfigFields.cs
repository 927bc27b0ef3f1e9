using System.Text.Json;

namespace CoScientist.Training.Checkpoints;

/// <summary>Reads fields of a JSON object and collects what is wrong with them, so that all faults are told at once.</summary>
internal sealed class ConfigFields(JsonElement json)
{
    /// <summary>What was found wrong so far.</summary>
    public List<string> Faults { get; } = [];

    /// <summary>Notes a fault unless the condition holds.</summary>
    public void Require(bool condition, string fault)
    {
        if (!condition)
        {
            Faults.Add(fault);
        }
    }

    /// <summary>Whether the field is there and not null.</summary>
    public bool Has(string name) => Find(name) is not null;

    /// <summary>A whole number; without a fallback it has to be there.</summary>
    public int Whole(string name, int? fallback = null)
    {
        if (Find(name) is not { } value)
        {
            Require(fallback is not null, $"{name} is missing");
            return fallback ?? 1;
        }

        var number = 0;
        Require(value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out number), $"{name} is {Short(value)}; a whole number is expected");
        return number;
    }

    /// <summary>A number.</summary>
    public double Number(string name, double fallback)
    {
        if (Find(name) is not { } value)
        {
            return fallback;
        }

        var number = fallback;
        Require(value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out number), $"{name} is {Short(value)}; a number is expected");
        return number;
    }

    /// <summary>True or false.</summary>
    public bool Flag(string name, bool fallback)
    {
        if (Find(name) is not { } value)
        {
            return fallback;
        }

        Require(value.ValueKind is JsonValueKind.True or JsonValueKind.False, $"{name} is {Short(value)}; true or false is expected");
        return value.ValueKind == JsonValueKind.True;
    }

    /// <summary>A text.</summary>
    public string Text(string name, string fallback)
    {
        if (Find(name) is not { } value)
        {
            return fallback;
        }

        Require(value.ValueKind == JsonValueKind.String, $"{name} is {Short(value)}; a text is expected");
        return value.ToString();
    }

    /// <summary>A list of texts; null when absent.</summary>
    public List<string>? Texts(string name) => List(name, "texts", value => value.ValueKind == JsonValueKind.String ? value.ToString() : null);

    /// <summary>A list of whole numbers; null when absent.</summary>
    public List<int>? Wholes(string name) =>
        List(name, "whole numbers", value => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : (int?)null)?.ConvertAll(number => number ?? 0);

    /// <summary>An object inside; null when absent.</summary>
    public ConfigFields? Object(string name)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }

        Require(value.ValueKind == JsonValueKind.Object, $"{name} is {Short(value)}; an object is expected");
        return new ConfigFields(value);
    }

    private List<T>? List<T>(string name, string kind, Func<JsonElement, T?> read)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }

        List<T?> items = value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(read)] : [default];
        Require(items.TrueForAll(item => item is not null), $"{name} is {Short(value)}; a list of {kind} is expected");
        return [.. items.OfType<T>()];
    }

    private static string Short(JsonElement value)
    {
        var text = value.GetRawText();
        return text.Length <= 40 ? text : text[..40] + "…";
    }

    private JsonElement? Find(string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
