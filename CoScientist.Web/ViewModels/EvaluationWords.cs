using System.Globalization;
using CoScientist.Core.Statistics;

namespace CoScientist.Web.ViewModels;

/// <summary>Tables of evaluations in Markdown, the same in every report. A table without rows is left out.</summary>
internal static class EvaluationWords
{
    /// <summary>A table under its title.</summary>
    /// <param name="title">The title.</param>
    /// <param name="header">Columns.</param>
    /// <param name="rows">Cells; nothing is printed when there are none.</param>
    /// <param name="remark">A line under the table.</param>
    public static IEnumerable<string> Table(string title, IReadOnlyList<string> header, IEnumerable<IReadOnlyList<string>> rows, string? remark = null)
    {
        var lines = rows.Select(row => Report.Row(row)).ToList();
        return lines.Count == 0 ? [] : ["", $"## {title}", "", Report.Row(header), Report.Rule(header.Count), .. lines, .. remark is null ? Array.Empty<string>() : ["", remark]];
    }

    /// <summary>Trained on one domain (rows), tested on all (columns): relative gains of the judge's score. In-domain cells are bold.</summary>
    public static IEnumerable<string> CrossDomain(IReadOnlyList<CrossDomainCell> cells)
    {
        var domains = cells.Select(cell => cell.TestedOn).Distinct(StringComparer.Ordinal).ToList();
        return Table(
            "Trained on one domain, tested on all: relative gain",
            ["Trained on", .. domains],
            cells.GroupBy(cell => (cell.Arm, cell.TrainedOn)).Select(IReadOnlyList<string> (row) =>
                [$"{row.Key.TrainedOn} ({row.Key.Arm})", .. domains.Select(domain => row.FirstOrDefault(cell => cell.TestedOn == domain) is { } cell ? cell.InDomain ? $"**{Percent(cell.Comparison.RelativeGain)}**" : Percent(cell.Comparison.RelativeGain) : "–")]));
    }

    /// <summary>The best-of-N curve with the selection gap and the bias of the highest score.</summary>
    public static IEnumerable<string> BestOfN(string title, IReadOnlyList<BestOfNPoint> points, IReadOnlyList<MaximumBiasPoint> bias) => Table(
        title,
        ["N", "Goals", "Picked by the grader", "Grader's claim", "Judge's best", "Gain over the mean", "Selection gap", "Recovered", "Bias of the claim"],
        points.Select(point => new[]
        {
            point.N.ToString(CultureInfo.InvariantCulture), point.Goals.ToString(CultureInfo.InvariantCulture), Interval(point.Picked), Interval(point.Claimed), Interval(point.Best), Interval(point.Gain), Interval(point.Gap),
            point.Recovered is { } share ? share.ToString("0%", CultureInfo.InvariantCulture) : "–",
            bias.FirstOrDefault(b => b.N == point.N) is { } at ? Interval(at.Bias) : "–",
        }),
        "'Picked' is the judge's score of the plan that the grader picks; 'recovered' the share of the possible gain that its picking brings. 'Bias of the claim' is how much the highest of N scores by half of the items overstates the same plan's score by the other half: an upper bound of the luck in the claim.");

    /// <summary>Win rates and gains with the part explained by length taken out.</summary>
    /// <param name="title">The title.</param>
    /// <param name="rows">Each arm with its raw comparison and the controlled one.</param>
    public static IEnumerable<string> EqualLength(string title, IEnumerable<(string Arm, ArmComparison? Raw, LengthControlled? Controlled)> rows) => Table(
        title,
        ["Model", "Longer by (tokens)", "Win rate", "At equal lengths", "Gain", "At equal lengths", "Seen at equal lengths"],
        rows.Select(row => new[]
        {
            row.Arm,
            row.Controlled?.MeanDifference.ToString("+0.0;-0.0;0.0", CultureInfo.InvariantCulture) ?? "–",
            row.Raw is { } raw ? Interval(raw.WinRate) : "–",
            row.Controlled is { } rate ? Interval(rate.WinRate) : "–",
            row.Raw is { } gain ? Interval(gain.Gain) : "–",
            row.Controlled is { } controlled ? Interval(controlled.Gain) : "–",
            row.Controlled is null ? "–" : row.Controlled.Extrapolated ? "no" : "yes",
        }));

    /// <summary>Three decimals.</summary>
    public static string Number(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);

    /// <summary>A value with its interval in brackets.</summary>
    public static string Interval(Estimate value) => $"{Number(value.Value)} [{Number(value.Low)}, {Number(value.High)}]";

    /// <summary>A relative gain in percent with its interval; a dash where it is not defined.</summary>
    public static string Percent(Estimate? gain)
    {
        return gain is { } value ? $"{Text(value.Value)}% [{Text(value.Low)}, {Text(value.High)}]" : "–";

        static string Text(double share) => (100 * share).ToString("+0.0;-0.0;0.0", CultureInfo.InvariantCulture);
    }
}
