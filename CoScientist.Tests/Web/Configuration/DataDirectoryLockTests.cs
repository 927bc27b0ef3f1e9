using System.Globalization;
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

public sealed class DataDirectoryLockTests : IDisposable
{
    private readonly string folder = Path.Combine(Directory.CreateTempSubdirectory("coscientist-").FullName, "data");
    private readonly ManualTime time = new();

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(folder)!, recursive: true);

    [Fact]
    public void Acquire_WhileHeld_NamesTheHolderAndTheRemedy()
    {
        using var held = DataDirectoryLock.Acquire(folder, "serve", time);

        var refused = Assert.Throws<CommandException>(() => DataDirectoryLock.Acquire(folder, "train", time));

        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"'serve' ({Environment.MachineName}:{Environment.ProcessId}"), refused.Message, StringComparison.Ordinal);
        Assert.Contains("--data", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Acquire_AfterTheHolderIsGone_Works()
    {
        DataDirectoryLock.Acquire(folder, "serve", time).Dispose();

        using var held = DataDirectoryLock.Acquire(folder, "train", time);

        Assert.Contains("'train'", Assert.Throws<CommandException>(() => DataDirectoryLock.Acquire(folder, "serve", time)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Acquire_LeftoversOfAKilledHolder_AreNoObstacle()
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "coscientist.lock"), "");
        File.WriteAllText(Path.Combine(folder, "coscientist.lock.holder"), "'serve' (elsewhere:1)");

        using var held = DataDirectoryLock.Acquire(folder, "serve", time);
    }

    [Fact]
    public async Task Acquire_HeldByAnotherProcess_NamesItUntilItIsKilled()
    {
        using var child = ChildProcess.Start(typeof(DataDirectoryLockTests), nameof(HoldAsync), folder);
        Assert.Equal("held", await child.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        var name = string.Create(CultureInfo.InvariantCulture, $"'serve' ({Environment.MachineName}:{child.Id}, since ");

        Assert.Contains(name, Assert.Throws<CommandException>(() => DataDirectoryLock.Acquire(folder, "train", time)).Message, StringComparison.Ordinal);
        Assert.StartsWith(name, DataDirectoryLock.OtherHolder(folder), StringComparison.Ordinal);
        child.Kill();
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Null(DataDirectoryLock.OtherHolder(folder));
        using var held = DataDirectoryLock.Acquire(folder, "train", time);
        Assert.Null(DataDirectoryLock.OtherHolder(folder));
    }

    [Fact]
    public async Task Prepare_EarlierDatabaseThatAnotherProcessWorksWith_IsRefusedByName()
    {
        var options = new CoScientistOptions { DataDirectory = folder };
        Directory.CreateDirectory(folder);
        await using var services = new ServiceCollection().AddLogging().AddCoScientist(options).BuildServiceProvider();
        await using (var db = await services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(TestContext.Current.CancellationToken))
        {
            await db.GetService<IMigrator>().MigrateAsync(StorageSetup.Migrations[0], TestContext.Current.CancellationToken);
        }

        using var child = ChildProcess.Start(typeof(DataDirectoryLockTests), nameof(HoldAsync), folder);
        await child.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);

        var refused = await Assert.ThrowsAsync<CommandException>(() => DataDirectory.PrepareAsync(services, TestContext.Current.CancellationToken));

        child.Kill();
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Contains($":{child.Id},", refused.Message, StringComparison.Ordinal);
        Assert.Single(CoScientist.Core.Storage.Backups.DatabaseCopy.Migrations(options.DatabaseFile));
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
    }

    private static async Task HoldAsync(string directory)
    {
        using var held = DataDirectoryLock.Acquire(directory, "serve", TimeProvider.System);
        await Console.Out.WriteLineAsync("held");
        await Task.Delay(Timeout.InfiniteTimeSpan, CancellationToken.None);
    }

    [Fact]
    public async Task AcquireForPreparing_WhileHeld_WaitsForItsTurn()
    {
        Directory.CreateDirectory(folder);
        var first = await DataDirectoryLock.AcquireForPreparingAsync(folder, TimeProvider.System, TestContext.Current.CancellationToken);
        var second = DataDirectoryLock.AcquireForPreparingAsync(folder, TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.False(second.IsCompleted);

        first.Dispose();

        (await second).Dispose();
    }
}
