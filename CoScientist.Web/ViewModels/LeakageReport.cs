using System.Globalization;
using CoScientist.Core.Statistics;
using CoScientist.Core.Storage;
using CoScientist.Training.Sandbox.Leakage;

namespace CoScientist.Web.ViewModels;

/// <summary>A leakage rate that others have published.</summary>
/// <param name="Field">Field of research.</param>
/// <param name="Data">What it was measured on.</param>
/// <param name="Rate">Share of items that can be inferred from the goal alone.</param>
/// <param name="Source">Where it stands.</param>
public sealed record PublishedLeakage(string Field, string Data, double Rate, string Source);

/// <summary>Leakage of the library, and of the sandbox's papers, as Markdown, a table and a document.</summary>
internal static class LeakageReport
{
    /// <summary>The rates to compare with: the published data of arXiv 2512.23707, and data made the leak-resistant way.</summary>
    public static IReadOnlyList<PublishedLeakage> Published { get; } =
    [
        new("ml", "data of arXiv 2512.23707", 0.31, "arXiv 2608.31119"),
        new("arxiv", "data of arXiv 2512.23707", 0.34, "arXiv 2608.31119"),
        new("all", "goals from background, rubrics from method", 0.037, "arXiv 2608.31119"),
    ];

    /// <summary>The library's report.</summary>
    /// <param name="rows">Leakage by pipeline and domain.</param>
    /// <param name="faults">All faults by pipeline.</param>
    public static Report Of(IReadOnlyList<LeakageRow> rows, IReadOnlyList<FaultRow> faults) => new(
        [.. Lines(rows, faults)],
        new { Rows = rows, Faults = faults, Published },
        ["pipeline", "domain", "goals", "items", "judged", "leaks", "rate", "low", "high", "rate_not_rejected"],
        [.. rows.Select(row => (IReadOnlyList<object?>)[row.Pipeline, row.Domain ?? "all", row.Goals, row.Items, row.Judged, row.Leaks, row.Rate.Value, row.Rate.Low, row.Rate.High, row.RateLeft])]);

    /// <summary>The sandbox's report.</summary>
    public static Report Of(SandboxLeakageReport report) => new(
        [.. Lines(report)],
        report,
        ["papers", "creator", "pipeline", "goals", "failed", "items", "leaks", "rate", "low", "high", "wording_rate", "rate_left"],
        [.. report.Rows.Select(row => (IReadOnlyList<object?>)[row.Papers, row.Creator, row.Pipeline, row.Goals, row.Failed, row.Items, row.Leaks, row.Truth.Value, row.Truth.Low, row.Truth.High, row.Wording.Value, row.Left.Value])]);

    /// <summary>A share in percent.</summary>
    public static string Percent(double share) => (100 * share).ToString("0.0", CultureInfo.InvariantCulture) + "%";

    /// <summary>A share in percent with its interval.</summary>
    public static string Percent(Estimate share) => $"{Percent(share.Value)} ({Percent(share.Low)} to {Percent(share.High)})";

    private static IEnumerable<string> Lines(IReadOnlyList<LeakageRow> rows, IReadOnlyList<FaultRow> faults)
    {
        yield return "# Leakage";
        yield return "";
        if (rows.Count == 0)
        {
            yield return "No item of a real goal has been checked. Extract or import goals first, then run check.";
            yield break;
        }

        yield return "Share of rubric items that can be read off their goal, so that a paraphrase of the goal earns them. A judge's word counts where one has judged (check --judge NAME), else at least half of the item's content words stand in the goal, or a sentence of the goal says how it is to be done. 95% intervals, goals are the clusters.";
        yield return "";
        yield return Report.Row("Pipeline", "Field", "Goals", "Items", "Judged", "Leaks", "Leakage", "Without rejected");
        yield return "|---|---|---:|---:|---:|---:|---:|---:|";
        foreach (var row in rows)
        {
            yield return Report.Row(row.Pipeline, row.Domain ?? "all", Number(row.Goals), Number(row.Items), Number(row.Judged), Number(row.Leaks), Percent(row.Rate), row.RateLeft is { } left ? Percent(left) : "–");
        }

        foreach (var published in Published)
        {
            yield return Report.Row("published", $"{published.Field}: {published.Data} ({published.Source})", "", "", "", "", Percent(published.Rate), "");
        }

        yield return "";
        yield return Report.Row("Pipeline", "Fault", "Items");
        yield return "|---|---|---:|";
        foreach (var row in faults)
        {
            yield return Report.Row(row.Pipeline, Words.For(row.Fault), Number(row.Items));
        }
    }

    private static IEnumerable<string> Lines(SandboxLeakageReport report)
    {
        yield return "# Leakage on the sandbox's papers";
        yield return "";
        yield return Report.SandboxNote;
        yield return "";
        yield return "Truth: the world knows which decision an item asks for, and whether the goal names it, in whatever words. The creator \"slips\" lets a goal tell 30% of the decisions it has seen and sorts 5% of passages wrongly (the second: 50%); these rates are set, so that its rate in the paper pipeline shows nothing by itself. \"Copies sentences\" has no rate to set: its goals are the most central sentences it was shown. Papers with previews tell two decisions in abstract and introduction, half of them in other words than the method, as what was done or what something can rest on; papers in odd frames tell them in sentences that no rule of the pipelines knows: what gets past there is the limit of rules.";
        yield return "";
        yield return Report.Row("Papers", "Creator", "Pipeline", "Goals", "Failed", "Items", "Leakage, truth", "Leakage, wording", "Truth, those taken out");
        yield return "|---|---|---|---:|---:|---:|---:|---:|---:|";
        foreach (var row in report.Rows)
        {
            yield return Report.Row(row.Papers, row.Creator, row.Pipeline, Number(row.Goals), Number(row.Failed), Number(row.Items), Percent(row.Truth), Percent(row.Wording), Percent(row.Left));
        }

        yield return "";
        yield return "The check by wording against the truth, over the items of the paper pipeline (the other one has used it already):";
        yield return "";
        yield return Report.Row("Share of words from", "Flagged", "Precision", "Recall", "Recall, same words", "Recall, other words");
        yield return "|---:|---:|---:|---:|---:|---:|";
        foreach (var row in report.Check)
        {
            yield return Report.Row(row.Threshold?.ToString("0.0", CultureInfo.InvariantCulture) ?? "the check", Number(row.Flagged), Share(row.Precision), Share(row.Recall), Share(row.RecallVerbatim), Share(row.RecallReworded));
        }
    }

    private static string Number(int value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Share(double? value) => value?.ToString("0.00", CultureInfo.InvariantCulture) ?? "–";
}
