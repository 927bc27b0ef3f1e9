using CoScientist.Core.Jobs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Papers;
using CoScientist.Tests.Shared;
using CoScientist.Web.Configuration;
using CoScientist.Web.Instances;
using CoScientist.Web.Library;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Instances;

/// <summary>Two workers of the library over one database, of which one has the role at a time.</summary>
[Trait("Database", "any")]
public sealed class SharedLibraryTests : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("coscientist-library-").FullName;
    private readonly List<ServiceProvider> _instances = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        foreach (var instance in _instances)
        {
            await instance.GetRequiredService<LibraryWorker>().StopAsync(CancellationToken.None);
            await instance.DisposeAsync();
        }

        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        await TestData.ReturnAsync(_folder);
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task JobStoppedFromTheInstanceThatStandsBy_EndsWithinItsStep_AndGoesOnWhenAskedFromThere()
    {
        var calls = new List<TaskCompletionSource>([new(), new()]);
        var aborted = new TaskCompletionSource();
        await using var model = await ScriptedModelServer.StartAsync(async (http, _, call) =>
        {
            calls[call - 1].SetResult();
            await Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => aborted.TrySetResult(), TaskScheduler.Default);
        });
        var (working, standing) = (await StartAsync(model), await StartAsync(model));
        working.GetRequiredService<WorkerRole>().Gain();
        var (jobs, here, there) = (standing.GetRequiredService<LibraryJobStore>(), standing.GetRequiredService<LibraryWorker>(), working.GetRequiredService<LibraryWorker>());
        await standing.GetRequiredService<PaperImportStore>().ImportAsync("bees.nxml", PaperFixtures.Bytes(PaperFixtures.Jats()), null, Token);
        await using var db = await standing.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Token);
        var paper = await db.Papers.SingleAsync(row => row.Title != null && !row.IsSandbox, Token);
        var id = jobs.NewId();
        await here.AddAsync(id, LibraryJobKind.Extract, "ada", new LibraryJobOptions { Extractor = "slow" }, [("bees", paper.Id)], Token);
        there.Hear(); // as the news would
        await calls[0].Task.WaitAsync(Token);

        await here.StopAsync(id, Token);
        there.Hear();
        await aborted.Task.WaitAsync(Token);
        Assert.Equal((LibraryJobState.Stopped, 1), await LookAsync(jobs));

        await here.RetryAsync(id, Token);
        there.Hear();
        await calls[1].Task.WaitAsync(Token);
        Assert.Equal((LibraryJobState.Running, 1), await LookAsync(jobs));
    }

    [Fact]
    public async Task JobStoppedBeforeItsFirstStep_IsNotTaken()
    {
        var jobs = (await StartAsync(null)).GetRequiredService<LibraryJobStore>();
        var (stopped, next) = (jobs.NewId(), jobs.NewId());
        await jobs.AddAsync(stopped, LibraryJobKind.ImportPapers, "ada", "{}", [("a.txt", null)], Token);
        await jobs.AddAsync(next, LibraryJobKind.ImportPapers, "ada", "{}", [("b.txt", null)], Token);

        Assert.True(await jobs.HoldAsync(stopped, Token));

        Assert.Equal(next, (await jobs.TakeAsync(Token))!.Id);
        Assert.False(await jobs.IsRunningAsync(stopped, Token));
    }

    private static async Task<(LibraryJobState, int Left)> LookAsync(LibraryJobStore jobs)
    {
        var row = Assert.Single((await jobs.ListAsync(0, 10, Token)).Rows);
        return (row.Job.State, row.Left);
    }

    private async Task<IServiceProvider> StartAsync(ScriptedModelServer? model)
    {
        var settings = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["CoScientist:ModelServers:0:Name"] = "slow",
            ["CoScientist:ModelServers:0:Endpoint"] = model?.Endpoint.ToString(),
            ["CoScientist:ModelServers:0:Model"] = "m",
        };
        var instance = new ServiceCollection().AddLogging().AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection(settings).Build())
            .AddCoScientist(TestData.Options(_folder)).AddLibrary().AddSingleton(new WorkerRole(isShared: true)).BuildServiceProvider();
        _instances.Add(instance);
        await using (var db = await instance.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Token))
        {
            await StorageSetup.MigrateAsync(db, Token);
        }

        await instance.GetRequiredService<LibraryWorker>().StartAsync(Token);
        return instance;
    }
}
