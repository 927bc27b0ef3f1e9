using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using CoScientist.Core.Extraction;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Papers;
using CoScientist.Web.Commands;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Web.Commands;

/// <summary>
/// Kills imports and extractions as a power cut would, at random moments, starts them again, and compares with imports that nobody disturbed:
/// once each, or as often as COSCIENTIST_KILLS says.
/// </summary>
public sealed class ImportKillTests(ImportKillTests.NewLibrary library, ITestOutputHelper output) : IClassFixture<ImportKillTests.NewLibrary>, IDisposable
{
    private const int Articles = 80;
    private static readonly int Kills = int.Parse(Environment.GetEnvironmentVariable("COSCIENTIST_KILLS") ?? "1", CultureInfo.InvariantCulture);
    private readonly string _folder = Directory.CreateTempSubdirectory("coscientist-kill-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task ImportPapers_Killed_EndsWithTheSameLibrary()
    {
        var papers = Directory.CreateDirectory(Path.Combine(_folder, "papers")).FullName;
        var article = PaperFixtures.Jats();
        for (var i = 0; i < Articles; i++)
        {
            // Every tenth is the next version of the one before it.
            var number = i % 10 == 9 ? i - 1 : i;
            var text = article.Replace("10.1234/ORCHARD.7", string.Create(CultureInfo.InvariantCulture, $"10.1234/ORCHARD.{number}"), StringComparison.Ordinal)
                .Replace("<article-id pub-id-type=\"pmid\">123<", string.Create(CultureInfo.InvariantCulture, $"<article-id pub-id-type=\"pmid\">{number}<"), StringComparison.Ordinal)
                .Replace("</abstract>", string.Create(CultureInfo.InvariantCulture, $"<p>Number {i}.</p></abstract>"), StringComparison.Ordinal);
            await File.WriteAllBytesAsync(Path.Combine(papers, string.Create(CultureInfo.InvariantCulture, $"a{i:000}.nxml")), Encoding.UTF8.GetBytes(text), Token);
        }

        string[] arguments = ["import", "papers", papers];
        library.CopyTo(Path.Combine(_folder, "calm"));
        library.CopyTo(Path.Combine(_folder, "rough"));
        await RunAsync("calm", arguments);
        for (var kill = 0; kill < Kills; kill++)
        {
            var least = Random.Shared.Next(1, Articles);
            await KillAsync("rough", arguments, () => Count("rough") >= least);
            output.WriteLine($"killed with {Count("rough")} of {Articles}");
        }

        await RunAsync("rough", arguments);

        var expected = await PapersAsync("calm");
        Assert.Equal(Articles, expected.Count);
        Assert.Equal(expected, await PapersAsync("rough"));
    }

    [Fact]
    public async Task ImportDataset_Killed_HasAllRowsOrNone()
    {
        const int Rows = 800;
        var file = Path.Combine(_folder, "d.jsonl");
        await File.WriteAllLinesAsync(file, Enumerable.Range(0, Rows).Select(i => $$"""{"Goal":"goal {{i}}","Rubric":["a","b","c","d","e"],"article_id":"a{{i}}","q_id":"0"}"""), Token);
        string[] arguments = ["import", "dataset", file];
        library.CopyTo(Path.Combine(_folder, "rough"));
        for (var kill = 0; kill < Kills; kill++)
        {
            // The journal grows while rows are written.
            var journal = Path.Combine(_folder, "rough", "coscientist.db-wal");
            var delay = Random.Shared.Next(300);
            var from = Environment.TickCount64;
            await KillAsync("rough", arguments, () => File.Exists(journal) && Environment.TickCount64 - from > delay);
            var rows = Count("rough", db => db.Goals.Count(goal => goal.Origin == "dataset"));
            output.WriteLine($"killed with {rows} of {Rows}");
            Assert.Contains(rows, (int[])[0, Rows]);
        }

        await RunAsync("rough", arguments);
        Assert.Equal(Rows, Count("rough", db => db.Goals.Count(goal => goal.Origin == "dataset")));
        Assert.Equal(5 * Rows, Count("rough", db => db.ItemChecks.Count(check => db.Goals.Any(goal => goal.Origin == "dataset" && goal.Items.Any(item => item.Id == check.ItemId)))));
    }

    [Fact]
    public async Task Extract_Killed_EndsWithTheSameLibrary()
    {
        const int Few = 12;
        var papers = Directory.CreateDirectory(Path.Combine(_folder, "papers")).FullName;
        for (var i = 0; i < Few; i++)
        {
            await File.WriteAllTextAsync(Path.Combine(papers, string.Create(CultureInfo.InvariantCulture, $"a{i:00}.nxml")), PaperFixtures.Jats().Replace("ORCHARD.7", string.Create(CultureInfo.InvariantCulture, $"ORCHARD.{i}"), StringComparison.Ordinal).Replace("pmid\">123<", string.Create(CultureInfo.InvariantCulture, $"pmid\">{i}<"), StringComparison.Ordinal).Replace("forty branches", string.Create(CultureInfo.InvariantCulture, $"{i + 40} branches"), StringComparison.Ordinal), Token);
        }

        library.CopyTo(Path.Combine(_folder, "calm"));
        await RunAsync("calm", ["import", "papers", papers]);
        SqliteConnection.ClearAllPools();
        Directory.CreateDirectory(Path.Combine(_folder, "rough"));
        File.Copy(Path.Combine(_folder, "calm", "coscientist.db"), Path.Combine(_folder, "rough", "coscientist.db"));
        string[] arguments = ["extract", "--model", ExtractiveDrafter.Name];
        await RunAsync("calm", arguments);
        for (var kill = 0; kill < Kills; kill++)
        {
            var least = Random.Shared.Next(1, Few);
            await KillAsync("rough", arguments, () => Count("rough", db => db.Goals.Count(goal => !goal.IsSandbox)) >= least);
            output.WriteLine($"killed with {Count("rough", db => db.Goals.Count(goal => !goal.IsSandbox))} goals of {Few} papers");
        }

        await RunAsync("rough", arguments);

        var expected = await GoalsAsync("calm");
        Assert.True(expected.Count >= Few, $"{expected.Count} goals");
        Assert.Equal(expected, await GoalsAsync("rough"));
    }

    private CoScientistDb Open(string data)
    {
        var options = new DbContextOptionsBuilder<CoScientistDb>();
        options.UseDatabaseFile(Path.Combine(_folder, data, "coscientist.db"));
        return new CoScientistDb(options.Options);
    }

    private int Count(string data) => Count(data, db => db.Papers.Count(paper => !paper.IsSandbox));

    /// <summary>So many so far; 0 before the database is there.</summary>
    private int Count(string data, Func<CoScientistDb, int> count)
    {
        if (!File.Exists(Path.Combine(_folder, data, "coscientist.db")))
        {
            return 0;
        }

        try
        {
            using var db = Open(data);
            return count(db);
        }
        catch (SqliteException)
        {
            // Its tables are being made.
            return 0;
        }
    }

    /// <summary>Everything that is known of the papers but keys and times, which are each library's own.</summary>
    private async Task<List<string>> PapersAsync(string data)
    {
        await using var db = Open(data);
        var papers = await db.Papers.AsNoTracking().Include(paper => paper.Sections).Where(paper => !paper.IsSandbox).OrderBy(paper => paper.SourceName).ToListAsync(Token);
        var hashes = papers.ToDictionary(paper => paper.Id, paper => paper.ContentHash);
        return
        [
            .. papers.Select(paper => string.Join('|', paper.SourceName, paper.ContentHash, paper.Title, paper.Abstract, paper.Doi, paper.FirstVersionHash, paper.NewestVersion is { } newest ? hashes[newest] : "",
                string.Join('/', paper.Sections.OrderBy(section => section.Order).Select(section => $"{section.Heading}: {section.Text}")))),
        ];
    }

    /// <summary>The goals of each paper with their items and what is known of both, but keys and times.</summary>
    private async Task<List<string>> GoalsAsync(string data)
    {
        await using var db = Open(data);
        var names = await db.Papers.ToDictionaryAsync(paper => paper.Id, paper => paper.SourceName, Token);
        var goals = await db.Goals.AsNoTracking().Include(goal => goal.Items).Where(goal => !goal.IsSandbox).ToListAsync(Token);
        return
        [
            .. goals.Select(goal => string.Join('|', goal.PaperId is { } paper ? names[paper] : "", goal.Origin, goal.Domain, goal.Split, goal.Text, goal.ReferenceSolution,
                string.Join('/', goal.Items.OrderBy(item => item.Order).Select(item => $"{item.Text} ({item.State}, {item.Weight})")))).Order(StringComparer.Ordinal),
        ];
    }

    private Task RunAsync(string data, string[] arguments) => RunVerbAsync(Path.Combine(_folder, data), arguments);

    private static async Task RunVerbAsync(string data, string[] arguments)
    {
        using var errors = new StringWriter();
        var root = new RootCommand { CommandContext.Data, CommandContext.Json, ImportCommand.Create(), ExtractCommand.Create(), ReportCommand.Create() };
        Assert.True(await CommandRunner.RunAsync(root, [.. arguments, "--data", data], errors) == 0, errors.ToString());
    }

    /// <summary>Kills the process at a moment; one that was quicker has simply done its work.</summary>
    private async Task KillAsync(string data, string[] arguments, Func<bool> now)
    {
        using var process = Start(data, arguments, out var errors);
        while (!process.HasExited && !now())
        {
            await Task.Delay(10, Token);
        }

        if (!process.HasExited)
        {
            process.Kill();
        }

        await process.WaitForExitAsync(Token);
        output.WriteLine(await errors);
    }

    private Process Start(string data, string[] arguments, out Task<string> errors)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in (string[])["exec", typeof(CoScientist.Web.Configuration.CoScientistOptions).Assembly.Location, .. arguments, "--data", Path.Combine(_folder, data)])
        {
            start.ArgumentList.Add(argument);
        }

        var process = Process.Start(start)!;
        _ = process.StandardOutput.ReadToEndAsync(Token);
        errors = process.StandardError.ReadToEndAsync(Token);
        return process;
    }

    /// <summary>A new library, copied for each test: making one takes longer than the imports.</summary>
    public sealed class NewLibrary : IAsyncLifetime
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("coscientist-kill-").FullName;

        public async ValueTask InitializeAsync()
        {
            await RunVerbAsync(_folder, ["report", "cost"]);
            SqliteConnection.ClearAllPools();
        }

        /// <summary>Copies the database.</summary>
        public void CopyTo(string data)
        {
            Directory.CreateDirectory(data);
            foreach (var file in Directory.GetFiles(_folder, "coscientist.db*"))
            {
                File.Copy(file, Path.Combine(data, Path.GetFileName(file)));
            }
        }

        public ValueTask DisposeAsync()
        {
            Directory.Delete(_folder, recursive: true);
            return ValueTask.CompletedTask;
        }
    }
}
