using System.CommandLine;
using CoScientist.Core.Evaluations;
using CoScientist.Core.Interchange;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Web.Configuration;
using CoScientist.Web.Jobs;
using CoScientist.Web.ViewModels;

namespace CoScientist.Web.Commands;

/// <summary><c>report</c>: what the results pages show, as Markdown, CSV or JSON on standard output.</summary>
internal static class ReportCommand
{
    public static Command Create()
    {
        var study = new Option<string[]>("--study") { Description = "Name or id of a study; several for all together, with ratings of their systems", HelpName = "NAME" };
        var run = new Option<string?>("--run") { Description = "Name of a run", HelpName = "NAME" };
        var evaluation = new Option<string?>("--evaluation") { Description = "Name of an evaluation", HelpName = "NAME" };
        var csv = new Option<bool>("--csv") { Description = "A table instead of Markdown: one line per goal of a study, per step of a run, or per plan of an evaluation" };
        var command = new Command("report", "Results of a study, a run or an evaluation as Markdown, CSV or JSON") { study, run, evaluation, csv, ReproduceCommand.Create(), LeakageCommand.Create(), CostCommand.Create() };
        command.Validators.Add(result =>
        {
            if (new[] { result.GetValue(study)?.FirstOrDefault(), result.GetValue(run), result.GetValue(evaluation) }.Count(name => name is not null) != 1)
            {
                result.AddError("Name what to report: one of --study NAME, --run NAME and --evaluation NAME.");
            }
            else if (result.GetValue(csv) && result.GetValue(CommandContext.Json))
            {
                result.AddError("Choose one of --csv and --json.");
            }
        });
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var services = await CommandContext.OpenAsync(parsed, DataUse.Reads, cancellationToken);
            var report = parsed.GetValue(study) is { Length: > 0 } names
                ? await StudiesAsync(services.GetRequiredService<StudyStore>(), names, cancellationToken)
                : parsed.GetValue(run) is { } runName
                    ? await RunAsync(services, runName, cancellationToken)
                    : await EvaluationAsync(services, parsed.GetValue(evaluation)!, cancellationToken);
            if (parsed.GetValue(csv))
            {
                SafeCsv.Write(Console.Out, report.Header, report.Rows);
            }
            else
            {
                CommandContext.Answer(parsed, report.Document, report.Markdown);
            }
        });
        return command;
    }

    private static async Task<Report> StudiesAsync(StudyStore store, IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        var studies = new List<(StudySummary Study, StudyResults Results)>();
        foreach (var name in names)
        {
            if (await store.FindAsync(name, cancellationToken) is not { } study)
            {
                var known = await store.ListAsync(cancellationToken);
                throw new CommandException($"There is no study named \"{name}\". {Known(known.Select(s => s.Name))}");
            }

            studies.Add((study, await store.ResultsAsync(study.Id, cancellationToken)));
        }

        if (studies.Select(s => s.Study.IsSandbox).Distinct().Count() > 1)
        {
            throw new CommandException("The sandbox and real goals are never mixed: report on their studies apart.");
        }

        return studies.Count == 1 ? StudyReport.Of(studies[0].Study, studies[0].Results) : StudyReport.Of(studies);
    }

    private static async Task<Report> RunAsync(IServiceProvider services, string name, CancellationToken cancellationToken)
    {
        var store = services.GetRequiredService<RunStore>();
        if (await store.FindAsync(name, cancellationToken) is not { } run)
        {
            var names = await store.ListAsync(cancellationToken);
            throw new CommandException($"There is no run named \"{name}\". {Known(names.Select(r => r.Name))}");
        }

        var history = new RunHistory(new RunFolder(services.GetRequiredService<CoScientistOptions>().RunDirectory(run.Name)));
        history.Refresh();
        return RunReport.Of(run, history.Steps);
    }

    private static async Task<Report> EvaluationAsync(IServiceProvider services, string name, CancellationToken cancellationToken)
    {
        var job = services.GetRequiredService<EvaluationJob>();
        if (EvaluationSpec.IsName(name) && job.Folder(name) is { Exists: true } folder)
        {
            return EvaluationReport.Of(name, EvaluationResult.Read(folder), await services.GetRequiredService<ModelCallStore>().TotalsOfAsync(EvaluationJob.Purpose(name), cancellationToken));
        }

        throw new CommandException($"There is no evaluation named \"{name}\". {Known(job.Names())}");
    }

    private static string Known(IEnumerable<string> names)
    {
        var some = names.Take(10).ToList();
        return some.Count == 0 ? "There is none in this data directory: check --data." : $"These are there: {string.Join(", ", some)}.";
    }
}
