namespace CoScientist.Web.ViewModels;

/// <summary>Results in the three forms that leave the application.</summary>
/// <param name="Markdown">Lines for people.</param>
/// <param name="Document">The JSON document.</param>
/// <param name="Header">Columns of the table.</param>
/// <param name="Rows">Rows of the table.</param>
internal sealed record Report(IReadOnlyList<string> Markdown, object Document, IReadOnlyList<string> Header, IReadOnlyList<IReadOnlyList<object?>> Rows)
{
    /// <summary>A line of a Markdown table; bars and line breaks inside cells cannot break it.</summary>
    public static string Row(params IEnumerable<string> cells) =>
        $"| {string.Join(" | ", cells.Select(c => c.Replace("|", "\\|", StringComparison.Ordinal).ReplaceLineEndings(" ")))} |";

    /// <summary>The line under the header: the first column of text, the others of numbers.</summary>
    public static string Rule(int columns) => "|---|" + string.Concat(Enumerable.Repeat("---:|", columns - 1));

    /// <summary>Said wherever results of the sandbox leave the application.</summary>
    public const string SandboxNote = "Sandbox: a generated world, not real research.";
}
