using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;
using Microsoft.Extensions.Logging.Abstractions;

namespace CoScientist.Tests.Web.Runs;

[Trait("Database", "any")]
public sealed class SystemMetersTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Read_WithARunAtWorkAndOneWaiting_TellsMachineSpeedAndQueue()
    {
        await using var database = await TestDatabase.CreateAsync();
        var (runs, events) = (database.Store<RunStore>(), new RunEvents(TimeProvider.System, NullLogger<RunEvents>.Instance));
        var run = await runs.CreateAsync(new RunSpec { Name = "x" }, null, _ => false, Cancellation);
        await runs.CreateAsync(new RunSpec { Name = "x" }, null, _ => false, Cancellation);
        await runs.TakeAsync(run.Id, "here:1", Cancellation);
        events.Publish(run.Id, new RunMetrics(1, new Dictionary<string, double> { [RunMetricNames.TokensPerSecond] = 1234 }));
        using var meters = new SystemMeters(runs, events, new CoScientistOptions { DataDirectory = database.Folder }, TimeProvider.System, NullLogger<SystemMeters>.Instance);

        await meters.ReadAsync();

        var now = meters.Latest!;
        Assert.Equal(("x-1", 1234.0, 1), (now.Running, now.TokensPerSecond, now.Waiting));
        Assert.InRange(now.MemoryUsed, 1, now.MemoryTotal);
        Assert.InRange(now.DiskFree, 0, now.DiskTotal);
        Assert.InRange(now.ProcessMemory, 1 << 20, now.MemoryTotal);
    }

    [Fact]
    public async Task Watch_ByTwoPages_IsOneReadingForBoth()
    {
        await using var database = await TestDatabase.CreateAsync();
        using var meters = new SystemMeters(database.Store<RunStore>(), new RunEvents(TimeProvider.System, NullLogger<RunEvents>.Instance), new CoScientistOptions { DataDirectory = database.Folder }, TimeProvider.System, NullLogger<SystemMeters>.Instance);
        using var told = new SemaphoreSlim(0);
        var first = meters.Watch(() => told.Release());
        var second = meters.Watch(() => told.Release());

        // One reading tells both.
        Assert.True(await told.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
        Assert.True(await told.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
        Assert.NotNull(meters.Latest);
        first.Dispose();
        second.Dispose();
    }
}
