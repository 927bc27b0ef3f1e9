using System.Diagnostics;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Commands;
using CoScientist.Web.Configuration;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Configuration;

/// <summary>Starts over a database that an earlier version made: it is copied first, on a server as well.</summary>
[Trait("Database", "any")]
public sealed class SchemaChangeTests : IAsyncDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("coscientist-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Backups => Path.Combine(folder, "backups");

    public async ValueTask DisposeAsync()
    {
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        await TestData.ReturnAsync(folder);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Prepare_EarlierDatabase_IsCopiedIntoTheDataDirectory()
    {
        await PutEarlierAsync();

        await PrepareAsync(TestData.Options(folder));

        Assert.Equal($"before-{StorageSetup.Migrations[^1]}" + (TestPostgres.IsOn ? ".dump" : ".db"), Path.GetFileName(Assert.Single(Directory.GetFiles(Backups))));
        Assert.False(await IsBehindAsync());
    }

    [Fact]
    public async Task Prepare_ServerWhereTheOperatorHasCopiesOfTheirOwn_IsNotCopied()
    {
        await PutEarlierAsync();

        await PrepareAsync(TestData.Options(folder) with { CopyBeforeMigration = false });

        // A file always is.
        Assert.Equal(!TestPostgres.IsOn, Directory.Exists(Backups));
        Assert.False(await IsBehindAsync());
    }

    [Fact]
    public async Task Start_WhereTheServersToolIsMissing_IsRefusedWithTheRemediesAndChangesNothing()
    {
        if (!TestPostgres.IsOn)
        {
            return; // No tool copies a file.
        }

        await PutEarlierAsync();
        var start = new ProcessStartInfo("dotnet", ["exec", typeof(CoScientistOptions).Assembly.Location, "serve", "--urls", "http://127.0.0.1:0", .. TestData.Arguments(folder)]) { RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false };
        start.Environment["PATH"] = folder;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(Token);
        var said = await process.StandardError.ReadToEndAsync(Token);
        await process.WaitForExitAsync(Token);

        Assert.True(process.ExitCode == 1, await output + said);
        Assert.Contains("pg_dump is not installed here", said, StringComparison.Ordinal);
        Assert.Contains("apt-get install postgresql-client", said, StringComparison.Ordinal);
        Assert.Contains("CoScientist__CopyBeforeMigration=false", said, StringComparison.Ordinal);
        Assert.True(await IsBehindAsync());
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData("", true)]
    [InlineData("True", true)]
    [InlineData("false", false)]
    public void Copies_WrittenAsYesOrNo_IsRead(string? setting, bool copies) => Assert.Equal(copies, DatabaseSetting.Copies(setting));

    [Fact]
    public void Copies_AnythingElse_IsRefused() => Assert.Contains("\"nein\"", Assert.Throws<CommandException>(() => DatabaseSetting.Copies("nein")).Message, StringComparison.Ordinal);

    private async Task PutEarlierAsync()
    {
        TestData.BeginEmpty(folder);
        await using var db = Open();
        await db.GetService<IMigrator>().MigrateAsync(StorageSetup.Migrations[^2], Token);
    }

    private static async Task PrepareAsync(CoScientistOptions options)
    {
        await using var services = new ServiceCollection().AddLogging().AddCoScientist(options).BuildServiceProvider();
        await DataDirectory.PrepareAsync(services, Token);
    }

    private async Task<bool> IsBehindAsync()
    {
        await using var db = Open();
        return await StorageSetup.IsBehindAsync(db, Token);
    }

    private CoScientistDb Open()
    {
        var options = new DbContextOptionsBuilder<CoScientistDb>();
        options.UseDatabase(TestData.Database(folder));
        return new CoScientistDb(options.Options);
    }
}
