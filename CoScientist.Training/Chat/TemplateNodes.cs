namespace CoScientist.Training.Chat;

/// <summary>A part of a parsed template.</summary>
/// <param name="Line">Where it stands.</param>
internal abstract record Node(int Line);

internal sealed record DataNode(string Text, int Line) : Node(Line);

internal sealed record OutputNode(Expression Value, int Line) : Node(Line);

internal sealed record IfNode(IReadOnlyList<(Expression? Condition, IReadOnlyList<Node> Body)> Branches, int Line) : Node(Line);

internal sealed record ForNode(IReadOnlyList<string> Targets, Expression Items, Expression? Condition, IReadOnlyList<Node> Body, IReadOnlyList<Node> Otherwise, int Line) : Node(Line);

/// <summary>An assignment to a name, or to an attribute of a namespace.</summary>
internal sealed record SetNode(string Name, string? Attribute, Expression Value, int Line) : Node(Line);

/// <summary>An assignment of what a body renders.</summary>
internal sealed record SetBlockNode(string Name, IReadOnlyList<Node> Body, int Line) : Node(Line);

/// <summary>A piece of template to be called by name; a parameter without a default is undefined where it is not given.</summary>
internal sealed record MacroNode(string Name, IReadOnlyList<(string Name, Expression? Default)> Parameters, IReadOnlyList<Node> Body, int Line) : Node(Line);

internal sealed record LoopControlNode(bool Break, int Line) : Node(Line);

/// <summary>An expression.</summary>
/// <param name="Line">Where it stands.</param>
internal abstract record Expression(int Line);

internal sealed record LiteralExpression(object? Value, int Line) : Expression(Line);

internal sealed record NameExpression(string Name, int Line) : Expression(Line);

internal sealed record ListExpression(IReadOnlyList<Expression> Items, int Line) : Expression(Line);

internal sealed record MapExpression(IReadOnlyList<(Expression Key, Expression Value)> Items, int Line) : Expression(Line);

internal sealed record AttributeExpression(Expression Of, string Name, int Line) : Expression(Line);

internal sealed record IndexExpression(Expression Of, Expression Index, int Line) : Expression(Line);

internal sealed record SliceExpression(Expression Of, Expression? Start, Expression? End, Expression? Step, int Line) : Expression(Line);

/// <summary>A call of a function (no <paramref name="Of"/>) or of a method.</summary>
internal sealed record CallExpression(Expression? Of, string Name, Arguments Arguments, int Line) : Expression(Line);

internal sealed record FilterExpression(Expression Of, string Name, Arguments Arguments, int Line) : Expression(Line);

internal sealed record TestExpression(Expression Of, string Name, Arguments Arguments, int Line) : Expression(Line);

internal sealed record UnaryExpression(string Operator, Expression Operand, int Line) : Expression(Line);

internal sealed record BinaryExpression(string Operator, Expression Left, Expression Right, int Line) : Expression(Line);

internal sealed record ConditionalExpression(Expression Condition, Expression Then, Expression? Else, int Line) : Expression(Line);

/// <summary>Arguments of a call.</summary>
internal sealed record Arguments(IReadOnlyList<Expression> Positional, IReadOnlyList<(string Name, Expression Value)> Named)
{
    public static Arguments None { get; } = new([], []);
}
