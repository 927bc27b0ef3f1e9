using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CoScientist.Training.Chat;

/// <summary>A name that nothing was given for: false, empty, and an error where a value is needed.</summary>
internal sealed class Undefined
{
    public static Undefined Value { get; } = new();
}

/// <summary>The name of a function; it only can be called.</summary>
internal sealed record TemplateFunction(string Name);

/// <summary>A macro; it only can be called.</summary>
internal sealed record TemplateMacro(MacroNode Definition);

/// <summary>A map that a template may change, by assignment to its attributes.</summary>
internal sealed class TemplateNamespace
{
    public Dictionary<string, object?> Values { get; } = new(StringComparer.Ordinal);
}

/// <summary>
/// The values of templates: null, true and false, long, double, <see cref="MarkedString"/>, lists (List), maps (OrderedDictionary),
/// namespaces and <see cref="Undefined"/>. Lists and maps are never changed.
/// </summary>
internal static class TemplateValues
{
    /// <summary>A value from JSON; its texts are content.</summary>
    public static object? From(JsonNode? node, Func<string, MarkedString> text) => node switch
    {
        null => null,
        JsonObject map => Map(map.Select(entry => KeyValuePair.Create(entry.Key, From(entry.Value, text)))),
        JsonArray list => list.Select(item => From(item, text)).ToList(),
        JsonValue value => value.GetValueKind() switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            JsonValueKind.Number => long.TryParse(value.ToJsonString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
                ? (object)whole
                : double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture),
            _ => text(value.GetValue<string>()),
        },
        _ => throw new InvalidOperationException(),
    };

    public static OrderedDictionary<string, object?> Map(IEnumerable<KeyValuePair<string, object?>> entries) => new(entries, StringComparer.Ordinal);

    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool truth => truth,
        long number => number != 0,
        double number => number != 0,
        MarkedString text => text.Text.Length > 0,
        List<object?> list => list.Count > 0,
        OrderedDictionary<string, object?> map => map.Count > 0,
        _ => true,
    };

    public static new bool Equals(object? left, object? right) => (left, right) switch
    {
        (MarkedString one, MarkedString two) => one.Text == two.Text,
        (List<object?> one, List<object?> two) => one.Count == two.Count && one.Zip(two).All(pair => Equals(pair.First, pair.Second)),
        (OrderedDictionary<string, object?> one, OrderedDictionary<string, object?> two) => one.Count == two.Count && one.All(entry => two.TryGetValue(entry.Key, out var other) && Equals(entry.Value, other)),
        (long or double or bool, long or double or bool) => Number(left) == Number(right),
        _ => object.Equals(left, right),
    };

    /// <summary>A number, with true as 1; null when the value is none.</summary>
    public static double? Number(object? value) => value switch { long number => number, double number => number, bool truth => truth ? 1 : 0, _ => null };

    /// <summary>The name a message uses for a kind of value.</summary>
    public static string Kind(object? value) => value switch
    {
        null => "none",
        Undefined => "an undefined value",
        bool => "true or false",
        long or double => "a number",
        MarkedString => "a text",
        List<object?> => "a list",
        TemplateNamespace => "a namespace",
        TemplateFunction => "a function",
        TemplateMacro => "a macro",
        _ => "a map",
    };

    /// <summary>What printing a value shows, as Python writes it; null for lists and maps.</summary>
    public static MarkedString? Shown(object? value) => value switch
    {
        MarkedString text => text,
        Undefined => MarkedString.Own(""),
        null => MarkedString.Own("None"),
        bool truth => MarkedString.Own(truth ? "True" : "False"),
        long number => MarkedString.Own(number.ToString(CultureInfo.InvariantCulture)),
        double number => MarkedString.Own(Real(number)),
        _ => null,
    };

    /// <summary>A value as Python's <c>json.dumps</c> writes it, without escapes for letters; the result is content.</summary>
    public static void WriteJson(object? value, int? indent, int level, StringBuilder output)
    {
        switch (value)
        {
            case MarkedString text:
                WriteText(text.Text, output);
                break;
            case bool truth:
                output.Append(truth ? "true" : "false");
                break;
            case null:
                output.Append("null");
                break;
            case long or double:
                output.Append(Shown(value)!.Text);
                break;
            case List<object?> list:
                WriteItems('[', ']', list, item => WriteJson(item, indent, level + 1, output), indent, level, output);
                break;
            case OrderedDictionary<string, object?> map:
                WriteItems('{', '}', [.. map], entry =>
                {
                    WriteText(entry.Key, output);
                    output.Append(": ");
                    WriteJson(entry.Value, indent, level + 1, output);
                }, indent, level, output);
                break;
            default:
                throw new InvalidDataException($"{Kind(value)} cannot be written as JSON");
        }
    }

    private static void WriteItems<T>(char open, char close, IReadOnlyList<T> items, Action<T> write, int? indent, int level, StringBuilder output)
    {
        output.Append(open);
        for (var i = 0; i < items.Count; i++)
        {
            output.Append(i == 0 ? "" : indent is null ? ", " : ",");
            Line(level + 1);
            write(items[i]);
        }

        if (items.Count > 0)
        {
            Line(level);
        }

        output.Append(close);

        void Line(int depth)
        {
            if (indent is { } width)
            {
                output.Append('\n').Append(' ', width * depth);
            }
        }
    }

    private static void WriteText(string text, StringBuilder output)
    {
        output.Append('"');
        foreach (var character in text)
        {
            _ = character switch
            {
                '"' or '\\' => output.Append('\\').Append(character),
                '\n' => output.Append("\\n"),
                '\r' => output.Append("\\r"),
                '\t' => output.Append("\\t"),
                '\b' => output.Append("\\b"),
                '\f' => output.Append("\\f"),
                < ' ' => output.Append($"\\u{(int)character:x4}"),
                _ => output.Append(character),
            };
        }

        output.Append('"');
    }

    private static string Real(double number)
    {
        var text = number.ToString("R", CultureInfo.InvariantCulture);
        return text.Contains('.', StringComparison.Ordinal) || text.Contains('E', StringComparison.Ordinal) || !double.IsFinite(number) ? text : text + ".0";
    }
}
