using System.Globalization;
using System.Text;
using static CoScientist.Training.Chat.TemplateValues;
using CoScientist.Core;

namespace CoScientist.Training.Chat;

/// <content>Functions, methods, filters and tests.</content>
internal sealed partial class TemplateRun
{
    private object? Function(string name, CallValues values)
    {
        if (Variable(name) is TemplateMacro macro)
        {
            return Call(macro.Definition, values);
        }

        switch (name)
        {
            case "raise_exception":
                throw new InvalidDataException($"{source}, line {line}: the chat template refuses these messages: {FileText.Shown(Text(values.Get(0, "message")).Text, 500)}");
            case "namespace":
                var space = new TemplateNamespace();
                foreach (var (key, value) in values.Named)
                {
                    space.Values[key] = value;
                }

                return space;
            case "range":
                return Range(values.Positional);
            case "dict":
                return Map(values.Named);
            case "strftime_now":
                return MarkedString.Own(Date(Text(values.Get(0, "format")).Text));
            default:
                throw Fault($"the function '{name}'");
        }
    }

    private List<object?> Range(List<object?> bounds)
    {
        var numbers = bounds.ConvertAll(bound => bound as long? ?? throw Fault($"{Kind(bound)} as a bound of range"));
        var (start, end, step) = numbers switch
        {
            [var only] => (0, only, 1),
            [var first, var last] => (first, last, 1),
            [var first, var last, var by and not 0] => (first, last, by),
            _ => throw Fault("a range with these bounds"),
        };
        var items = new List<object?>();
        for (var value = start; step > 0 ? value < end : value > end; value = unchecked(value + step))
        {
            items.Add(items.Count < LongestRange ? value : throw Fault($"a range of more than {LongestRange} numbers"));
        }

        Charge(items.Count);
        return items;
    }

    private object? Method(object? of, string name, CallValues values) => (of, name) switch
    {
        (MarkedString text, _) => TextMethod(text, name, values),
        (OrderedDictionary<string, object?> map, "items") => Pairs(map),
        (OrderedDictionary<string, object?> map, "keys") => Items(map),
        (OrderedDictionary<string, object?> map, "values") => map.Values.ToList(),
        (OrderedDictionary<string, object?> map, "get") => map.TryGetValue(Text(values.Get(0, "key")).Text, out var value) ? value : values.Get(1, "default") is var other and not Undefined ? other : null,
        _ => throw Fault($"the method '{name}' of {Kind(of)}"),
    };

    private object? TextMethod(MarkedString text, string name, CallValues values)
    {
        Charge(text.Text.Length + 1);
        switch (name)
        {
            case "startswith" or "endswith":
                var candidates = values.Get(0, "prefix") is List<object?> several ? several : [values.Get(0, "prefix")];
                return candidates.Exists(candidate => name == "startswith"
                    ? text.Text.StartsWith(Text(candidate).Text, StringComparison.Ordinal)
                    : text.Text.EndsWith(Text(candidate).Text, StringComparison.Ordinal));
            case "strip" or "lstrip" or "rstrip":
                return Strip(text, values.Get(0, "chars"), name != "rstrip", name != "lstrip");
            case "split":
                return Split(text, values.Get(0, "sep"), values.Get(1, "maxsplit") as long? ?? -1);
            case "replace":
                return Replace(text, Text(values.Get(0, "old")).Text, Text(values.Get(1, "new")));
            case "find":
                return (long)text.Text.IndexOf(Text(values.Get(0, "sub")).Text, StringComparison.Ordinal);
            case "upper" or "lower" or "capitalize" or "title":
                return Cased(text, name);
            case "join":
                return Join(values.Get(0, "items"), text);
            default:
                throw Fault($"the method '{name}' of a text");
        }
    }

    private object? Filter(object? of, string name, CallValues values)
    {
        switch (name)
        {
            case "trim":
                return Strip(Text(of), values.Get(0, "chars"), left: true, right: true);
            case "length" or "count":
                return of is MarkedString counted ? (long)counted.Text.Length : Items(of).Count;
            case "tojson":
                return Json(of, values.Get(0, "indent") as long?);
            case "default" or "d":
                return of is Undefined || (IsTrue(values.Get(1, "boolean")) && !IsTrue(of)) ? values.Get(0, "default_value") is var other and not Undefined ? other : MarkedString.Own("") : of;
            case "first" or "last":
                var items = Items(of);
                return items.Count == 0 ? Undefined.Value : items[name == "first" ? 0 : ^1];
            case "join":
                return Join(of, values.Get(0, "d") is MarkedString between ? between : MarkedString.Own(""));
            case "list":
                return Items(of);
            case "items":
                return of is OrderedDictionary<string, object?> map ? Pairs(map) : of is Undefined ? new List<object?>() : throw Fault($"the filter 'items' on {Kind(of)}");
            case "reverse":
                return Items(of).AsEnumerable().Reverse().ToList();
            case "string" or "safe":
                return Text(of);
            case "int":
                return Number(of) is { } number ? (long)number : long.TryParse((of as MarkedString)?.Text.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var parsed) ? parsed : 0L;
            case "replace":
                return Replace(Text(of), Text(values.Get(0, "s")).Text, Text(values.Get(1, "new")));
            case "upper" or "lower" or "capitalize" or "title":
                return Cased(Text(of), name);
            case "select" or "reject":
                return Choose(of, name == "select", item => item, values, 0);
            case "selectattr" or "rejectattr":
                var attribute = Text(values.Get(0, "attr")).Text;
                return Choose(of, name == "selectattr", item => Attribute(item, attribute), values, 1);
            case "map":
                return values.Named.TryGetValue("attribute", out var key)
                    ? Items(of).ConvertAll(item => Attribute(item, Text(key).Text))
                    : Items(of).ConvertAll(item => Filter(item, Text(values.Get(0, "name")).Text, new CallValues([.. values.Positional.Skip(1)], values.Named)));
            default:
                throw Fault($"the filter '{name}'");
        }
    }

    private List<object?> Choose(object? of, bool keep, Func<object?, object?> part, CallValues values, int skip)
    {
        var test = values.Positional.Count > skip ? Text(values.Positional[skip]).Text : null;
        var arguments = new CallValues([.. values.Positional.Skip(skip + 1)], []);
        return Items(of).FindAll(item => (test is null ? IsTrue(part(item)) : Test(part(item), test, arguments)) == keep);
    }

    private bool Test(object? value, string name, CallValues values)
    {
        Charge(1);
        return name switch
        {
            "defined" => value is not Undefined,
            "undefined" => value is Undefined,
            "none" => value is null,
            "string" => value is MarkedString,
            "number" => value is long or double or bool,
            "integer" => value is long,
            "float" => value is double,
            "boolean" => value is bool,
            "true" => value is true,
            "false" => value is false,
            "mapping" => value is OrderedDictionary<string, object?>,
            "iterable" or "sequence" => value is List<object?> or MarkedString or OrderedDictionary<string, object?>,
            "equalto" or "eq" => TemplateValues.Equals(value, values.Get(0, "other")),
            "ne" => !TemplateValues.Equals(value, values.Get(0, "other")),
            "in" => Contains(values.Get(0, "seq"), value),
            "even" or "odd" => value is long number ? (number % 2 == 0) == (name == "even") : throw Fault($"the test '{name}' on {Kind(value)}"),
            _ => throw Fault($"the test '{name}'"),
        };
    }

    private MarkedString Json(object? value, long? indent)
    {
        if (indent is < 0 or > 16)
        {
            throw Fault($"an indentation of {indent}");
        }

        var result = new StringBuilder();
        try
        {
            WriteJson(value, (int?)indent, 0, result);
        }
        catch (InvalidDataException exception)
        {
            throw Fault(exception.Message + ", which");
        }

        Charge(result.Length);
        return MarkedString.Content(result.ToString());
    }

    private static List<object?> Pairs(OrderedDictionary<string, object?> map) =>
        [.. map.Select(entry => new List<object?> { MarkedString.Content(entry.Key), entry.Value })];
}
