using CoScientist.Core.Jobs;
using CoScientist.Core.Papers;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Papers;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Configuration;
using CoScientist.Web.Instances;
using CoScientist.Web.Library;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Library;

/// <summary>Jobs of the library as the server does them, over a data directory of its own.</summary>
[Trait("Database", "any")]
public sealed class LibraryWorkerTests : IAsyncDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("coscientist-jobs-").FullName;
    private ServiceProvider? services;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private LibraryJobStore Jobs => services!.GetRequiredService<LibraryJobStore>();

    private LibraryWorker Worker => services!.GetRequiredService<LibraryWorker>();

    private ImportSpool Spool => services!.GetRequiredService<ImportSpool>();

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        await TestData.ReturnAsync(folder);
        Directory.Delete(folder, recursive: true);
    }

    private async Task StartAsync(bool worker = true)
    {
        if (services is null)
        {
            services = new ServiceCollection().AddLogging().AddCoScientist(TestData.Options(folder)).AddLibrary().BuildServiceProvider();
            if (TestPostgres.IsOn)
            {
                // Without a server that asks the database for it, nobody has the worker's role.
                services.GetRequiredService<WorkerRole>().Gain();
            }
        }

        await using (var db = await services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Token))
        {
            await StorageSetup.MigrateAsync(db, Token);
        }

        if (worker)
        {
            await Worker.StartAsync(Token);
        }
    }

    private async Task StopAsync()
    {
        if (services is not null)
        {
            await Worker.StopAsync(CancellationToken.None);
            await services.DisposeAsync();
            services = null;
        }
    }

    private async Task<LibraryJobId> AddAsync(params (string Name, string Text)[] files)
    {
        var id = Jobs.NewId();
        for (var i = 0; i < files.Length; i++)
        {
            using var content = new MemoryStream(PaperFixtures.Bytes(files[i].Text));
            await Spool.KeepAsync(id, i, content, Token);
        }

        await Worker.AddAsync(id, LibraryJobKind.ImportPapers, "ada", new LibraryJobOptions { Domain = "biology" }, files.Select(file => (file.Name, (PaperId?)null)), Token);
        return id;
    }

    private async Task<LibraryJobRow> EndedAsync(LibraryJobId id)
    {
        while (true)
        {
            var row = (await Jobs.ListAsync(0, 10, Token)).Rows.Single(row => row.Job.Id == id);
            if (row.Job.State is not (LibraryJobState.Waiting or LibraryJobState.Running))
            {
                return row;
            }

            await Task.Delay(10, Token);
        }
    }

    [Fact]
    public async Task Import_files_come_in_failures_keep_their_file_and_can_be_tried_again()
    {
        await StartAsync();

        var id = await AddAsync(("bees.nxml", PaperFixtures.Jats()), ("../../evil.nxml", "<article>"));
        var row = await EndedAsync(id);

        Assert.Equal((LibraryJobState.Finished, 2, 1, 1), (row.Job.State, row.Steps, row.Done, row.Failed));
        Assert.False(File.Exists(Spool.PathOf(id, 0)));
        Assert.True(File.Exists(Spool.PathOf(id, 1)));
        Assert.Contains("evil.nxml", Assert.Single(await Jobs.StepsAsync(id, LibraryStepState.Failed, 10, Token)).Message, StringComparison.Ordinal);

        await File.WriteAllTextAsync(Spool.PathOf(id, 1), PaperFixtures.Jats().Replace("ORCHARD.7", "other", StringComparison.Ordinal).Replace(">123<", ">124<", StringComparison.Ordinal), Token);
        await Worker.RetryAsync(id, Token);
        row = await EndedAsync(id);

        Assert.Equal((2, 0), (row.Done, row.Failed));
        Assert.False(Directory.EnumerateFiles(Path.Combine(folder, "imports"), "*", SearchOption.AllDirectories).Any());
        await Worker.RemoveAsync(id, Token);
        Assert.Equal(0, (await Jobs.ListAsync(0, 10, Token)).Total);
    }

    [Fact]
    public async Task Extract_papers_become_goals_and_a_server_that_is_gone_ends_the_job_with_the_rest_left()
    {
        await StartAsync();
        await EndedAsync(await AddAsync(("bees.nxml", PaperFixtures.Jats())));
        PaperId paper;
        await using (var db = await services!.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Token))
        {
            paper = (await db.Papers.SingleAsync(row => !row.IsSandbox, Token)).Id;
        }

        var id = Jobs.NewId();
        await Worker.AddAsync(id, LibraryJobKind.Extract, "ada", new LibraryJobOptions(), [("bees", paper), ("gone", TypedGone())], Token);
        var row = await EndedAsync(id);
        Assert.Equal((1, 1), (row.Done, row.Failed));
        Assert.Contains("1 goal", Assert.Single(await Jobs.StepsAsync(id, LibraryStepState.Done, 10, Token)).Message, StringComparison.Ordinal);

        var other = Jobs.NewId();
        await Worker.AddAsync(other, LibraryJobKind.Extract, "ada", new LibraryJobOptions { Extractor = "nosuch" }, [("bees", paper)], Token);
        row = await EndedAsync(other);
        Assert.Equal((LibraryJobState.Failed, 1), (row.Job.State, row.Left));
        Assert.Contains("nosuch", row.Job.Fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_goes_on_with_what_a_killed_server_left_and_forgets_files_of_no_job()
    {
        await StartAsync(worker: false);
        var id = await AddAsync(("bees.nxml", PaperFixtures.Jats()), ("sleep.md", PaperFixtures.Markdown));

        // Killed at the second step: the first is stored and recorded, the job stands as running.
        await Jobs.TakeAsync(Token);
        var first = (await Jobs.NextStepAsync(id, Token))!;
        await services!.GetRequiredService<PaperImportStore>().ImportAsync("bees.nxml", PaperFixtures.Bytes(PaperFixtures.Jats()), null, Token);
        using (var orphan = new MemoryStream([1]))
        {
            await Spool.KeepAsync(Jobs.NewId(), 0, orphan, Token);
        }

        await services!.DisposeAsync();
        services = null;
        await StartAsync();
        var row = await EndedAsync(id);

        Assert.Equal((LibraryJobState.Finished, 2, 0), (row.Job.State, row.Done, row.Failed));
        Assert.Contains("already", (await Jobs.StepsAsync(id, LibraryStepState.Done, 10, Token)).Single(step => step.Id == first.Id).Message, StringComparison.Ordinal);
        // Where other servers may be at work, a file without a job may be one that somebody is sending to them.
        Assert.Equal(TestPostgres.IsOn ? 1 : 0, Directory.EnumerateFiles(Path.Combine(folder, "imports"), "*", SearchOption.AllDirectories).Count());
    }

    [Fact]
    public async Task Stop_waiting_job_is_held_and_goes_on_when_asked()
    {
        await StartAsync(worker: false);
        var id = await AddAsync(("bees.nxml", PaperFixtures.Jats()));

        await Worker.StopAsync(id, Token);
        Assert.Equal(LibraryJobState.Stopped, (await EndedAsync(id)).Job.State);

        await Worker.StartAsync(Token);
        await Worker.RetryAsync(id, Token);
        Assert.Equal((LibraryJobState.Finished, 1), ((await EndedAsync(id)).Job.State, (await EndedAsync(id)).Done));
    }

    private static PaperId TypedGone() => new(Guid.CreateVersion7());
}
