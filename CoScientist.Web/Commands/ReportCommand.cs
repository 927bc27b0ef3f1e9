using System.CommandLine;
using CoScientist.Core.Interchange;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Web.Configuration;
using CoScientist.Web.ViewModels;

namespace CoScientist.Web.Commands;

/// <summary><c>report</c>: what the results pages show, as Markdown, CSV or JSON on standard output.</summary>
internal static class ReportCommand
{
    public static Command Create()
    {
        var study = new Option<string?>("--study") { Description = "Name or id of a study", HelpName = "NAME" };
        var run = new Option<string?>("--run") { Description = "Name of a run", HelpName = "NAME" };
        var csv = new Option<bool>("--csv") { Description = "A table instead of Markdown: one line per goal of a study, or per step of a run" };
        var command = new Command("report", "Results of a study or a run as Markdown, CSV or JSON") { study, run, csv };
        command.Validators.Add(result =>
        {
            if (result.GetValue(study) is null == result.GetValue(run) is null)
            {
                result.AddError("Name what to report: either --study NAME or --run NAME.");
            }
            else if (result.GetValue(csv) && result.GetValue(CommandContext.Json))
            {
                result.AddError("Choose one of --csv and --json.");
            }
        });
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var services = await CommandContext.OpenAsync(parsed, cancellationToken);
            var report = parsed.GetValue(study) is { } name
                ? await StudyAsync(services.GetRequiredService<StudyStore>(), name, cancellationToken)
                : await RunAsync(services, parsed.GetValue(run)!, cancellationToken);
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

    private static async Task<Report> StudyAsync(StudyStore store, string name, CancellationToken cancellationToken)
    {
        if (await store.FindAsync(name, cancellationToken) is { } study)
        {
            return StudyReport.Of(study, await store.ResultsAsync(study.Id, cancellationToken));
        }

        var names = await store.ListAsync(cancellationToken);
        throw new CommandException($"There is no study named \"{name}\". {Known(names.Select(s => s.Name))}");
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

    private static string Known(IEnumerable<string> names)
    {
        var some = names.Take(10).ToList();
        return some.Count == 0 ? "There is none in this data directory: check --data." : $"These are there: {string.Join(", ", some)}.";
    }
}
