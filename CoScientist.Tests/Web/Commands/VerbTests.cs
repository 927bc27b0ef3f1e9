using System.CommandLine;
using System.Globalization;
using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Checkpoints;
using CoScientist.Web.Commands;
using CoScientist.Web.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Commands;

/// <summary>Every verb beside a process that writes to the data directory: who would write is refused by that process's name, who reads is not.</summary>
[Collection(nameof(CheckCommandTests))]
public sealed class VerbTests : IDisposable
{
    /// <summary>Verbs that write to the data directory, with what makes them get that far. FILE stands for a file that is there, NEW for one that is not.</summary>
    private static readonly Dictionary<string, string> s_writers = new(StringComparer.Ordinal)
    {
        [""] = "",
        ["serve"] = "",
        ["train"] = "--preset sandbox-grpo",
        ["import papers"] = "FILE",
        ["import dataset"] = "FILE",
        ["import plans"] = "FILE",
        ["import preferences"] = "FILE",
        ["import decisions"] = "FILE",
        ["extract"] = "",
        ["check"] = "",
        ["plan"] = "",
        ["grade"] = "",
        ["evaluate"] = "",
        ["sandbox experts"] = "--arm1 a --arm2 b",
        ["model import"] = "FILE --name n",
        ["account invite"] = "n --role expert",
        ["account reset"] = "n",
        ["account sign-out"] = "n",
        ["account disable"] = "n",
        ["account enable"] = "n",
        ["account remove-second-step"] = "n",
        ["account delete"] = "n",
        ["restore"] = "FILE",
        ["data move"] = "--to postgres://nobody@localhost/nothing",
    };

    /// <summary>Verbs that read the data directory, and how they end here.</summary>
    private static readonly Dictionary<string, (string Arguments, int Code)> s_readers = new(StringComparer.Ordinal)
    {
        ["account list"] = ("", 0),
        ["backup"] = ("NEW", 0),
        ["doctor"] = ("", 0),
        ["report"] = ("--study none", 1),
        ["report cost"] = ("", 0),
        ["report leakage"] = ("", 0),
        ["sandbox extracted"] = ("", 0),
        ["export dataset"] = ("NEW.csv", 0),
        ["export papers"] = ("NEW.csv", 0),
        ["export goals"] = ("NEW.csv", 0),
        ["export rubrics"] = ("NEW.csv", 0),
        ["export preferences"] = ("NEW.csv", 0),
        ["export decisions"] = ("NEW.csv", 0),
        ["export pairs"] = ("NEW.csv", 0),
        ["export gradings"] = ("NEW.csv", 0),
    };

    /// <summary>Verbs that have nothing to do with the database; <c>report reproduce</c> has a folder, and a lock, of its own.</summary>
    private static readonly string[] s_apart =
    [
        "report reproduce", "sandbox build", "sandbox eval", "sandbox extractor", "sandbox generate", "sandbox papers",
        "model inspect", "model logits", "model convert", "model random",
        "bench train", "bench sample", "bench grade", "bench gemm", "bench decode", "bench tokenizer", "bench soak", "bench import", "bench answers",
    ];

    private readonly TemporaryFolder folder = new();

    private string Data => folder.File("data");

    public void Dispose()
    {
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        folder.Dispose();
    }

    [Fact]
    public void EveryVerb_IsClassed() =>
        Assert.Equal(Actions(Verbs.Create(), "").Order(StringComparer.Ordinal), s_writers.Keys.Concat(s_readers.Keys).Concat(s_apart).Order(StringComparer.Ordinal));

    [Fact]
    public async Task EveryVerb_BesideOneThatWrites_IsRefusedByItsNameOrOnlyReads()
    {
        await using (var services = new ServiceCollection().AddLogging().AddCoScientist(new CoScientistOptions { DataDirectory = Data }).BuildServiceProvider())
        {
            await DataDirectory.PrepareAsync(services, TestContext.Current.CancellationToken);
        }

        using var child = ChildProcess.Start(typeof(VerbTests), nameof(HoldAsync), Data);
        try
        {
            await BesideAsync(child);
        }
        finally
        {
            child.Kill();
            await child.WaitForExitAsync(CancellationToken.None);
        }
    }

    private async Task BesideAsync(System.Diagnostics.Process child)
    {
        Assert.Equal("held", await child.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        var holder = string.Create(CultureInfo.InvariantCulture, $"'somebody' ({Environment.MachineName}:{child.Id}, since ");
        var before = Look();
        foreach (var (verb, arguments) in s_writers)
        {
            var (code, error) = await RunAsync(verb, arguments);
            Assert.True(code == 1 && error.Contains(holder, StringComparison.Ordinal), $"{verb}: {code} {error}");
        }

        foreach (var (verb, (arguments, expected)) in s_readers)
        {
            var (code, error) = await RunAsync(verb, arguments);
            Assert.True(code == expected && !error.Contains(holder, StringComparison.Ordinal), $"{verb}: {code} {error}");
        }

        Assert.Equal(before, Look());
        Assert.Equal(s_readers.Keys.Where(verb => verb == "backup" || verb.StartsWith("export ", StringComparison.Ordinal)).Count(), await RecordedAsync());
    }

    [Fact]
    public async Task Writer_WhileItWorks_OwnsTheDirectoryByItsName()
    {
        var root = new RootCommand { CommandContext.Data };
        var verb = new Command("import");
        root.Add(verb);
        string? refused = null;
        verb.SetAction(async (parsed, cancellationToken) =>
        {
            await using var services = await CommandContext.OpenAsync(parsed, DataUse.Writes, cancellationToken);
            refused = Assert.Throws<CommandException>(() => DataDirectoryLock.Acquire(Data, "serve", TimeProvider.System)).Message;
        });

        Assert.Equal(0, await CommandRunner.RunAsync(root, ["import", "--data", Data], TextWriter.Null));

        Assert.Contains("'import' (", refused, StringComparison.Ordinal);
        DataDirectoryLock.Acquire(Data, "serve", TimeProvider.System).Dispose();
    }

    private async Task<(int Code, string Error)> RunAsync(string verb, string arguments)
    {
        File.WriteAllText(folder.File("file.jsonl"), "{}\n");
        var words = arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => word.Replace("FILE", folder.File("file.jsonl"), StringComparison.Ordinal).Replace("NEW", folder.File(verb.Replace(' ', '-')), StringComparison.Ordinal));
        using var error = new StringWriter();
        var (output, errors) = (Console.Out, Console.Error);
        Console.SetOut(TextWriter.Null);
        Console.SetError(TextWriter.Null);
        try
        {
            return (await CommandRunner.RunAsync(Verbs.Create(), [.. verb.Split(' ', StringSplitOptions.RemoveEmptyEntries), .. words, "--data", Data], error), error.ToString());
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(errors);
        }
    }

    /// <summary>Files of the data directory, and the rows of its database but those of the audit trail, to which whoever takes something out adds a line.</summary>
    private string Look()
    {
        using var db = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={Path.Combine(Data, "coscientist.db")};Mode=ReadOnly;Pooling=False");
        db.Open();
        using var command = db.CreateCommand();
        command.CommandText = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'SearchText%' AND name <> 'AuditEntries' ORDER BY name";
        var tables = new List<string>();
        using (var names = command.ExecuteReader())
        {
            while (names.Read())
            {
                tables.Add(names.GetString(0));
            }
        }

        using var hash = System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
        foreach (var table in tables)
        {
            command.CommandText = $"SELECT * FROM \"{table}\"";
            using var rows = command.ExecuteReader();
            while (rows.Read())
            {
                hash.AppendData(System.Text.Encoding.UTF8.GetBytes(table + string.Join('|', Enumerable.Range(0, rows.FieldCount).Select(column => Convert.ToString(rows.GetValue(column), CultureInfo.InvariantCulture)))));
            }
        }

        return Convert.ToHexString(hash.GetHashAndReset()) + string.Join('\n', Directory.EnumerateFiles(Data, "*", SearchOption.AllDirectories)
            .Where(file => !Path.GetFileName(file).StartsWith("coscientist.db", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(file => $"{file} {new FileInfo(file).Length}"));
    }

    private async Task<int> RecordedAsync()
    {
        await using var services = new ServiceCollection().AddLogging().AddCoScientist(new CoScientistOptions { DataDirectory = Data }).BuildServiceProvider();
        return (await services.GetRequiredService<CoScientist.Core.Storage.AuditTrail>().PageAsync(new CoScientist.Core.Storage.AuditFilter(), 0, 100, TestContext.Current.CancellationToken)).Total;
    }

    private static IEnumerable<string> Actions(Command command, string path) =>
        (command.Action is null ? [] : (string[])[path]).Concat(command.Subcommands.SelectMany(below => Actions(below, path.Length == 0 ? below.Name : $"{path} {below.Name}")));

    private static async Task HoldAsync(string directory)
    {
        using var held = DataDirectoryLock.Acquire(directory, "somebody", TimeProvider.System);
        await Console.Out.WriteLineAsync("held");
        await Task.Delay(Timeout.InfiniteTimeSpan, CancellationToken.None);
    }
}
