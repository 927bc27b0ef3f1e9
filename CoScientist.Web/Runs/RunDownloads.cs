using System.Globalization;
using System.Text;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Web.Accounts;
using CoScientist.Web.Operation;
using CoScientist.Web.ViewModels;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Mvc;

namespace CoScientist.Web.Runs;

/// <summary>
/// Files of a run's charts: <c>/runs/NAME/charts/KEY.svg</c> as it is looked at, <c>KEY.csv</c> with every step; of several runs on one
/// chart under <c>/runs/compare/charts/KEY.svg?run=A&amp;run=B</c>.
/// </summary>
internal static class RunDownloads
{
    /// <summary>Stands in the place of a run's name where several are meant; no run is called so, because their names end with a number.</summary>
    private const string Several = "compare";

    /// <summary>Maps them for researchers.</summary>
    public static void MapRunDownloads(this IEndpointRouteBuilder endpoints)
    {
        var charts = endpoints.MapGroup("/runs/{name}/charts").RequireAuthorization(new AuthorizeAttribute { Roles = $"{Roles.Researcher},{Roles.Administrator}" }).RecordsExports();
        charts.MapGet("/{key}.svg", async (string name, string key, double? smoothing, string? from, string? to, bool? log, [FromQuery(Name = "run")] string[] names, RunStore runs, StudyStore studies, RunHistories histories, CancellationToken cancellationToken) =>
        {
            if (await FindAsync(name, key, names, runs, studies, histories, cancellationToken) is not { } found)
            {
                return Results.NotFound();
            }

            var view = new ChartView(Math.Clamp(smoothing ?? 0, 0, .999), Number(from), Number(to), log ?? false);
            var mark = key == RunCharts.ScoreKey && found.Run?.BestStep is { } best ? new ChartMark(best, FormattableString.Invariant($"picked: step {best}")) : null;
            var title = $"{(found.Run is null ? "" : found.Run.Name + ": ")}{found.Chart.Title}{(found.Chart.Unit.Length > 0 ? ", " + found.Chart.Unit : "")}";
            var svg = ChartSvg.Write(title, ChartPlot.Of(found.Chart.Series, view, 5), mark, "step", found.Chart.Format);
            return Results.File(Encoding.UTF8.GetBytes(svg), "image/svg+xml", $"{name}-{key}.svg");
        });
        charts.MapGet("/{key}.csv", async (string name, string key, [FromQuery(Name = "run")] string[] names, RunStore runs, StudyStore studies, RunHistories histories, CancellationToken cancellationToken) =>
            await FindAsync(name, key, names, runs, studies, histories, cancellationToken) is { } found
                ? Results.File(Encoding.UTF8.GetBytes(Table(found.Chart)), "text/csv", $"{name}-{key}.csv")
                : Results.NotFound());
    }

    /// <summary>Every point of a chart: a line a step, a column a series, and two more where it has intervals.</summary>
    internal static string Table(RunChart chart)
    {
        var columns = chart.Series.Select(line => (line.Name, Points: line.Points.GroupBy(point => point.X).ToDictionary(group => group.Key, group => group.Last()), Bounds: line.Points.Any(point => point.Low is not null))).ToArray();
        var table = new StringBuilder("step");
        foreach (var (name, _, bounds) in columns)
        {
            var text = name.Replace(',', ';').Replace("\"", "", StringComparison.Ordinal);
            table.Append(',').Append(text);
            if (bounds)
            {
                table.Append(',').Append(text).Append(" low,").Append(text).Append(" high");
            }
        }

        table.Append('\n');
        foreach (var step in columns.SelectMany(column => column.Points.Keys).Distinct().Order())
        {
            table.Append(step.ToString("R", CultureInfo.InvariantCulture));
            foreach (var (_, points, bounds) in columns)
            {
                ChartPoint? point = points.TryGetValue(step, out var known) ? known : null;
                table.Append(',').Append(Cell(point?.Y));
                if (bounds)
                {
                    table.Append(',').Append(Cell(point?.Low)).Append(',').Append(Cell(point?.High));
                }
            }

            table.Append('\n');
        }

        return table.ToString();
    }

    private static string Cell(double? value) => value?.ToString("R", CultureInfo.InvariantCulture) ?? "";

    private static double? Number(string? text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null;

    private static async Task<(Run? Run, RunChart Chart)?> FindAsync(string name, string key, string[] names, RunStore runs, StudyStore studies, RunHistories histories, CancellationToken cancellationToken)
    {
        if (RunCharts.Kinds.FirstOrDefault(kind => kind.Key == key) is not { } kind)
        {
            return null;
        }

        if (name == Several)
        {
            return (null, RunComparison.Chart(kind, RunComparison.Find(await runs.ListAsync(cancellationToken), names, histories)));
        }

        return await runs.FindAsync(name, cancellationToken) is not { } run
            ? null
            : (run, key == RunCharts.ScoreKey ? RunCharts.Scores(run, histories.Of(run.Name), await HumanScore.OfAsync(run, studies, cancellationToken)) : RunCharts.Of(kind, histories.Of(run.Name)));
    }
}
