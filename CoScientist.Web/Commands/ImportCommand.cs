using System.CommandLine;
using CoScientist.Core.Storage;

namespace CoScientist.Web.Commands;

/// <summary>Files into the library: papers, datasets, plans.</summary>
internal static class ImportCommand
{
    public static Command Create() => new("import", "Bring papers, datasets or plans into the library") { Papers() };

    private static Command Papers()
    {
        var paths = new Argument<string[]>("PATH") { Description = "Files, or folders of files", Arity = ArgumentArity.OneOrMore };
        var domain = new Option<string?>("--domain") { Description = "Field of research, such as ml or medicine (default: guessed)" };
        var command = new Command("papers", "Import papers: JATS XML, arXiv source, Markdown, plain text") { paths, domain };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var files = parsed.GetValue(paths)!.SelectMany(Files).ToList();
            await using var services = await CommandContext.OpenAsync(parsed, cancellationToken);
            var store = services.GetRequiredService<PaperImportStore>();
            var results = new List<(PaperImport Import, bool Named)>();
            foreach (var (path, named) in files)
            {
                var import = await store.ImportAsync(Path.GetFileName(path), await ReadAsync(path, cancellationToken), parsed.GetValue(domain), cancellationToken);
                results.Add((import, named));
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

    private static async Task<byte[]> ReadAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return await File.ReadAllBytesAsync(path, cancellationToken);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"{path}: it cannot be opened ({fault.Message}) Check its permissions.", fault);
        }
    }

    private static string Summary(IReadOnlyList<PaperImport> imports)
    {
        int Count(PaperImportOutcome outcome) => imports.Count(import => import.Outcome == outcome);
        return $"{Count(PaperImportOutcome.Imported)} imported, {Count(PaperImportOutcome.AlreadyThere)} already there, {Count(PaperImportOutcome.NotSupported)} not supported yet, {Count(PaperImportOutcome.Failed)} failed.";
    }
}
