using System.Security.Cryptography;
using System.Text;
using CoScientist.Core.Goals;

namespace CoScientist.Core.Interchange;

/// <summary>A row of a research-plan-gen dataset (arXiv 2512.23707).</summary>
/// <param name="Line">Line in the file, from 1.</param>
/// <param name="Goal">The goal's text.</param>
/// <param name="Rubric">The items.</param>
/// <param name="ReferenceSolution">One possible approach; null when the row has none.</param>
/// <param name="ArticleId">The article the goal was drawn from: the split is drawn by it.</param>
/// <param name="QuestionId">Number of the goal within its article; empty when the file has no such column.</param>
/// <param name="Subdomain">Finer field; null when absent.</param>
/// <param name="Category">Field; null when absent.</param>
public sealed record DatasetRow(int Line, string Goal, IReadOnlyList<string> Rubric, string? ReferenceSolution, string ArticleId, string QuestionId, string? Subdomain, string? Category)
{
    /// <summary>Weights of the items, in the rubric's order; null when the file has none, and all weigh 1.</summary>
    public IReadOnlyList<double>? Weights { get; init; }

    /// <summary>Part of the data that the row names itself; null when it names none, and the part is drawn.</summary>
    public GoalSplit? Split { get; init; }

    /// <summary>Version of the rubric that the row names; 1 when it names none.</summary>
    public int RubricVersion { get; init; } = 1;

    /// <summary>
    /// All columns as a JSON object with the file's own names, order and values, unknown columns too. Where a value reads back
    /// from the rest of this row as it was, null stands for it: nothing is kept twice, and what people change later counts.
    /// </summary>
    public string Columns { get; init; } = "{}";

    /// <summary>Key of the row: article and number of the goal. Files without numbers still get a key of their own per goal.</summary>
    public string Key => $"{ArticleId}/{(QuestionId.Length > 0 ? QuestionId : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Goal)))[..12])}";
}

/// <summary>A faulty row.</summary>
/// <param name="Line">Line in the file, from 1.</param>
/// <param name="Message">What is wrong with it and what to do.</param>
public sealed record RowFault(int Line, string Message)
{
    /// <summary>What is wrong with it and what to do; texts of the row in it are cut.</summary>
    public string Message { get; } = FileText.Shown(Message, 600);
}

/// <summary>A file of which nothing is taken.</summary>
/// <param name="fileName">The file.</param>
/// <param name="message">What is wrong and what to do.</param>
/// <param name="inner">The cause.</param>
public sealed class DatasetFormatException(string fileName, string message, Exception? inner = null) : Exception($"{fileName}: {FileText.Shown(message, 1000)}", inner);
