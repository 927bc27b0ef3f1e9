using System.Text.Json.Nodes;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.Storage.Backups;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Core.Storage.Backups;

[Trait("Database", "file")]
public sealed class DataBackupTests : IAsyncLifetime
{
    private readonly string outside = Directory.CreateTempSubdirectory("coscientist-backup-").FullName;
    private TestDatabase database = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Backup => Path.Combine(outside, "backup");

    private string Restored => Path.Combine(outside, "restored");

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateFileAsync();
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
        Directory.Delete(outside, recursive: true);
    }

    [Fact]
    public async Task Restore_OfABackup_GivesRowsAndFilesBack()
    {
        var manifest = Write();
        DataRestore.Read(Backup, Restored, progress: null, Token);

        Assert.Equal(
            ["coscientist.db", "keys/key-1.xml", "runs/r-1/checkpoints/step-000001/model.safetensors", "runs/r-1/metrics.jsonl", "runs/r-1/optimizer-000001.safetensors"],
            Directory.GetFiles(Restored, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(Restored, file).Replace('\\', '/')).Order(StringComparer.Ordinal));
        Assert.Equal(manifest.Files.Count, BackupManifest.Read(Backup).Files.Count);
        Assert.Equal(StorageSetup.Migrations[^1], manifest.Schema);
        await using var restored = TestDatabase.Open(Restored);
        await using var db = restored.NewContext();
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

        var without = new DataBackup(database.Folder, includeKeys: false).Write(Path.Combine(outside, "without"), "test", database.Time, progress: null, Token);

        Assert.False(without.HasKeys);
        Assert.DoesNotContain(without.Files.Keys, file => file.StartsWith("keys", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Write_WhileOthersWrite_HoldsEveryFileThatItsDatabaseNames()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var written = 0;
        var work = Task.Run(
            async () =>
            {
                for (var step = 2; !stop.IsCancellationRequested; step++)
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
            while (Volatile.Read(ref written) < before + 2 && !work.IsCompleted)
            {
                await Task.Delay(1, Token);
            }

            var (from, to) = (Path.Combine(outside, $"b{round}"), Path.Combine(outside, $"r{round}"));
            new DataBackup(database.Folder, includeKeys: true).Write(from, "test", TimeProvider.System, progress: null, Token);
            DataRestore.Read(from, to, progress: null, Token);
            await using var restored = TestDatabase.Open(to);
            await using var db = restored.NewContext();
            var rows = await db.Checkpoints.ToListAsync(Token);
            Assert.NotEmpty(rows);
            Assert.All(rows, row => Assert.True(File.Exists(Path.Combine(to, row.Path, "model.safetensors")), row.Path));
            var folder = new RunFolder(Path.Combine(to, "runs/r-1"));
            Assert.Contains(folder.CheckpointSteps(), step => File.Exists(folder.File(FormattableString.Invariant($"optimizer-{step:D6}.safetensors"))));
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

        var refused = Assert.Throws<InvalidDataException>(() => DataRestore.Read(Backup, Restored, progress: null, Token));

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

        Assert.Contains("29991231000000_Later", Assert.Throws<InvalidDataException>(() => DataRestore.Read(Backup, Restored, progress: null, Token)).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Restored));
    }

    [Fact]
    public void Restore_FolderInUse_IsLeftAsItIs()
    {
        Write();
        Directory.CreateDirectory(Restored);
        File.WriteAllText(Path.Combine(Restored, "mine"), "");

        Assert.Contains("not empty", Assert.Throws<IOException>(() => DataRestore.Read(Backup, Restored, progress: null, Token)).Message, StringComparison.Ordinal);

        Assert.Equal(["mine"], Directory.GetFileSystemEntries(Restored).Select(Path.GetFileName));
    }

    [Fact]
    public void Restore_IntoAnEmptyFolderFromADamagedBackup_LeavesItEmpty()
    {
        Write();
        File.Delete(Path.Combine(Backup, "data/keys/key-1.xml"));
        Directory.CreateDirectory(Restored);

        Assert.Throws<InvalidDataException>(() => DataRestore.Read(Backup, Restored, progress: null, Token));

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

        DataRestore.Read(Backup, Restored, progress: null, Token);

        Assert.Equal(folder, new DirectoryInfo(Restored).LinkTarget);
        Assert.Equal(["coscientist.db", "keys", "lost+found", "runs"], Directory.GetFileSystemEntries(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Restore_KilledWhileCopying_IsRefusedToAStartAndBegunAnew()
    {
        Write();
        Directory.CreateDirectory(Path.Combine(Restored, ".restore.tmp", "runs"));

        Assert.Contains("'restore' it again", Assert.Throws<InvalidDataException>(() => DataRestore.Finish(Restored)).Message, StringComparison.Ordinal);
        DataRestore.Read(Backup, Restored, progress: null, Token);

        Assert.Equal(["coscientist.db", "keys", "runs"], Directory.GetFileSystemEntries(Restored).Select(Path.GetFileName).Order(StringComparer.Ordinal));
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
        DataRestore.Read(Backup, Restored, progress: null, Token);
        var stage = Path.Combine(Restored, ".restore-checked.tmp");
        Directory.CreateDirectory(stage);
        foreach (var name in new[] { "coscientist.db", "keys", "runs" }.Except(moved))
        {
            Directory.Move(Path.Combine(Restored, name), Path.Combine(stage, name));
        }

        Assert.Contains("start the application", Assert.Throws<IOException>(() => DataRestore.Read(Backup, Restored, progress: null, Token)).Message, StringComparison.Ordinal);
        DataRestore.Finish(Restored);
        DataRestore.Finish(Restored);

        BackupManifest.Read(Backup).Verify(Restored, null, Token);
        Assert.Equal(["coscientist.db", "keys", "runs"], Directory.GetFileSystemEntries(Restored).Select(Path.GetFileName).Order(StringComparer.Ordinal));
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

        Assert.Contains(file, Assert.Throws<InvalidDataException>(() => DataRestore.Read(Backup, Restored, progress: null, Token)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_Cancelled_LeavesNothing()
    {
        using var stop = new CancellationTokenSource();
        var progress = new Stopping(stop);

        Assert.ThrowsAny<OperationCanceledException>(() => new DataBackup(database.Folder, includeKeys: true).Write(Backup, "test", database.Time, progress, stop.Token));

        Assert.Empty(Directory.GetFileSystemEntries(outside));
    }

    [Fact]
    public void Write_IntoTheDataOrOntoABackup_IsRefused()
    {
        Write();

        Assert.Contains("exists already", Assert.Throws<IOException>(() => Write()).Message, StringComparison.Ordinal);
        Assert.Contains("inside the data directory", Assert.Throws<IOException>(() => new DataBackup(database.Folder, true).Write(Path.Combine(database.Folder, "runs/copy"), "test", database.Time, null, Token)).Message, StringComparison.Ordinal);
        Assert.NotEmpty(new DataBackup(database.Folder, true).Write(Path.Combine(database.Folder, "backups/now"), "test", database.Time, null, Token).Files);
    }

    [Fact]
    public async Task Write_DamagedDatabase_IsRefusedAndSaid()
    {
        var damaged = Path.Combine(outside, "damaged");
        Directory.CreateDirectory(damaged);
        DatabaseCopy.Write(database.File, Path.Combine(damaged, "coscientist.db"), null, Token);
        await Damage.OneIndexPageAsync(Path.Combine(damaged, "coscientist.db"));

        Assert.Contains("damaged", Assert.Throws<InvalidDataException>(() => new DataBackup(damaged, true).Write(Backup, "test", database.Time, null, Token)).Message, StringComparison.Ordinal);
        Assert.Equal([damaged], Directory.GetFileSystemEntries(outside));
    }

    private BackupManifest Write() => new DataBackup(database.Folder, includeKeys: true).Write(Backup, "test", database.Time, progress: null, Token);

    private void Put(string name, string content)
    {
        var path = Path.Combine(database.Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
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
