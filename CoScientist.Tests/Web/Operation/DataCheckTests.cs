using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.Storage.Backups;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Core.Storage.Backups;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Sandbox;
using CoScientist.Training.Tensors;
using CoScientist.Web.Configuration;
using CoScientist.Web.Operation;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Web.Operation;

/// <summary>What doctor finds in a data directory with a run that stopped at step 2.</summary>
[Trait("Database", "any")]
public sealed class DataCheckTests : IAsyncLifetime
{
    private TestDatabase database = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Step => Path.Combine(database.Folder, "runs", "r-1", "checkpoints", "step-000002");

    private string Optimizer => Path.Combine(database.Folder, "runs", "r-1", "optimizer-000002.safetensors");

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        await database.AddGoalAsync();
        Directory.CreateDirectory(Step);
        foreach (var file in Directory.GetFiles(SandboxBaseModel.Directory))
        {
            File.Copy(file, Path.Combine(Step, Path.GetFileName(file)));
        }

        SafetensorsFile.Write(Optimizer, [new NamedTensor("step", [1], new float[] { 2 })]);
        await using var db = database.NewContext();
        var run = new Run { Id = database.NewId<RunId>(), Name = "r-1", SpecJson = "{}", State = RunState.Interrupted, Step = 2, TotalSteps = 9, CreatedAt = database.Time.GetUtcNow() };
        db.Add(run);
        db.Add(new Checkpoint { Id = database.NewId<CheckpointId>(), Name = "r-1@2", RunId = run.Id, Step = 2, Path = "runs/r-1/checkpoints/step-000002", CreatedAt = database.Time.GetUtcNow() });
        await db.SaveChangesAsync(Token);
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task Look_DataAsTheyShouldBe_FindsNothingToMend()
    {
        var findings = await LookAsync();

        Assert.All(findings, finding => Assert.True(finding.Ok, finding.ToString()));
        Assert.Contains(findings, finding => finding.What.StartsWith("the one checkpoint is there", StringComparison.Ordinal));
        Assert.DoesNotContain(Directory.GetFileSystemEntries(database.Folder), path => path.EndsWith(".tmp", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Look_AtARestoredBackup_FindsTheSame()
    {
        var (backup, restored) = (Path.Combine(database.Folder, "backups", "one"), Path.Combine(database.Folder, "backups", "restored"));
        var before = await LookAsync();
        var server = TestPostgres.IsOn ? await TestPostgres.CreateEmptyAsync() : null;
        new DataBackup(database.Folder, includeKeys: true, server is null ? null : database.Address).Write(backup, "test", database.Time, progress: null, Token);
        DataRestore.Read(backup, restored, progress: null, Token, server);

        // Of a server also how large the database is there, which does not stay the same.
        static IEnumerable<Finding> Of(IEnumerable<Finding> findings) => findings.Where(finding => !finding.What.Contains(" answers", StringComparison.Ordinal));
        Assert.Equal(Of(before), Of(await new DataCheck(new CoScientistOptions { DataDirectory = restored, Database = server ?? "" }).LookAsync(Token)));
    }

    [Fact]
    public async Task Look_IndexOverwritten_SaysThatTheDatabaseIsDamaged()
    {
        if (TestPostgres.IsOn)
        {
            await using var db = database.NewContext();
            await db.Database.ExecuteSqlAsync($"UPDATE pg_index SET indisvalid = false WHERE indrelid = '\"RubricItems\"'::regclass AND NOT indisprimary", Token);
        }
        else
        {
            // Closing the last connection moves the log into the file.
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            await Damage.OneIndexPageAsync(database.File);
        }

        var finding = Assert.Single(await LookAsync(), finding => finding.What == "the database is damaged");
        Assert.False(finding.Ok);
        Assert.Contains(TestPostgres.IsOn ? "REINDEX" : "restore", finding.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("flip", "another SHA-256")]
    [InlineData("cut", "truncated")]
    [InlineData("remove", "There is no checkpoint folder")]
    public async Task Look_CheckpointDamagedOrGone_NamesIt(string damage, string said)
    {
        var weights = Path.Combine(Step, "model.safetensors");
        switch (damage)
        {
            case "flip":
                await using (var file = new FileStream(weights, FileMode.Open, FileAccess.ReadWrite))
                {
                    file.Position = file.Length / 2;
                    var one = file.ReadByte();
                    file.Position--;
                    file.WriteByte((byte)(one ^ 1));
                }

                break;
            case "cut":
                await using (var file = new FileStream(weights, FileMode.Open))
                {
                    file.SetLength(file.Length / 2);
                }

                break;
            default:
                Directory.Delete(Step, recursive: true);
                break;
        }

        var finding = Assert.Single(await LookAsync(), finding => !finding.Ok);
        Assert.Equal("checkpoint r-1@2 cannot be used", finding.What);
        Assert.Contains(said, finding.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Look_SavedStateOfARunGoneOrCut_SaysFromWhereItCannotGoOn()
    {
        await File.WriteAllBytesAsync(Optimizer, (await File.ReadAllBytesAsync(Optimizer, Token))[..20], Token);
        Assert.Contains("cannot go on from step 2", Assert.Single(await LookAsync(), finding => !finding.Ok).What, StringComparison.Ordinal);

        File.Delete(Optimizer);
        Assert.Contains("no state of its optimizer", Assert.Single(await LookAsync(), finding => !finding.Ok).What, StringComparison.Ordinal);

        Directory.Delete(Path.Combine(database.Folder, "runs"), recursive: true);
        Assert.Contains(await LookAsync(), finding => finding.What.StartsWith("the files of run r-1 are gone", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Look_KeysOfServersGone_NamesTheServers()
    {
        await using (var db = database.NewContext())
        {
            db.Add(new ModelServer { Name = "hall", Endpoint = "http://localhost:1/v1", Model = "m", EncryptedKey = "x", CreatedAt = database.Time.GetUtcNow() });
            await db.SaveChangesAsync(Token);
        }

        Assert.Contains("decrypt those of hall", Assert.Single(await LookAsync(), finding => !finding.Ok).What, StringComparison.Ordinal);
    }

    private Task<IReadOnlyList<Finding>> LookAsync() => new DataCheck(new CoScientistOptions { DataDirectory = database.Folder, Database = database.Address }).LookAsync(Token);
}
