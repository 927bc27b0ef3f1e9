using System.Text.Json.Nodes;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.Storage.Backups;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Core.Storage.Backups;

[Trait("Database", "any")]
public sealed class DataBackupTests : IAsyncLifetime
{
    /// <summary>What a restored data directory holds.</summary>
    private static readonly string[] s_restored = TestPostgres.IsOn ? ["keys", "runs"] : ["coscientist.db", "keys", "runs"];

    private readonly string outside = Directory.CreateTempSubdirectory("coscientist-backup-").FullName;
    private TestDatabase database = null!;

    /// <summary>An empty database of the server to restore into; null where databases are files.</summary>
    private string? there;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Backup => Path.Combine(outside, "backup");

    private string Restored => Path.Combine(outside, "restored");

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        there = TestPostgres.IsOn ? await TestPostgres.CreateEmptyAsync() : null;
        await database.AddGoalAsync(items: 5);
        Put("runs/r-1/metrics.jsonl", "{\"step\":1}\n");
        Put("runs/r-1/optimizer-000001.safetensors", "state");
        Put("runs/r-1/checkpoints/step-000001/model.safetensors", new string('w', 5000));
        Put("keys/key-1.xml", "<key/>");
        Put("runs/r-1/run.lock", "");
        Put("runs/r-1/checkpoints/.step-000002.0123.tmp/model.safetensors", "half");
        Put("backups/earlier/data/coscientist.db", "not again");
    }

    public async ValueTask DisposeAsync()
    {
        await database.DisposeAsync();
        await TestPostgres.ReturnAsync(there ?? "");
        Directory.Delete(outside, recursive: true);
    }

    [Fact]
    public async Task Restore_OfABackup_GivesRowsAndFilesBack()
    {
        var manifest = Write();
        Read();

        Assert.Equal(
            [.. s_restored.Where(name => name == "coscientist.db"), "keys/key-1.xml", "runs/r-1/checkpoints/step-000001/model.safetensors", "runs/r-1/metrics.jsonl", "runs/r-1/optimizer-000001.safetensors"],
            Directory.GetFiles(Restored, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(Restored, file).Replace('\\', '/')).Order(StringComparer.Ordinal));
        Assert.Equal(manifest.Files.Count, BackupManifest.Read(Backup).Files.Count);
        Assert.Equal(StorageSetup.Migrations[^1], manifest.Schema);
        await using var db = Open(Restored, there);
        Assert.Equal(5, await db.RubricItems.CountAsync(Token));
    }

    [Fact]
    public void Write_ManifestAndFolder_SayWhetherTheKeysAreIn()
    {
        Assert.True(Write().HasKeys);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Backup));
        }

        var without = Copier(keys: false).Write(Path.Combine(outside, "without"), "test", database.Time, progress: null, Token);

        Assert.False(without.HasKeys);
        Assert.DoesNotContain(without.Files.Keys, file => file.StartsWith("keys", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Write_WhileOthersWrite_HoldsEveryFileThatItsDatabaseNames()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        using var turns = new SemaphoreSlim(0);
        var written = 0;
        var work = Task.Run(
            async () =>
            {
                for (var step = 2; await NextAsync(turns, stop.Token); step++)
                {
                    // As a run saves: the optimizer's state, the checkpoint, away with the state before, and then the row.
                    Put(FormattableString.Invariant($"runs/r-1/optimizer-{step:D6}.safetensors"), "state");
                    Put(FormattableString.Invariant($"runs/r-1/checkpoints/step-{step:D6}/model.safetensors"), "weights");
                    File.Delete(Path.Combine(database.Folder, FormattableString.Invariant($"runs/r-1/optimizer-{step - 1:D6}.safetensors")));
                    await File.AppendAllTextAsync(Path.Combine(database.Folder, "runs/r-1/metrics.jsonl"), "{\"step\":1}\n", CancellationToken.None);
                    await using var db = database.NewContext();
                    db.Checkpoints.Add(new Checkpoint { Id = database.NewId<CheckpointId>(), Name = $"r-1@{step}", Step = step, Path = FormattableString.Invariant($"runs/r-1/checkpoints/step-{step:D6}"), CreatedAt = database.Time.GetUtcNow() });
                    await db.SaveChangesAsync(CancellationToken.None);
                    Interlocked.Increment(ref written);
                }
            },
            Token);
        for (var round = 0; round < 4; round++)
        {
            var before = Volatile.Read(ref written);
            turns.Release(5);
            while (Volatile.Read(ref written) < before + 2 && !work.IsCompleted)
            {
                await Task.Delay(1, Token);
            }

            var (from, to) = (Path.Combine(outside, $"b{round}"), Path.Combine(outside, $"r{round}"));
            var server = TestPostgres.IsOn ? await TestPostgres.CreateEmptyAsync() : null;
            Copier().Write(from, "test", TimeProvider.System, new Turns(turns, most: 30), Token);
            DataRestore.Read(from, to, progress: null, Token, server);
            await using var db = Open(to, server);
            var rows = await db.Checkpoints.ToListAsync(Token);
            Assert.NotEmpty(rows);
            Assert.All(rows, row => Assert.True(File.Exists(Path.Combine(to, row.Path, "model.safetensors")), row.Path));
            var folder = new RunFolder(Path.Combine(to, "runs/r-1"));
            Assert.Contains(folder.CheckpointSteps(), step => File.Exists(folder.File(FormattableString.Invariant($"optimizer-{step:D6}.safetensors"))));
            await TestPostgres.ReturnAsync(server ?? "");
        }

        await stop.CancelAsync();
        await work;
    }

    [Theory]
    [InlineData("flip", "another SHA-256")]
    [InlineData("cut", "truncated")]
    [InlineData("remove", "is missing")]
    public void Restore_DamagedBackup_NamesTheFileAndLeavesNothing(string damage, string said)
    {
        Write();
        var weights = Path.Combine(Backup, "data/runs/r-1/checkpoints/step-000001/model.safetensors");
        var bytes = File.ReadAllBytes(weights);
        bytes[1000] ^= 1;
        switch (damage)
        {
            case "flip":
                File.WriteAllBytes(weights, bytes);
                break;
            case "cut":
                File.WriteAllBytes(weights, bytes[..100]);
                break;
            default:
                File.Delete(weights);
                break;
        }

        var refused = Assert.Throws<InvalidDataException>(() => Read());

        Assert.Contains(weights, refused.Message, StringComparison.Ordinal);
        Assert.Contains(said, refused.Message, StringComparison.Ordinal);
        Assert.Equal([Backup], Directory.GetFileSystemEntries(outside));
    }

    [Fact]
    public async Task Restore_NewerSchema_IsRefused()
    {
        await using (var db = database.NewContext())
        {
            await db.Database.ExecuteSqlAsync($"INSERT INTO \"__EFMigrationsHistory\" VALUES ('29991231000000_Later', '99')", Token);
        }

        Write();

        Assert.Contains("29991231000000_Later", Assert.Throws<InvalidDataException>(() => Read()).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Restored));
    }

    [Fact]
    public void Restore_FolderInUse_IsLeftAsItIs()
    {
        Write();
        Directory.CreateDirectory(Restored);
        File.WriteAllText(Path.Combine(Restored, "mine"), "");

        Assert.Contains("not empty", Assert.Throws<IOException>(() => Read()).Message, StringComparison.Ordinal);

        Assert.Equal(["mine"], Directory.GetFileSystemEntries(Restored).Select(Path.GetFileName));
    }

    [Fact]
    public void Restore_IntoAnEmptyFolderFromADamagedBackup_LeavesItEmpty()
    {
        Write();
        File.Delete(Path.Combine(Backup, "data/keys/key-1.xml"));
        Directory.CreateDirectory(Restored);

        Assert.Throws<InvalidDataException>(() => Read());

        Assert.Empty(Directory.GetFileSystemEntries(Restored));
    }

    // A mount point can be neither removed nor renamed; here the folder is known by a link to it.
    [Fact]
    public void Restore_IntoAFolderThatIsThere_FillsThatFolder()
    {
        Write();
        var folder = Path.Combine(outside, "mounted");
        Directory.CreateDirectory(Path.Combine(folder, "lost+found"));
        Directory.CreateSymbolicLink(Restored, folder);

        Read();

        Assert.Equal(folder, new DirectoryInfo(Restored).LinkTarget);
        Assert.Equal([.. s_restored, "lost+found"], Directory.GetFileSystemEntries(folder).Select(Path.GetFileName).OrderBy(name => name == "lost+found").ThenBy(name => name, StringComparer.Ordinal));
    }

    [Fact]
    public void Restore_KilledWhileCopying_IsRefusedToAStartAndBegunAnew()
    {
        Write();
        Directory.CreateDirectory(Path.Combine(Restored, ".restore.tmp", "runs"));

        Assert.Contains("'restore' it again", Assert.Throws<InvalidDataException>(() => DataRestore.Finish(Restored)).Message, StringComparison.Ordinal);
        Read();

        Assert.Equal(s_restored, Directory.GetFileSystemEntries(Restored).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData]
    [InlineData("keys")]
    [InlineData("keys", "runs")]
    [InlineData("keys", "runs", "coscientist.db")]
    public void Restore_KilledWhileMoving_IsFinishedByTheNextStart(params string[] moved)
    {
        Write();
        Directory.CreateDirectory(Restored);
        Read();
        var stage = Path.Combine(Restored, ".restore-checked.tmp");
        Directory.CreateDirectory(stage);
        foreach (var name in s_restored.Except(moved))
        {
            Directory.Move(Path.Combine(Restored, name), Path.Combine(stage, name));
        }

        Assert.Contains("start the application", Assert.Throws<IOException>(() => Read()).Message, StringComparison.Ordinal);
        DataRestore.Finish(Restored);
        DataRestore.Finish(Restored);

        if (there is null)
        {
            BackupManifest.Read(Backup).Verify(Restored, null, Token);
        }

        Assert.Equal(s_restored, Directory.GetFileSystemEntries(Restored).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("../../escaped")]
    [InlineData("/tmp/escaped")]
    [InlineData("a//b")]
    [InlineData("a\\b")]
    public void Restore_ManifestThatLeadsElsewhere_IsRefused(string path)
    {
        Write();
        var file = Path.Combine(Backup, BackupManifest.FileName);
        var manifest = JsonNode.Parse(File.ReadAllText(file))!;
        manifest["files"]![path] = new JsonObject { ["bytes"] = 1, ["sha256"] = "00" };
        File.WriteAllText(file, manifest.ToJsonString());

        Assert.Contains(file, Assert.Throws<InvalidDataException>(() => Read()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_Cancelled_LeavesNothing()
    {
        using var stop = new CancellationTokenSource();
        var progress = new Stopping(stop);

        Assert.ThrowsAny<OperationCanceledException>(() => Copier().Write(Backup, "test", database.Time, progress, stop.Token));

        Assert.Empty(Directory.GetFileSystemEntries(outside));
    }

    [Fact]
    public void Write_IntoTheDataOrOntoABackup_IsRefused()
    {
        Write();

        Assert.Contains("exists already", Assert.Throws<IOException>(() => Write()).Message, StringComparison.Ordinal);
        Assert.Contains("inside the data directory", Assert.Throws<IOException>(() => Copier().Write(Path.Combine(database.Folder, "runs/copy"), "test", database.Time, null, Token)).Message, StringComparison.Ordinal);
        Assert.NotEmpty(Copier().Write(Path.Combine(database.Folder, "backups/now"), "test", database.Time, null, Token).Files);
    }

    [Fact]
    public async Task Write_DamagedDatabase_IsRefusedAndSaid()
    {
        var damaged = Path.Combine(outside, "damaged");
        Directory.CreateDirectory(damaged);
        await using var file = await TestDatabase.CreateFileAsync();
        await file.AddGoalAsync(items: 5);
        DatabaseCopy.Write(file.File, Path.Combine(damaged, "coscientist.db"), null, Token);
        await Damage.OneIndexPageAsync(Path.Combine(damaged, "coscientist.db"));

        Assert.Contains("damaged", Assert.Throws<InvalidDataException>(() => new DataBackup(damaged, true).Write(Backup, "test", database.Time, null, Token)).Message, StringComparison.Ordinal);
        Assert.Equal([damaged], Directory.GetFileSystemEntries(outside));
    }

    private DataBackup Copier(bool keys = true) => new(database.Folder, keys, TestPostgres.IsOn ? database.Address : null);

    private BackupManifest Write() => Copier().Write(Backup, "test", database.Time, progress: null, Token);

    private void Read() => DataRestore.Read(Backup, Restored, progress: null, Token, there);

    private static CoScientistDb Open(string folder, string? server)
    {
        var options = new DbContextOptionsBuilder<CoScientistDb>();
        options.UseDatabase(server ?? Path.Combine(folder, "coscientist.db"));
        return new CoScientistDb(options.Options);
    }

    private void Put(string name, string content)
    {
        var path = Path.Combine(database.Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
    }

    private static async Task<bool> NextAsync(SemaphoreSlim turns, CancellationToken stop)
    {
        await turns.WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !stop.IsCancellationRequested;
    }

    /// <summary>Who writes meanwhile may take a step whenever the copying has: neither runs away from the other, however slow the disk or the server.</summary>
    private sealed class Turns(SemaphoreSlim turns, int most) : IProgress<double>
    {
        private int _left = most;

        public void Report(double value)
        {
            if (_left-- > 0)
            {
                turns.Release();
            }
        }
    }

    /// <summary>Cancels as soon as something has been done.</summary>
    private sealed class Stopping(CancellationTokenSource stop) : IProgress<double>
    {
        public void Report(double value) => stop.Cancel();
    }
}

/// <summary>What a failing disk does to files.</summary>
internal static class Damage
{
    /// <summary>Overwrites the root page of the index over the goals of rubric items, second half.</summary>
    public static async Task OneIndexPageAsync(string database)
    {
        var options = new DbContextOptionsBuilder<CoScientistDb>().UseSqlite($"Data Source={database};Pooling=False").Options;
        await using var db = new CoScientistDb(options);
        var page = await db.Database.SqlQuery<long>($"SELECT rootpage AS Value FROM sqlite_master WHERE type = 'index' AND name LIKE 'IX_RubricItems_GoalId%' LIMIT 1").SingleAsync(TestContext.Current.CancellationToken);
        var size = await db.Database.SqlQuery<long>($"SELECT page_size AS Value FROM pragma_page_size").SingleAsync(TestContext.Current.CancellationToken);
        await using var file = new FileStream(database, FileMode.Open, FileAccess.ReadWrite);
        file.Position = ((page - 1) * size) + (size / 2);
        await file.WriteAsync(new byte[size / 2], TestContext.Current.CancellationToken);
    }
}
