using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using CoScientist.Core.Storage;
using CoScientist.Core.Storage.Backups;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Model;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Tensors;
using CoScientist.Training.Tokenization;
using CoScientist.Web.Commands;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Web.Operation;

/// <summary>Commands in processes that may write no more, or not there: they say it, and leave what was there as it was.</summary>
[Trait("Database", "file")]
public sealed partial class LimitedProcessTests : IDisposable
{
    private const int FileSizeLimit = 1;
    private const int FileSizeSignal = 25;

    private readonly string data = Directory.CreateTempSubdirectory("coscientist-limit-").FullName;

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(data, recursive: true);
    }

    [Fact]
    public async Task Disk_FullInTheMiddle_IsSaidAndNothingIsHalfThere()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Limits on the size of files are set as Linux does.");
        await PrepareAsync();
        var limit = new FileInfo(Path.Combine(data, "coscientist.db")).Length + 200_000;
        await File.WriteAllLinesAsync(Path.Combine(data, "many.jsonl"), Enumerable.Range(0, (int)limit / 2000).Select(row => $$"""{"Goal":"goal {{row}} {{new string('x', 3000)}}","Rubric":["one","two"],"article_id":"a{{row}}","q_id":"0"}"""), TestContext.Current.CancellationToken);
        await using (var large = File.Create(Path.Combine(data, "large.bin")))
        {
            large.SetLength(2 * limit);
        }

        var before = Listing();
        var limited = FormattableString.Invariant($"trap '' XFSZ; ulimit -f {limit / 1024}; exec \"$@\"");

        Assert.StartsWith("The database could not be written, most likely because the disk is full", await RefusedAsync(["bash", "-c", limited, "sh"], "import", "dataset", Path.Combine(data, "many.jsonl")), StringComparison.Ordinal);
        Assert.Contains("large.bin is too large for this disk", await RefusedAsync(["bash", "-c", limited, "sh"], "backup"), StringComparison.Ordinal);
        var written = await ChildProcess.RunAsync(typeof(LimitedProcessTests), nameof(WriteAsync), FormattableString.Invariant($"{data};{limit}"));
        Assert.StartsWith("IOException", Assert.Single(written), StringComparison.Ordinal);
        Assert.Null(DatabaseCopy.FaultOf(Path.Combine(data, "coscientist.db")));
        Assert.Equal(1, await GoalsAsync());
        Assert.Equal(before, Listing());

        // With room again, imports go through.
        await File.WriteAllTextAsync(Path.Combine(data, "next.jsonl"), """{"Goal":"the next goal","Rubric":["one"],"article_id":"n","q_id":"0"}""", TestContext.Current.CancellationToken);
        Assert.Equal(0, await CommandAsync(TextWriter.Null, "import", "dataset", Path.Combine(data, "next.jsonl"), "--data", data));
    }

    [Fact]
    public async Task Disk_FullWhileDecidingAndAnswering_LosesNothingThatWasTaken()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Limits on the size of files are set as Linux does.");
        await using var database = await TestDatabase.CreateFileAsync();
        var goal = await DurabilityTests.AddTasksAsync(database);
        SqliteConnection.ClearAllPools();

        var lines = await ChildProcess.RunAsync(typeof(LimitedProcessTests), nameof(AnswerAsync), FormattableString.Invariant($"{database.Folder};{new FileInfo(database.File).Length + 100_000}"));

        Assert.StartsWith("The database could not be written, most likely because the disk is full", lines[^1], StringComparison.Ordinal);
        Assert.InRange(lines.Length, 3, 399);
        await DurabilityTests.AssertHoldsAsync(database, goal, [.. lines[..^1]]);

        // With room again, the work goes on where it stopped.
        var reported = new List<string>(lines[..^1]);
        await DurabilityTests.WorkAsync(database, line =>
        {
            reported.Add(line);
            return Task.CompletedTask;
        });
        Assert.InRange(reported.Count, 399, 400);
        await DurabilityTests.AssertHoldsAsync(database, goal, reported);
    }

    [Fact]
    [SupportedOSPlatform("linux")]
    public async Task Folder_ReadOnly_IsSaidAndNothingChanges()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Rights are taken as Linux does.");
        await PrepareAsync();
        await File.WriteAllTextAsync(Path.Combine(data, "one.jsonl"), """{"Goal":"another goal","Rubric":["one"],"article_id":"b","q_id":"0"}""", TestContext.Current.CancellationToken);
        var before = Listing();
        const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
        const UnixFileMode Enterable = Readable | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        foreach (var file in Directory.GetFiles(data))
        {
            File.SetUnixFileMode(file, Readable);
        }

        File.SetUnixFileMode(data, Enterable);
        // Not another account, which may not enter the folder that the tests lie in.
        string[] bound = Environment.IsPrivilegedProcess ? ["setpriv", "--bounding-set=-dac_override"] : [];
        try
        {
            Assert.Contains("Give this account the right to write there", await RefusedAsync(bound, "import", "dataset", Path.Combine(data, "one.jsonl")), StringComparison.Ordinal);
            Assert.Contains("Give this account the right to write there", await RefusedAsync(bound, "backup"), StringComparison.Ordinal);
            Assert.Contains("MEND     the data directory cannot be written", await RefusedAsync(bound, "doctor"), StringComparison.Ordinal);
        }
        finally
        {
            File.SetUnixFileMode(data, Enterable | UnixFileMode.UserWrite);
        }

        Assert.Equal(before, Listing());
    }

    /// <summary>Tries to write a checkpoint larger than a file may be. On one thread: others cannot get at this assembly while the child lives in its initializer.</summary>
    private static Task WriteAsync(string argument)
    {
        var (folder, limit) = Limited(argument);
        var config = ModelConfigTests.Tiny with { VocabularySize = (int)(limit / 4) };
        try
        {
            CheckpointFolder.Write(
                Path.Combine(folder, "models", "large"),
                config,
                [.. config.Tensors().Select(spec => new NamedTensor(spec.Name, spec.Shape, new float[spec.Count]))],
                BpeTrainer.Train(["the aim is the aim"], 300, ["<end>"]),
                new Dictionary<string, string>(StringComparer.Ordinal));
        }
        catch (IOException fault)
        {
            Console.Out.WriteLine($"{fault.GetType().Name}: {fault.Message}");
        }

        return Task.CompletedTask;
    }

    /// <summary>Decides and answers until there is no more room; the last line says what then was said.</summary>
    private static async Task AnswerAsync(string argument)
    {
        var (folder, _) = Limited(argument);
        var database = TestDatabase.Open(folder);
        try
        {
            await DurabilityTests.WorkAsync(database, Console.Out.WriteLineAsync);
        }
        catch (Exception fault) when (StorageFaults.Describe(fault) is not null)
        {
            await Console.Out.WriteLineAsync(StorageFaults.Describe(fault));
        }
    }

    /// <summary>Takes folder and most bytes of a file from an argument, and forbids this process to write larger ones.</summary>
    private static (string Folder, long Limit) Limited(string argument)
    {
        var parts = argument.Split(';');
        var limit = long.Parse(parts[1], CultureInfo.InvariantCulture);
        _ = Signal(FileSizeSignal, 1);
        var allowed = new Limit { Current = (nuint)limit, Maximum = (nuint)limit };
        return SetLimit(FileSizeLimit, ref allowed) == 0 ? (parts[0], limit) : throw new InvalidOperationException("The limit could not be set.");
    }

    /// <summary>Starts the program, which must fail.</summary>
    /// <returns>What it said.</returns>
    private async Task<string> RefusedAsync(string[] around, params string[] arguments)
    {
        string[] line = [.. around, "dotnet", "exec", typeof(CoScientist.Web.Configuration.CoScientistOptions).Assembly.Location, .. arguments, "--data", data];
        var start = new ProcessStartInfo(line[0], line[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };

        // Code pages are kept in a file of twice their size, which a limit would forbid.
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var said = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken) + await output;
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 1, said);
        return said;
    }

    private static Task<int> CommandAsync(TextWriter error, params string[] arguments)
    {
        var root = new RootCommand { CommandContext.Data, CommandContext.Json, ImportCommand.Create(), BackupCommand.Create(), DoctorCommand.Create() };
        return CommandRunner.RunAsync(root, arguments, error);
    }

    private async Task PrepareAsync()
    {
        var first = Path.Combine(data, "first.jsonl");
        await File.WriteAllTextAsync(first, """{"Goal":"the first goal","Rubric":["one"],"article_id":"a","q_id":"0"}""", TestContext.Current.CancellationToken);
        Assert.Equal(0, await CommandAsync(TextWriter.Null, "import", "dataset", first, "--data", data));
        SqliteConnection.ClearAllPools();
    }

    private async Task<int> GoalsAsync()
    {
        var options = new DbContextOptionsBuilder<CoScientistDb>();
        options.UseDatabaseFile(Path.Combine(data, "coscientist.db"));
        await using var db = new CoScientistDb(options.Options);
        return await db.Goals.CountAsync(goal => !goal.IsSandbox, TestContext.Current.CancellationToken);
    }

    /// <summary>Files and folders with their content, but the database's log, which readers make and remove.</summary>
    private List<string> Listing() =>
        [.. Directory.GetFileSystemEntries(data, "*", SearchOption.AllDirectories)
            .Where(path => !path.Contains("coscientist", StringComparison.Ordinal) || !Path.GetFileName(path).StartsWith("coscientist.", StringComparison.Ordinal))
            .Where(path => Path.GetFileName(path) is not ("models" or "backups" or "runs"))
            .Order(StringComparer.Ordinal)
            .Select(path => File.Exists(path) ? $"{path} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)))}" : path)];

    [StructLayout(LayoutKind.Sequential)]
    private struct Limit
    {
        public nuint Current;
        public nuint Maximum;
    }

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetLimit(int resource, ref Limit limit);

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint Signal(int number, nint handler);
}
