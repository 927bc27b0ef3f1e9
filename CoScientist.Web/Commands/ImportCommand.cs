using System.CommandLine;
using CoScientist.Core.Goals;
using CoScientist.Core.Interchange;
using CoScientist.Core.Papers;
using CoScientist.Core.Storage;

namespace CoScientist.Web.Commands;

/// <summary>Files into the library: papers, datasets, plans.</summary>
internal static class ImportCommand
{
    private const int ProgressLine = 100;

    public static Command Create() => new("import", "Bring papers, datasets or plans into the library") { Papers(), Dataset(), Plans(), Preferences(), Decisions() };

    private static Command Dataset()
    {
        var file = new Argument<string>("FILE") { Description = "research-plan-gen rows, .jsonl or .csv" };
        var domain = new Option<string?>("--domain") { Description = "Field of research (default: the row's category or subdomain)" };
        var seed = new Option<long>("--seed") { Description = "Seed of the split into train, validation and test, drawn by article" };
        var split = new Option<GoalSplit?>("--split") { Description = "Part of the data for all rows, instead of drawing it: train, validation or test. A column named split goes before" };
        var skip = new Option<bool>("--skip-faulty") { Description = "Import the rows without fault although others have one (default: then nothing is imported)" };
        var command = new Command("dataset", "Import goals with rubrics") { file, domain, seed, split, skip };
        command.SetAction((parsed, cancellationToken) => RowsAsync(
            parsed,
            parsed.GetValue(file)!,
            "goals",
            (store, name, content) => store.ImportGoalsAsync(name, content, new DatasetImportOptions { Domain = parsed.GetValue(domain), Seed = parsed.GetValue(seed), Split = parsed.GetValue(split), SkipFaulty = parsed.GetValue(skip) }, cancellationToken),
            cancellationToken,
            allOrNothing: !parsed.GetValue(skip)));
        return command;
    }

    private static Command Plans()
    {
        var file = new Argument<string>("FILE") { Description = "One JSON object a line: goal_id or external_key, writer, text" };
        var command = new Command("plans", "Import plans for goals of the library") { file };
        command.SetAction((parsed, cancellationToken) => RowsAsync(parsed, parsed.GetValue(file)!, "plans", (store, name, content) => store.ImportPlansAsync(name, content, cancellationToken), cancellationToken));
        return command;
    }

    private static Command Preferences()
    {
        var file = new Argument<string>("FILE") { Description = "A .jsonl or .csv file of 'export preferences'; goals and plans must be in the library" };
        var command = new Command("preferences", "Import answers of experts into studies of their names") { file };
        command.SetAction((parsed, cancellationToken) => RowsAsync<PreferenceImportStore>(parsed, parsed.GetValue(file)!, "answers", (store, name, content) => store.ImportAsync(name, content, cancellationToken), cancellationToken));
        return command;
    }

    private static Command Decisions()
    {
        var file = new Argument<string>("FILE") { Description = "A .jsonl or .csv file of 'export decisions'; goals must be in the library" };
        var command = new Command("decisions", "Import reviewers' decisions onto the rubric items they are about") { file };
        command.SetAction((parsed, cancellationToken) => RowsAsync<DecisionImportStore>(parsed, parsed.GetValue(file)!, "decisions", (store, name, content) => store.ImportAsync(name, content, cancellationToken), cancellationToken));
        return command;
    }

    private static Task<int> RowsAsync(ParseResult parsed, string path, string what, Func<DatasetImportStore, string, Stream, Task<RowsImport>> import, CancellationToken cancellationToken, bool allOrNothing = false) =>
        RowsAsync<DatasetImportStore>(parsed, path, what, import, cancellationToken, allOrNothing);

    private static async Task<int> RowsAsync<TStore>(ParseResult parsed, string path, string what, Func<TStore, string, Stream, Task<RowsImport>> import, CancellationToken cancellationToken, bool allOrNothing = false)
        where TStore : notnull
    {
        if (!File.Exists(path))
        {
            throw new CommandException($"{path}: there is no such file. Check the path.");
        }

        await using var services = await CommandContext.OpenAsync(parsed, DataUse.Writes, cancellationToken);
        RowsImport result;
        try
        {
            await using var content = File.OpenRead(path);
            result = await import(services.GetRequiredService<TStore>(), Path.GetFileName(path), content);
        }
        catch (Exception fault) when (fault is DatasetFormatException or IOException or UnauthorizedAccessException)
        {
            throw new CommandException(fault.Message, fault);
        }

        foreach (var row in result.Skipped)
        {
            await Console.Error.WriteLineAsync($"{Path.GetFileName(path)}, line {row.Line}: {row.Message}");
        }

        if (allOrNothing && result.Skipped.Count > 0)
        {
            throw new CommandException($"{Path.GetFileName(path)}: nothing was imported, because {result.Skipped.Count} rows are faulty. Mend them, or import the others with --skip-faulty.");
        }

        await services.GetRequiredService<ItemCheckStore>().CheckMissingAsync(cancellationToken);
        await services.GetRequiredService<GoalGroupStore>().RefreshAsync(cancellationToken);
        CommandContext.Answer(parsed, result, [$"{result.Imported} {what} imported, {result.AlreadyThere} already there, {result.Skipped.Count} rows skipped."]);
        return result.Imported + result.AlreadyThere > 0 ? 0 : 1;
    }

    private static Command Papers()
    {
        var paths = new Argument<string[]>("PATH") { Description = "Files, or folders of files", Arity = ArgumentArity.OneOrMore };
        var domain = new Option<string?>("--domain") { Description = "Field of research, such as ml or medicine (default: guessed)" };
        var command = new Command("papers", $"Import papers: {PaperReaders.Supported}") { paths, domain };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var files = parsed.GetValue(paths)!.SelectMany(Files).ToList();
            await using var services = await CommandContext.OpenAsync(parsed, DataUse.Writes, cancellationToken);
            var store = services.GetRequiredService<PaperImportStore>();
            var results = new List<(PaperImport Import, bool Named)>();
            await foreach (var import in store.ImportAsync(files.Select(file => new PaperFile(Path.GetFileName(file.Path), () => File.OpenRead(file.Path))), parsed.GetValue(domain), cancellationToken))
            {
                results.Add((import, files[results.Count].Named));
                ShowProgress(results.Count, files.Count);
            }

            var faults = results.Where(result => IsFault(result.Import, result.Named)).Select(result => result.Import.Message).ToList();
            CommandContext.Answer(
                parsed,
                new { files = results.ConvertAll(result => new { result.Import.FileName, result.Import.Outcome, Paper = result.Import.PaperId?.ToString(), result.Import.Title, result.Import.Message }) },
                results.Where(result => !IsFault(result.Import, result.Named)).Select(result => result.Import.Message).Append(Summary(results.ConvertAll(result => result.Import))));
            foreach (var fault in faults)
            {
                await Console.Error.WriteLineAsync(fault);
            }

            return faults.Count == 0 ? 0 : 1;
        });
        return command;
    }

    // A line that counts on a terminal, else one line now and then.
    private static void ShowProgress(int done, int all)
    {
        if (!Console.IsErrorRedirected)
        {
            Console.Error.Write($"\r{done} of {all} files{(done == all ? "\n" : "")}");
        }
        else if (done % ProgressLine == 0 && done < all)
        {
            Console.Error.WriteLine($"{done} of {all} files");
        }
    }

    // A file that was named must come in; what merely lies in a named folder may be of another kind.
    private static bool IsFault(PaperImport import, bool named) =>
        import.Outcome == PaperImportOutcome.Failed || (named && import.Outcome == PaperImportOutcome.NotSupported);

    private static IEnumerable<(string Path, bool Named)> Files(string path)
    {
        if (Directory.Exists(path))
        {
            return Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)
                .Where(file => !Path.GetFileName(file).StartsWith('.'))
                .Order(StringComparer.Ordinal)
                .Select(file => (file, false));
        }

        return File.Exists(path) ? [(path, true)] : throw new CommandException($"{path}: there is no such file or folder. Check the path.");
    }

    private static string Summary(IReadOnlyList<PaperImport> imports)
    {
        int Count(PaperImportOutcome outcome) => imports.Count(import => import.Outcome == outcome);
        return $"{Count(PaperImportOutcome.Imported)} imported, {Count(PaperImportOutcome.NewVersion)} versions of known articles, {Count(PaperImportOutcome.AlreadyThere)} already there, {Count(PaperImportOutcome.NotSupported)} not supported yet, {Count(PaperImportOutcome.Failed)} failed.";
    }
}
