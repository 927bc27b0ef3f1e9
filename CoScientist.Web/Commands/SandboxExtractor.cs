using System.CommandLine;
using CoScientist.Core.Goals;
using CoScientist.Core.Papers;
using CoScientist.Core.Storage;
using CoScientist.Training.Kernels;
using CoScientist.Training.Sandbox;
using CoScientist.Training.Sandbox.Extractor;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.Commands;

/// <summary>A model that extracts from papers of the sandbox, papers for it to read, and how well it did.</summary>
internal static class SandboxExtractor
{
    public static Command Build()
    {
        var defaults = new SandboxExtractorOptions();
        var output = new Option<string>("--out") { Description = "Folder for the model (must not exist)", Required = true };
        var start = new Option<string>("--base") { Description = "Folder of the model to start from (default: the shipped base; a model made by this command learns on)", DefaultValueFactory = _ => defaults.Base };
        var steps = new Option<int>("--steps") { Description = "Optimizer steps", DefaultValueFactory = _ => defaults.Steps };
        var seed = new Option<long>("--seed") { Description = "Seed of weights and papers", DefaultValueFactory = _ => defaults.Seed };
        var threads = new Option<int>("--threads") { Description = "Threads; 0 takes every processor. The result does not depend on it" };
        var command = new Command("extractor", "Train the base model to answer the prompts of extraction on papers of the sandbox, so that extraction can be tried without any other model; about four minutes on one core") { output, start, steps, seed, threads };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var directory = Path.GetFullPath(parsed.GetValue(output)!);
            if (Directory.Exists(directory))
            {
                throw new CommandException($"{directory} exists already: name a new folder or remove it first.");
            }

            using var pool = new WorkerPool(parsed.GetValue(threads));
            var report = await new SandboxExtractorBuild(defaults with { Base = parsed.GetValue(start)!, Steps = parsed.GetValue(steps), Seed = parsed.GetValue(seed) }).RunAsync(pool, directory, Console.Error.WriteLine, cancellationToken);
            CommandContext.Answer(parsed, report, [
                $"Written to {directory} in {report.Minutes:F1} minutes. Answers to prompts of papers that it was not trained on, right to the letter:",
                .. report.Exact.Select(asked => $"{asked.Value,6:P0}  {asked.Key}")]);
            return 0;
        });
        return command;
    }

    public static Command Papers()
    {
        var output = new Option<string>("--out") { Description = "Folder for the files; made if need be", Required = true };
        var count = new Option<int>("--count") { Description = "Papers", DefaultValueFactory = _ => 20 };
        var command = new Command("papers", "Write papers of the sandbox's test goals as Markdown, for import papers") { output, count };
        command.SetAction(parsed =>
        {
            var held = SandboxLibrary.Goals.Where(goal => goal.Split == GoalSplit.Test).ToList();
            var wanted = parsed.GetValue(count);
            if (wanted < 1 || wanted > held.Count)
            {
                throw new CommandException($"--count {wanted}: the sandbox has {held.Count} test goals; ask for 1 to {held.Count}.");
            }

            var directory = Path.GetFullPath(parsed.GetValue(output)!);
            Directory.CreateDirectory(directory);
            foreach (var goal in held.Take(wanted))
            {
                File.WriteAllText(Path.Combine(directory, SandboxManuscript.FileName(goal)), SandboxManuscript.Text(goal));
            }

            CommandContext.Answer(parsed, new { directory, papers = wanted }, [$"{wanted} papers written to {directory}. Next: import papers {directory}"]);
            return 0;
        });
        return command;
    }

    public static Command Score()
    {
        var command = new Command("extracted", "Hold what models extracted from papers of the sandbox against what the papers say") { };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var services = await CommandContext.OpenAsync(parsed, DataUse.Reads, cancellationToken);
            await using var db = await services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(cancellationToken);
            var papers = (await db.Papers.AsNoTracking().Where(paper => !paper.IsSandbox && paper.NewestVersion == null).Include(paper => paper.Sections.OrderBy(section => section.Order)).OrderBy(paper => paper.Id).ToListAsync(cancellationToken))
                .FindAll(paper => SandboxManuscript.TryParseFileName(Path.GetFileName(paper.SourceName), out _));
            var ids = papers.ConvertAll(paper => (PaperId?)paper.Id);
            var goals = await db.Goals.AsNoTracking().Where(goal => ids.Contains(goal.PaperId)).Include(goal => goal.Items.OrderBy(item => item.Order)).OrderBy(goal => goal.Id).ToListAsync(cancellationToken);
            var scores = goals.GroupBy(goal => (goal.Pipeline, goal.ExtractedBy)).OrderBy(group => group.Key.Pipeline, StringComparer.Ordinal)
                .Select(group => (group.Key.Pipeline, group.Key.ExtractedBy, Score: papers.Aggregate(SandboxExtractionScore.None, (score, paper) => score.Add(paper, group.FirstOrDefault(goal => goal.PaperId == paper.Id)))))
                .ToList();
            CommandContext.Answer(parsed, scores.Select(row => new { row.Pipeline, row.ExtractedBy, row.Score }), scores.Count == 0
                ? [$"No goal of a paper of the sandbox. Write some with sandbox papers, import them and extract."]
                : scores.Select(row => Line($"{row.Pipeline}, {row.ExtractedBy}", row.Score)));
            return 0;
        });
        return command;
    }

    private static string Line(string name, SandboxExtractionScore score) =>
        $"{name}: {score.Goals} of {score.Papers} papers gave a goal, {score.TrueGoals} of them true to the paper; {score.Right} of {score.Items} items right, {score.Placed} with their words as source; {score.Found} of {score.Decisions} decisions found; {score.Leaks} items leak.";
}
