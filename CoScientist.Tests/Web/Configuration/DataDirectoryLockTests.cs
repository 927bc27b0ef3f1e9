using System.Globalization;
using CoScientist.Tests.Core.Storage;
using CoScientist.Web.Commands;
using CoScientist.Web.Configuration;

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
