using System.CommandLine;
using CoScientist.Core.Storage;
using CoScientist.Training.Reproduction;
using CoScientist.Training.Sandbox;
using CoScientist.Web.Configuration;
using CoScientist.Web.ViewModels;

namespace CoScientist.Web.Commands;

/// <summary><c>report reproduce</c>: every experiment behind the results document, run in the sandbox, and its tables.</summary>
internal static class ReproduceCommand
{
    private const string Begin = "<!-- tables -->";
    private const string End = "<!-- /tables -->";

    /// <summary>Makes the verb.</summary>
    public static Command Create()
    {
        var cached = new Option<bool>("--cached") { Description = "Print the last results without running anything" };
        var only = new Option<string?>("--only") { Description = $"One part: {string.Join(", ", Experiment.Parts)}", HelpName = "PART" };
        var into = new Option<string?>("--into") { Description = $"Also put the tables into a Markdown document, between the lines {Begin} and {End}", HelpName = "FILE" };
        only.AcceptOnlyFromAmong([.. Experiment.Parts]);
        var command = new Command("reproduce", "Run the experiments behind the results document in the sandbox, about an hour on one core; stopped and called again, it goes on") { cached, only, into };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var directory = Path.Combine(DataDirectory.Resolve(parsed.GetValue(CommandContext.Data)), "reproduce");
            var options = new ReproductionOptions();
            var runner = new ReproductionRunner(directory, SandboxBaseModel.Directory, options, TimeProvider.System);
            if (!parsed.GetValue(cached))
            {
                using var held = DataDirectoryLock.Acquire(directory, "report reproduce", TimeProvider.System);
                using var progress = new ReproduceProgress(Console.Error, bar: !Console.IsErrorRedirected);
                await runner.RunAsync(parsed.GetValue(only), progress.Show, cancellationToken);
            }

            var results = runner.Results(stale: parsed.GetValue(cached));
            if (results.Count == 0)
            {
                throw new CommandException($"There are no results in {directory}. Run 'report reproduce' without --cached first, or name the data directory it ran in with --data.");
            }

            var report = ReproductionReport.Of(results, ExperimentList.Of(options).Count, runner.WeakGraderReport);
            var lines = ReproductionTables.Markdown(report);
            if (parsed.GetValue(into) is { } document)
            {
                await PutAsync(document, lines, cancellationToken);
            }

            CommandContext.Answer(parsed, report, lines);
        });
        return command;
    }

    /// <summary>Replaces what stands between the two lines of a document.</summary>
    /// <exception cref="CommandException">The document lacks them.</exception>
    internal static async Task PutAsync(string document, IReadOnlyList<string> lines, CancellationToken cancellationToken)
    {
        if (!File.Exists(document))
        {
            throw new CommandException($"{document}: there is no such file. Name a Markdown document that has the lines {Begin} and {End}.");
        }

        var text = await File.ReadAllLinesAsync(document, cancellationToken);
        var (begin, end) = (Array.IndexOf(text, Begin), Array.IndexOf(text, End));
        if (begin < 0 || end < begin)
        {
            throw new CommandException($"{document} has no line {Begin} followed by a line {End}: add them where the tables belong.");
        }

        AtomicFile.WriteAllText(document, string.Join('\n', (string[])[.. text[..(begin + 1)], "", .. lines, "", .. text[end..], ""]));
    }
}
