using System.Globalization;

namespace CoScientist.Training.Chat;

/// <content>Expressions, from the loosest operator to the tightest.</content>
internal sealed partial class TemplateParser
{
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
            else if (IsName("not") && Following is { Kind: TokenKind.Name, Text: "in" })
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
            if (Current.Kind == TokenKind.Name && Following is { Kind: TokenKind.Sign, Text: "=" })
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
}
