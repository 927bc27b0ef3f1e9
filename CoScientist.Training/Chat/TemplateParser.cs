using CoScientist.Core;

namespace CoScientist.Training.Chat;

/// <summary>Parses the part of Jinja that chat templates use; anything else is refused with its name and line.</summary>
internal sealed partial class TemplateParser
{
    private const int LongestTemplate = 1_000_000;
    private const int Deepest = 100;

    private readonly string source;
    private readonly List<TemplateToken> tokens;
    private int position;
    private int depth;
    private int loops;

    private TemplateParser(string source, string template)
    {
        this.source = source;
        tokens = new TemplateLexer(source, template).Read();
    }

    private TemplateToken Current => tokens[position];

    // The last one is the end, and nothing goes beyond it.
    private TemplateToken Following => tokens[Math.Min(position + 1, tokens.Count - 1)];

    /// <summary>Parses a template.</summary>
    /// <param name="source">Its name, for messages.</param>
    /// <param name="template">Its text.</param>
    /// <exception cref="InvalidDataException">Names the template, the line and the construct.</exception>
    public static IReadOnlyList<Node> Parse(string source, string template)
    {
        if (template.Length > LongestTemplate)
        {
            throw new InvalidDataException($"{source} has {template.Length} characters; at most {LongestTemplate} are accepted.");
        }

        var parser = new TemplateParser(source, template);
        var nodes = parser.Body();
        return parser.Current.Kind == TokenKind.End ? nodes : throw parser.Fault($"'{parser.Following.Text}' without its beginning");
    }

    /// <summary>Nodes up to the end or to a block that is none of its own: its name is the token after the current.</summary>
    private List<Node> Body()
    {
        Enter();
        var nodes = new List<Node>();
        while (Current.Kind != TokenKind.End)
        {
            var (kind, text, line) = Current;
            if (kind == TokenKind.Data)
            {
                position++;
                nodes.Add(new DataNode(text, line));
            }
            else if (TakeSign("{{"))
            {
                nodes.Add(new OutputNode(Tuple(), line));
                Expect("}}");
            }
            else if (Following.Text is "elif" or "else" or "endif" or "endfor" or "endset" or "endmacro" or "endgeneration")
            {
                break;
            }
            else
            {
                position++;
                Statement(nodes);
            }
        }

        depth--;
        return nodes;
    }

    private void Statement(List<Node> nodes)
    {
        var line = Current.Line;
        switch (Name())
        {
            case "if":
                nodes.Add(If(line));
                break;
            case "for":
                nodes.Add(For(line));
                break;
            case "set":
                nodes.Add(Set(line));
                break;
            case "macro":
                nodes.Add(Macro(line));
                break;
            case "generation":
                // It marks what an assistant wrote, for training; the text is the same.
                Expect("%}");
                nodes.AddRange(Body());
                End("endgeneration");
                break;
            case "break" or "continue" when loops > 0:
                nodes.Add(new LoopControlNode(tokens[position - 1].Text == "break", line));
                Expect("%}");
                break;
            case var name:
                throw Fault($"the statement '{name}'");
        }
    }

    private IfNode If(int line)
    {
        var branches = new List<(Expression? Condition, IReadOnlyList<Node> Body)>();
        var condition = Expression();
        while (true)
        {
            Expect("%}");
            branches.Add((condition, Body()));
            Expect("{%");
            var name = Name();
            if (name == "endif")
            {
                Expect("%}");
                return new IfNode(branches, line);
            }

            condition = name == "elif" ? Expression() : null;
            if (name is not ("elif" or "else") || (branches[^1].Condition is null))
            {
                throw Fault($"'{name}' inside an if");
            }
        }
    }

    private ForNode For(int line)
    {
        var targets = Targets();
        ExpectName("in");
        var items = Or();
        var condition = TakeName("if") ? Expression() : null;
        Expect("%}");
        loops++;
        var body = Body();
        loops--;
        IReadOnlyList<Node> otherwise = [];
        if (Following.Text == "else")
        {
            End("else");
            otherwise = Body();
        }

        End("endfor");
        return new ForNode(targets, items, condition, body, otherwise, line);
    }

    private Node Set(int line)
    {
        var name = Name();
        var attribute = TakeSign(".") ? Name() : null;
        if (TakeSign("="))
        {
            var value = Tuple();
            Expect("%}");
            return new SetNode(name, attribute, value, line);
        }

        Expect("%}");
        var body = Body();
        End("endset");
        return attribute is null ? new SetBlockNode(name, body, line) : throw Fault("a block assigned to an attribute");
    }

    private MacroNode Macro(int line)
    {
        var name = Name();
        Expect("(");
        var parameters = Items(")", () => (Name: Name(), Default: TakeSign("=") ? Expression() : null));
        if (parameters.DistinctBy(parameter => parameter.Name, StringComparer.Ordinal).Count() < parameters.Count)
        {
            throw Fault($"a parameter of '{name}' that is there twice");
        }

        Expect("%}");

        // A loop around the definition is none of its body's.
        var outside = loops;
        loops = 0;
        var body = Body();
        loops = outside;
        End("endmacro");
        return new MacroNode(name, parameters, body, line);
    }

    private List<string> Targets()
    {
        var parenthesis = TakeSign("(");
        List<string> targets = [Name()];
        while (TakeSign(","))
        {
            targets.Add(Name());
        }

        if (parenthesis)
        {
            Expect(")");
        }

        return targets;
    }

    private void Enter()
    {
        if (++depth > Deepest)
        {
            throw Fault($"nesting of more than {Deepest} levels");
        }
    }

    private bool IsSign(string sign) => Current.Kind == TokenKind.Sign && Current.Text == sign;

    private bool IsName(string name) => Current.Kind == TokenKind.Name && Current.Text == name;

    private bool TakeSign(string sign) => Take(IsSign(sign));

    private bool TakeName(string name) => Take(IsName(name));

    private bool Take(bool matches)
    {
        position += matches ? 1 : 0;
        return matches;
    }

    private void Expect(string sign)
    {
        if (!TakeSign(sign))
        {
            throw Fault($"'{Current.Text}' where '{sign}' is expected");
        }
    }

    private void ExpectName(string name)
    {
        if (!TakeName(name))
        {
            throw Fault($"'{Current.Text}' where '{name}' is expected");
        }
    }

    private void End(string name)
    {
        Expect("{%");
        ExpectName(name);
        Expect("%}");
    }

    private string Name()
    {
        var token = Current;
        position++;
        return token.Kind == TokenKind.Name ? token.Text : throw Fault($"'{token.Text}' where a name is expected");
    }

    private InvalidDataException Fault(string what) =>
        new($"{source}, line {tokens[Math.Min(position, tokens.Count - 1)].Line}: {FileText.Shown(what, 300)} is not supported in a chat template; use a simpler template.");
}
