using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using CoScientist.Core;
using CoScientist.Core.Storage;
using CoScientist.Web.Configuration;
using Microsoft.Data.Sqlite;

namespace CoScientist.Web.Commands;

/// <summary><c>bench import</c>: how long rows of a dataset take into a new library, as <c>import dataset</c> brings them in.</summary>
internal static class ImportBench
{
    private const int ItemsOfRow = 10;
    private const int RowsOfArticle = 2;

    /// <summary>Makes the verb.</summary>
    public static Command Create()
    {
        var rows = new Option<int>("--rows") { Description = "Rows with ten rubric items each; the published data have about 22,000", DefaultValueFactory = _ => 22_000 };
        var file = new Option<string?>("--file") { Description = "Rows of a file of your own (.jsonl, .csv) instead of generated ones" };
        var command = new Command("import", "Rows of a dataset into a new library: processor time of each part") { rows, file };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            if (parsed.GetValue(rows) < 1)
            {
                throw new CommandException($"--rows {parsed.GetValue(rows)}: ask for at least one.");
            }

            var folder = Directory.CreateTempSubdirectory("coscientist-bench-").FullName;
            try
            {
                var path = parsed.GetValue(file) ?? Path.Combine(folder, "rows.jsonl");
                if (parsed.GetValue(file) is null)
                {
                    await File.WriteAllLinesAsync(path, Rows(parsed.GetValue(rows)), cancellationToken);
                }
                else if (!File.Exists(path))
                {
                    throw new CommandException($"{path}: there is no such file. Check the path.");
                }

                var parts = await RunAsync(Path.Combine(folder, "data"), path, cancellationToken);
                CommandContext.Answer(
                    parsed,
                    new { Bytes = new FileInfo(path).Length, Parts = parts, ProcessorSeconds = parts.Sum(part => part.ProcessorSeconds), Seconds = parts.Sum(part => part.Seconds) },
                    [.. parts.Select(Line), Line(new Part("together", parts[0].Count, parts.Sum(part => part.ProcessorSeconds), parts.Sum(part => part.Seconds)))]);
            }
            finally
            {
                SqliteConnection.ClearAllPools();
                Directory.Delete(folder, recursive: true);
            }
        });
        return command;
    }

    private static async Task<List<Part>> RunAsync(string data, string path, CancellationToken cancellationToken)
    {
        await using var services = new ServiceCollection().AddLogging().AddCoScientist(new CoScientistOptions { DataDirectory = data }).BuildServiceProvider();
        await DataDirectory.PrepareAsync(services, cancellationToken);
        await using var content = File.OpenRead(path);
        return
        [
            await MeasureAsync("rows imported", async () => (await services.GetRequiredService<DatasetImportStore>().ImportGoalsAsync(path, content, new DatasetImportOptions { SkipFaulty = true }, cancellationToken)).Imported),
            await MeasureAsync("items checked", () => services.GetRequiredService<ItemCheckStore>().CheckMissingAsync(cancellationToken)),
            await MeasureAsync("repetitions found", async () => (await services.GetRequiredService<GoalGroupStore>().RefreshAsync(cancellationToken)).Duplicates),
        ];
    }

    private static async Task<Part> MeasureAsync(string name, Func<Task<int>> work)
    {
        var processor = Environment.CpuUsage.TotalTime;
        var begun = Stopwatch.GetTimestamp();
        var count = await work();
        return new Part(name, count, (Environment.CpuUsage.TotalTime - processor).TotalSeconds, Stopwatch.GetElapsedTime(begun).TotalSeconds);
    }

    private static string Line(Part part) => string.Create(CultureInfo.InvariantCulture, $"{part.Name,-20} {part.Count,8}  {part.ProcessorSeconds,7:F1} s of processors  {part.Seconds,7:F1} s");

    // Lengths as in the published rows; few frequent and many rare words, as in language.
    private static IEnumerable<string> Rows(int count)
    {
        var random = new SeededRandom(22);
        string[] syllables = ["ba", "ce", "di", "fo", "gu", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "zo", "tra", "ple", "ster", "ment", "gli", "con"];
        var words = Enumerable.Range(0, 20_000).Select(_ => string.Concat(Enumerable.Range(0, 2 + random.Next(3)).Select(_ => random.Pick(syllables)))).ToArray();
        string Text(int length)
        {
            var text = new StringBuilder();
            for (var i = 0; i < length; i++)
            {
                text.Append(i == 0 ? "" : " ").Append(words[(int)(words.Length * Math.Pow(random.NextDouble(), 3))]);
            }

            return text.Append('.').ToString();
        }

        for (var i = 0; i < count; i++)
        {
            yield return JsonSerializer.Serialize(new Dictionary<string, object>(StringComparer.Ordinal)
            {
                ["Goal"] = Text(120),
                ["Rubric"] = Enumerable.Range(0, ItemsOfRow).Select(_ => "The plan should " + Text(20)).ToList(),
                ["Reference solution"] = Text(500),
                ["article_id"] = string.Create(CultureInfo.InvariantCulture, $"a{i / RowsOfArticle}"),
                ["q_id"] = string.Create(CultureInfo.InvariantCulture, $"{i % RowsOfArticle}"),
                ["Category"] = "ml",
            });
        }
    }

    private sealed record Part(string Name, int Count, double ProcessorSeconds, double Seconds);
}
