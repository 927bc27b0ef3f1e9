using System.Globalization;

namespace CoScientist.Training.Chat;

/// <summary>Parses the part of Jinja that chat templates use; anything else is refused with its name and line.</summary>
internal sealed class TemplateParser
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
        return parser.Current.Kind == TokenKind.End ? nodes : throw parser.Fault($"'{parser.tokens[parser.position + 1].Text}' without its beginning");
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
            else if (tokens[position + 1].Text is "elif" or "else" or "endif" or "endfor" or "endset" or "endgeneration")
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
        if (tokens[position + 1].Text == "else")
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

    private Expression Tuple()
    {
        var line = Current.Line;
        var first = Expression();
        if (!IsSign(","))
        {
            return first;
        }

        List<Expression> items = [first];
        while (TakeSign(","))
        {
            items.Add(Expression());
        }

        return new ListExpression(items, line);
    }

    private Expression Expression()
    {
        Enter();
        var value = Or();
        while (TakeName("if"))
        {
            var line = Current.Line;
            var condition = Or();
            value = new ConditionalExpression(condition, value, TakeName("else") ? Expression() : null, line);
        }

        depth--;
        return value;
    }

    private Expression Or() => Left(And, "or");

    private Expression And() => Left(Not, "and");

    private Expression Not()
    {
        if (!TakeName("not"))
        {
            return Comparison();
        }

        Enter();
        var negated = new UnaryExpression("not", Not(), Current.Line);
        depth--;
        return negated;
    }

    private Expression Comparison()
    {
        var left = Left(Joined, "+", "-");
        while (true)
        {
            var line = Current.Line;
            if (Current is { Kind: TokenKind.Sign, Text: "==" or "!=" or "<" or "<=" or ">" or ">=" })
            {
                var sign = tokens[position++].Text;
                left = new BinaryExpression(sign, left, Left(Joined, "+", "-"), line);
            }
            else if (TakeName("in"))
            {
                left = new BinaryExpression("in", left, Left(Joined, "+", "-"), line);
            }
            else if (IsName("not") && tokens[position + 1] is { Kind: TokenKind.Name, Text: "in" })
            {
                position += 2;
                left = new UnaryExpression("not", new BinaryExpression("in", left, Left(Joined, "+", "-"), line), line);
            }
            else
            {
                return left;
            }
        }
    }

    private Expression Joined() => Left(Product, "~");

    private Expression Product() => Left(Unary, "*", "/", "//", "%");

    /// <summary>Operators of one rank, from the left.</summary>
    private Expression Left(Func<Expression> operand, params ReadOnlySpan<string> operators)
    {
        var start = depth;
        var left = operand();
        while (Current.Kind is TokenKind.Sign or TokenKind.Name && operators.Contains(Current.Text))
        {
            Enter();
            var (_, sign, line) = tokens[position++];
            left = new BinaryExpression(sign, left, operand(), line);
        }

        depth = start;
        return left;
    }

    private Expression Unary()
    {
        if (Current is not { Kind: TokenKind.Sign, Text: "-" or "+" })
        {
            return Postfix(Primary());
        }

        Enter();
        var (_, sign, line) = tokens[position++];
        var signed = new UnaryExpression(sign, Unary(), line);
        depth--;
        return signed;
    }

    private Expression Primary()
    {
        var (kind, text, line) = tokens[position++];
        switch (kind)
        {
            case TokenKind.Text:
                while (Current.Kind == TokenKind.Text)
                {
                    text += tokens[position++].Text;
                }

                return new LiteralExpression(MarkedString.Own(text), line);
            case TokenKind.Number:
                return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var whole)
                    ? new LiteralExpression(whole, line)
                    : double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var real) ? new LiteralExpression(real, line) : throw Fault($"the number '{text}'");
            case TokenKind.Name:
                return text switch
                {
                    "true" or "True" => new LiteralExpression(true, line),
                    "false" or "False" => new LiteralExpression(false, line),
                    "none" or "None" => new LiteralExpression(null, line),
                    _ when IsSign("(") => new CallExpression(null, text, Arguments(), line),
                    _ => new NameExpression(text, line),
                };
            case TokenKind.Sign when text == "(":
                var inner = IsSign(")") ? new ListExpression([], line) : Tuple();
                Expect(")");
                return inner;
            case TokenKind.Sign when text == "[":
                return new ListExpression(Items("]", Expression), line);
            case TokenKind.Sign when text == "{":
                return new MapExpression(Items("}", () =>
                {
                    var key = Expression();
                    Expect(":");
                    return (key, Expression());
                }), line);
            default:
                position--;
                throw Fault(kind == TokenKind.End ? "an unfinished expression" : $"'{text}' in an expression");
        }
    }

    private Expression Postfix(Expression value)
    {
        var start = depth;
        while (true)
        {
            var line = Current.Line;
            if (TakeSign("."))
            {
                var name = Name();
                value = IsSign("(") ? new CallExpression(value, name, Arguments(), line) : new AttributeExpression(value, name, line);
            }
            else if (TakeSign("["))
            {
                value = Subscript(value, line);
            }
            else if (TakeSign("|"))
            {
                var name = Name();
                value = new FilterExpression(value, name, IsSign("(") ? Arguments() : Chat.Arguments.None, line);
            }
            else if (TakeName("is"))
            {
                var negated = TakeName("not");
                var name = Name();
                var arguments = IsSign("(") ? Arguments() : Current.Kind is TokenKind.Text or TokenKind.Number ? new Arguments([Primary()], []) : Chat.Arguments.None;
                value = new TestExpression(value, name, arguments, line);
                value = negated ? new UnaryExpression("not", value, line) : value;
            }
            else
            {
                depth = start;
                return value;
            }

            // A chain is evaluated from its end inwards.
            Enter();
        }
    }

    private Expression Subscript(Expression value, int line)
    {
        var start = IsSign(":") ? null : Expression();
        if (start is not null && TakeSign("]"))
        {
            return new IndexExpression(value, start, line);
        }

        Expect(":");
        var end = IsSign(":") || IsSign("]") ? null : Expression();
        var step = TakeSign(":") && !IsSign("]") ? Expression() : null;
        Expect("]");
        return new SliceExpression(value, start, end, step, line);
    }

    private Arguments Arguments()
    {
        Expect("(");
        var named = new List<(string Name, Expression Value)>();
        var positional = Items(")", () =>
        {
            if (Current.Kind == TokenKind.Name && tokens[position + 1] is { Kind: TokenKind.Sign, Text: "=" })
            {
                var name = Name();
                Expect("=");
                named.Add((name, Expression()));
                return null;
            }

            return Expression();
        });
        return new Arguments([.. positional.OfType<Expression>()], named);
    }

    private List<T> Items<T>(string end, Func<T> item)
    {
        var items = new List<T>();
        while (!TakeSign(end))
        {
            items.Add(item());
            if (!IsSign(end))
            {
                Expect(",");
            }
        }

        return items;
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
        new($"{source}, line {tokens[Math.Min(position, tokens.Count - 1)].Line}: {what} is not supported in a chat template; use a simpler template.");
}
