using System.CommandLine;
using CoScientist.Core.Interchange;
using CoScientist.Core.Storage;
using CoScientist.Training.Sandbox.Leakage;
using CoScientist.Web.ViewModels;

namespace CoScientist.Web.Commands;

/// <summary><c>report leakage</c>: how many rubric items can be read off their goals, by pipeline and field, beside what others have published.</summary>
internal static class LeakageCommand
{
    private const int MostPapers = 320;

    public static Command Create()
    {
        var sandbox = new Option<bool>("--sandbox") { Description = "Measure both pipelines on papers of the sandbox, where the truth is known; about a minute" };
        var papers = new Option<int>("--papers") { Description = "Papers of the sandbox to read", DefaultValueFactory = _ => MostPapers };
        var csv = new Option<bool>("--csv") { Description = "A table instead of Markdown" };
        var command = new Command("leakage", "Rubric items that can be read off their goals, by pipeline and field of research") { sandbox, papers, csv };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var report = parsed.GetValue(sandbox) ? await SandboxAsync(parsed.GetValue(papers), cancellationToken) : await LibraryAsync(parsed, cancellationToken);
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

    private static async Task<Report> SandboxAsync(int papers, CancellationToken cancellationToken) => papers is >= 1 and <= MostPapers
        ? LeakageReport.Of(await SandboxLeakage.MeasureAsync(papers, cancellationToken))
        : throw new CommandException($"--papers {papers}: the sandbox has {MostPapers} test papers; ask for 1 to {MostPapers}.");

    private static async Task<Report> LibraryAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var use = CommandContext.WritesIfFree(parsed);
        await using var services = await CommandContext.OpenAsync(parsed, use, cancellationToken);
        if (use == DataUse.Writes)
        {
            await services.GetRequiredService<ItemCheckStore>().CheckMissingAsync(cancellationToken);
        }

        var store = services.GetRequiredService<LeakageStore>();
        return LeakageReport.Of(await store.RowsAsync(sandbox: false, cancellationToken), await store.FaultsAsync(sandbox: false, cancellationToken));
    }
}
