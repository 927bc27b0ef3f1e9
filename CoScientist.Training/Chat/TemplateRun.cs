using CoScientist.Core;
using CoScientist.Training.Tokenization;
using static CoScientist.Training.Chat.TemplateValues;

namespace CoScientist.Training.Chat;

/// <summary>
/// Runs a parsed template over data. It can reach nothing but that data, and what it does is bounded: steps, characters made and
/// depth are counted, and past the limit it stops with an error.
/// </summary>
internal sealed partial class TemplateRun(string source, TimeProvider time)
{
    private const long MostWork = 50_000_000;
    private const int Deepest = 300;
    private const int LongestRange = 10_000;

    private static readonly HashSet<string> Functions = ["raise_exception", "namespace", "range", "dict", "strftime_now"];

    private Stack<Dictionary<string, object?>> scopes = new();
    private List<MarkedString> output = [];
    private long work;
    private int depth;
    private int line;

    private enum Flow
    {
        Next,
        Break,
        Continue,
    }

    /// <summary>What the template renders.</summary>
    /// <exception cref="InvalidDataException">Names the template, the line and what is wrong.</exception>
    public IReadOnlyList<TextSegment> Render(IReadOnlyList<Node> nodes, Dictionary<string, object?> variables)
    {
        scopes.Push(variables);
        Body(nodes);
        return MarkedString.Concat(output).Segments();
    }

    private Flow Body(IReadOnlyList<Node> nodes)
    {
        Enter();
        var flow = Flow.Next;
        for (var i = 0; i < nodes.Count && flow == Flow.Next; i++)
        {
            var node = nodes[i];
            Charge(1);
            line = node.Line;
            flow = node switch
            {
                DataNode data => Write(MarkedString.Own(data.Text)),
                OutputNode print => Write(Text(Evaluate(print.Value))),
                IfNode choice => If(choice),
                ForNode loop => For(loop),
                SetNode set => Set(set),
                SetBlockNode set => Set(set),
                MacroNode macro => Define(macro),
                LoopControlNode control => control.Break ? Flow.Break : Flow.Continue,
                _ => throw new InvalidOperationException(),
            };
        }

        depth--;
        return flow;
    }

    private Flow Write(MarkedString text)
    {
        Charge(text.Text.Length);
        output.Add(text);
        return Flow.Next;
    }

    private Flow If(IfNode node)
    {
        foreach (var (condition, body) in node.Branches)
        {
            if (condition is null || IsTrue(Evaluate(condition)))
            {
                return Body(body);
            }
        }

        return Flow.Next;
    }

    private Flow For(ForNode node)
    {
        var items = Items(Evaluate(node.Items));
        if (node.Condition is not null)
        {
            items = items.FindAll(item =>
            {
                scopes.Push(Bind(node, item));
                var kept = IsTrue(Evaluate(node.Condition));
                scopes.Pop();
                return kept;
            });
        }

        for (var i = 0; i < items.Count; i++)
        {
            var scope = Bind(node, items[i]);
            scope["loop"] = Map([
                new("index", i + 1L), new("index0", (long)i), new("revindex", (long)items.Count - i), new("revindex0", items.Count - i - 1L),
                new("first", i == 0), new("last", i == items.Count - 1), new("length", (long)items.Count),
                new("previtem", i > 0 ? items[i - 1] : Undefined.Value), new("nextitem", i + 1 < items.Count ? items[i + 1] : Undefined.Value)]);
            scopes.Push(scope);
            var flow = Body(node.Body);
            scopes.Pop();
            if (flow == Flow.Break)
            {
                break;
            }
        }

        if (items.Count == 0)
        {
            scopes.Push([]);
            var flow = Body(node.Otherwise);
            scopes.Pop();
            return flow;
        }

        return Flow.Next;
    }

    private Dictionary<string, object?> Bind(ForNode node, object? item)
    {
        Charge(10);
        var scope = new Dictionary<string, object?>(StringComparer.Ordinal);
        if (node.Targets is [var single])
        {
            scope[single] = item;
            return scope;
        }

        var parts = Items(item);
        if (parts.Count != node.Targets.Count)
        {
            throw Fault($"an item of {parts.Count} parts for {node.Targets.Count} names");
        }

        foreach (var (name, part) in node.Targets.Zip(parts))
        {
            scope[name] = part;
        }

        return scope;
    }

    private Flow Set(SetNode node)
    {
        var value = Evaluate(node.Value);
        if (node.Attribute is null)
        {
            scopes.Peek()[node.Name] = value;
        }
        else if (Variable(node.Name) is TemplateNamespace space)
        {
            space.Values[node.Attribute] = value;
        }
        else
        {
            throw Fault($"an assignment to '{node.Name}.{node.Attribute}', which is no namespace,");
        }

        return Flow.Next;
    }

    private Flow Set(SetBlockNode node)
    {
        var outer = output;
        output = [];
        scopes.Push([]);
        var flow = Body(node.Body);
        scopes.Pop();
        scopes.Peek()[node.Name] = MarkedString.Concat(output);
        output = outer;
        return flow;
    }

    private Flow Define(MacroNode node)
    {
        scopes.Peek()[node.Name] = new TemplateMacro(node);
        return Flow.Next;
    }

    /// <summary>What a macro renders. It sees its parameters and the variables of the template, not those of the place that calls it.</summary>
    private MarkedString Call(MacroNode macro, CallValues values)
    {
        if (values.Positional.Count > macro.Parameters.Count || values.Named.Keys.Any(name => !macro.Parameters.Any(parameter => parameter.Name == name)))
        {
            throw Fault($"a call of the macro '{macro.Name}' with arguments that it does not name");
        }

        var (outerScopes, outerOutput) = (scopes, output);
        var own = new Dictionary<string, object?>(StringComparer.Ordinal);
        (scopes, output) = (new Stack<Dictionary<string, object?>>([outerScopes.Last(), own]), []);
        for (var i = 0; i < macro.Parameters.Count; i++)
        {
            var (name, otherwise) = macro.Parameters[i];
            var given = values.Get(i, name);
            own[name] = given is Undefined && otherwise is not null ? Evaluate(otherwise) : given;
        }

        Body(macro.Body);
        var rendered = MarkedString.Concat(output);
        (scopes, output) = (outerScopes, outerOutput);
        return rendered;
    }

    private object? Variable(string name)
    {
        foreach (var scope in scopes)
        {
            if (scope.TryGetValue(name, out var value))
            {
                return value;
            }
        }

        return Functions.Contains(name) ? new TemplateFunction(name) : Undefined.Value;
    }

    private MarkedString Text(object? value) => Shown(value) ?? throw Fault($"{Kind(value)} where text is expected");

    /// <summary>What a loop goes through: items, keys or characters.</summary>
    private List<object?> Items(object? value)
    {
        List<object?> items = value switch
        {
            List<object?> list => list,
            OrderedDictionary<string, object?> map => [.. map.Keys.Select(MarkedString.Content)],
            MarkedString text => [.. Enumerable.Range(0, text.Text.Length).Select(i => text.Slice(i, i + 1))],
            Undefined => [],
            _ => throw Fault($"a loop over {Kind(value)}"),
        };
        Charge(items.Count);
        return items;
    }

    /// <summary>Goes one level deeper into bodies, expressions and macros, whose calls may nest without end.</summary>
    private void Enter()
    {
        if (++depth > Deepest)
        {
            throw Fault("a nesting so deep, which");
        }
    }

    private void Charge(long amount)
    {
        work += amount;
        if (work > MostWork)
        {
            throw Fault("a template that does too much, which");
        }
    }

    private InvalidDataException Fault(string what) => new($"{source}, line {line}: {FileText.Shown(what, 300)} is not supported in a chat template; use a simpler template, or messages it is made for.");
}
