using static CoScientist.Training.Chat.TemplateValues;

namespace CoScientist.Training.Chat;

/// <content>Expressions.</content>
internal sealed partial class TemplateRun
{
    private object? Evaluate(Expression expression)
    {
        Charge(1);
        Enter();
        line = expression.Line;
        var value = expression switch
        {
            LiteralExpression literal => literal.Value,
            NameExpression name => Variable(name.Name),
            ListExpression list => list.Items.Select(Evaluate).ToList(),
            MapExpression map => Map(map.Items.Select(item => KeyValuePair.Create(Text(Evaluate(item.Key)).Text, Evaluate(item.Value)))),
            AttributeExpression attribute => Attribute(Evaluate(attribute.Of), attribute.Name),
            IndexExpression index => Index(Evaluate(index.Of), Evaluate(index.Index)),
            SliceExpression slice => Slice(slice),
            CallExpression { Of: null } call => Function(call.Name, Values(call.Arguments)),
            CallExpression call => Method(Evaluate(call.Of!), call.Name, Values(call.Arguments)),
            FilterExpression filter => Filter(Evaluate(filter.Of), filter.Name, Values(filter.Arguments)),
            TestExpression test => Test(Evaluate(test.Of), test.Name, Values(test.Arguments)),
            ConditionalExpression choice => IsTrue(Evaluate(choice.Condition)) ? Evaluate(choice.Then) : choice.Else is null ? Undefined.Value : Evaluate(choice.Else),
            UnaryExpression unary => Unary(unary),
            BinaryExpression binary => Binary(binary),
            _ => throw new InvalidOperationException(),
        };
        depth--;
        return value;
    }

    private CallValues Values(Arguments arguments) => new(
        [.. arguments.Positional.Select(Evaluate)],
        arguments.Named.Select(argument => KeyValuePair.Create(argument.Name, Evaluate(argument.Value))).DistinctBy(argument => argument.Key).ToDictionary(StringComparer.Ordinal));

    private object? Attribute(object? of, string name) => of switch
    {
        OrderedDictionary<string, object?> map => map.TryGetValue(name, out var value) ? value : Undefined.Value,
        TemplateNamespace space => space.Values.TryGetValue(name, out var value) ? value : Undefined.Value,
        Undefined => throw Fault($"'.{name}' of an undefined value"),
        _ => Undefined.Value,
    };

    private object? Index(object? of, object? index)
    {
        switch (of, index)
        {
            case (List<object?> list, long place):
                var item = place < 0 ? place + list.Count : place;
                return item >= 0 && item < list.Count ? list[(int)item] : Undefined.Value;
            case (MarkedString text, long place):
                var character = place < 0 ? place + text.Text.Length : place;
                return character >= 0 && character < text.Text.Length ? text.Slice((int)character, (int)character + 1) : Undefined.Value;
            case (_, MarkedString name):
                return Attribute(of, name.Text);
            case (Undefined, _):
                throw Fault("an item of an undefined value");
            default:
                return Undefined.Value;
        }
    }

    private object? Slice(SliceExpression slice)
    {
        var of = Evaluate(slice.Of);
        var count = of switch
        {
            List<object?> list => list.Count,
            MarkedString text => text.Text.Length,
            _ => throw Fault($"a slice of {Kind(of)}"),
        };
        var step = Bound(slice.Step) ?? 1;
        if (step == 0)
        {
            throw Fault("a slice with step 0");
        }

        // Python's rules: negative bounds count from the end, all are clipped, and a negative step goes backwards.
        var (low, high) = step > 0 ? (0L, (long)count) : (-1L, count - 1L);
        var start = Place(Bound(slice.Start), step > 0 ? low : high);
        var end = Place(Bound(slice.End), step > 0 ? high : low);
        Charge(count);
        var places = new List<int>();
        for (var place = start; step > 0 ? place < end : place > end; place += step)
        {
            places.Add((int)place);
        }

        return of is MarkedString marked ? marked.Pick(places) : places.ConvertAll(place => ((List<object?>)of!)[place]);

        long Place(long? bound, long otherwise) => bound is { } given ? Math.Clamp(given < 0 ? given + count : given, low, high) : otherwise;

        long? Bound(Expression? expression) => expression is null ? null : Evaluate(expression) switch
        {
            // Bounds beyond any list are as good as its ends.
            long number => Math.Clamp(number, int.MinValue, int.MaxValue),
            null => null,
            var other => throw Fault($"{Kind(other)} as the bound of a slice"),
        };
    }

    private object Unary(UnaryExpression unary)
    {
        var value = Evaluate(unary.Operand);
        return (unary.Operator, value) switch
        {
            ("not", _) => !IsTrue(value),
            ("-", long number) => unchecked(-number),
            ("-", double number) => -number,
            ("+", long or double) => value,
            _ => throw Fault($"'{unary.Operator}' before {Kind(value)}"),
        };
    }

    private object? Binary(BinaryExpression binary)
    {
        var left = Evaluate(binary.Left);
        switch (binary.Operator)
        {
            case "and":
                return IsTrue(left) ? Evaluate(binary.Right) : left;
            case "or":
                return IsTrue(left) ? left : Evaluate(binary.Right);
        }

        var right = Evaluate(binary.Right);
        switch (binary.Operator, left, right)
        {
            case ("==", _, _):
                return TemplateValues.Equals(left, right);
            case ("!=", _, _):
                return !TemplateValues.Equals(left, right);
            case ("in", _, _):
                return Contains(right, left);
            case ("~", _, _):
                return Joined(Text(left), Text(right));
            case ("+", MarkedString one, MarkedString two):
                return Joined(one, two);
            case ("+", List<object?> one, List<object?> two):
                Charge(one.Count + two.Count);
                return one.Concat(two).ToList();
            case ("<" or "<=" or ">" or ">=", MarkedString one, MarkedString two):
                return Ordered(binary.Operator, string.CompareOrdinal(one.Text, two.Text));
        }

        if (Number(left) is not { } x || Number(right) is not { } y)
        {
            throw Fault($"'{binary.Operator}' between {Kind(left)} and {Kind(right)}");
        }

        return binary.Operator is "<" or "<=" or ">" or ">=" ? Ordered(binary.Operator, x.CompareTo(y)) : Arithmetic(binary.Operator, left, right, x, y);
    }

    private object Arithmetic(string sign, object? left, object? right, double x, double y)
    {
        if (sign is "/" or "//" or "%" && y == 0)
        {
            throw Fault("a division by zero");
        }

        var whole = left is long or bool && right is long or bool;
        var (a, b) = whole ? ((long)x, (long)y) : (0, 0);
        return sign switch
        {
            "+" => whole ? (object)unchecked(a + b) : x + y,
            "-" => whole ? (object)unchecked(a - b) : x - y,
            "*" => whole ? (object)unchecked(a * b) : x * y,
            "/" => (object)(x / y),
            "//" => whole ? (object)(long)Math.Floor(x / y) : Math.Floor(x / y),
            "%" => whole ? (object)(long)(x - (y * Math.Floor(x / y))) : x - (y * Math.Floor(x / y)),
            _ => throw Fault($"'{sign}'"),
        };
    }

    private static bool Ordered(string sign, int comparison) => sign switch
    {
        "<" => comparison < 0,
        "<=" => comparison <= 0,
        ">" => comparison > 0,
        _ => comparison >= 0,
    };

    private bool Contains(object? container, object? item) => (container, item) switch
    {
        (MarkedString text, MarkedString part) => text.Text.Contains(part.Text, StringComparison.Ordinal),
        (OrderedDictionary<string, object?> map, MarkedString key) => map.ContainsKey(key.Text),
        (List<object?> list, _) => list.Exists(candidate => TemplateValues.Equals(candidate, item)),
        (Undefined, _) => false,
        _ => throw Fault($"'in' with {Kind(container)}"),
    };

    private MarkedString Joined(params IReadOnlyList<MarkedString> parts)
    {
        Charge(parts.Sum(part => (long)part.Text.Length + 1));
        return MarkedString.Concat(parts);
    }

    /// <summary>Evaluated arguments of a call.</summary>
    private sealed record CallValues(List<object?> Positional, Dictionary<string, object?> Named)
    {
        /// <summary>The argument at a place or of a name; undefined when it was not given.</summary>
        public object? Get(int place, string name) => place < Positional.Count ? Positional[place] : Named.TryGetValue(name, out var value) ? value : Undefined.Value;
    }
}
