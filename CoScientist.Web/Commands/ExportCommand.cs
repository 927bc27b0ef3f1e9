using System.CommandLine;
using CoScientist.Core.Interchange;
using CoScientist.Core.Storage;

namespace CoScientist.Web.Commands;

/// <summary>Goals, preferences and gradings into files that others read.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        var sandbox = new Option<bool>("--sandbox") { Description = "What belongs to the sandbox instead of the real" };
        var published = new Option<bool>("--published") { Description = "Only the columns of the file that a row came from, or the published ones: without split, rubric_version and rubric_weights" };
        var dataset = Kind("dataset", "Goals and rubrics in the columns of research-plan-gen", (store, parsed, token) => store.DatasetAsync(parsed.GetValue(sandbox), !parsed.GetValue(published), token));
        dataset.Add(sandbox);
        dataset.Add(published);
        var papers = Kind("papers", "Papers with their sections and provenance", (store, parsed, token) => store.PapersAsync(parsed.GetValue(sandbox), token));
        var goals = Kind("goals", "Goals with their provenance", (store, parsed, token) => store.GoalsAsync(parsed.GetValue(sandbox), token));
        var rubrics = Kind("rubrics", "Rubric items with state, source passage and last decision", (store, parsed, token) => store.RubricsAsync(parsed.GetValue(sandbox), token));
        papers.Add(sandbox);
        goals.Add(sandbox);
        rubrics.Add(sandbox);
        var study = new Option<string?>("--study") { Description = "Only this study, by name or id", HelpName = "NAME" };
        var anonymous = new Option<bool>("--anonymous") { Description = "People numbered instead of named; free words and times left out" };
        var preferences = Kind("preferences", "Answers of experts, with the arm they preferred", (store, parsed, token) => store.PreferencesAsync(parsed.GetValue(study), parsed.GetValue(anonymous), token));
        preferences.Add(study);
        preferences.Add(anonymous);
        var decisions = Kind("decisions", "Decisions on rubric items: who, when, on which version", (store, parsed, token) => store.DecisionsAsync(parsed.GetValue(anonymous), token));
        decisions.Add(anonymous);
        var pairs = Kind("pairs", "Decided pairs of closed studies as prompt, chosen and rejected, for DPO", (store, parsed, token) => store.PairsAsync(parsed.GetValue(study), token));
        pairs.Add(study);
        return new Command("export", "Write papers, goals, rubrics, preferences, decisions, pairs or gradings as JSONL or CSV (by the file's extension)")
        {
            dataset,
            papers,
            goals,
            rubrics,
            preferences,
            decisions,
            pairs,
            Kind("gradings", "Gradings with their verdicts", (store, _, token) => store.GradingsAsync(token)),
        };
    }

    private static Command Kind(string name, string description, Func<ExportStore, ParseResult, CancellationToken, Task<ExportTable>> read)
    {
        var file = new Argument<string>("FILE") { Description = "A .jsonl or .csv file; in CSV, cells that a spreadsheet would run get a leading apostrophe, which imports take off" };
        var command = new Command(name, description) { file };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var path = Path.GetFullPath(parsed.GetValue(file)!);
            await using var services = await CommandContext.OpenAsync(parsed, DataUse.Reads, cancellationToken);
            var table = await read(services.GetRequiredService<ExportStore>(), parsed, cancellationToken);
            try
            {
                table = Path.GetExtension(path).Equals(".csv", StringComparison.OrdinalIgnoreCase) ? table.Merged(DatasetColumns.Normal) : table;
                TableFile.Write(path, table.Columns, table.Rows);
            }
            catch (ArgumentException fault)
            {
                throw new CommandException(fault.WithoutParameter(), fault);
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                throw new CommandException($"{path}: it cannot be written ({fault.Message}) Choose another folder.", fault);
            }

            await CommandContext.RecordAsync(parsed, AuditKind.Export, path, $"exported {name}");
            CommandContext.Answer(parsed, new { file = path, rows = table.Rows.Count }, [$"{path}: {table.Rows.Count} rows."]);
        });
        return command;
    }
}
