using CoScientist.Core.Statistics;

namespace CoScientist.Web.ViewModels;

/// <summary>One figure of a study's results: the same on the page, in the report and in its downloads.</summary>
/// <param name="Key">Name in addresses and files.</param>
/// <param name="Title">What it shows.</param>
/// <param name="Note">Of how many units it is, and what has to be known to read it.</param>
/// <param name="Header">Columns of its data.</param>
/// <param name="Rows">Its data; the first column is text.</param>
public sealed record StudyFigure(string Key, string Title, string Note, IReadOnlyList<string> Header, IReadOnlyList<IReadOnlyList<object?>> Rows)
{
    /// <summary>Estimates on an axis from 0 to 1, where it is drawn; empty for a table.</summary>
    public IReadOnlyList<IntervalRow> Intervals { get; init; } = [];
}
