using System.Security.Claims;
using CoScientist.Core.Jobs;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Accounts;
using CoScientist.Web.Commands;
using CoScientist.Web.Configuration;
using CoScientist.Web.Instances;
using CoScientist.Web.Library;
using CoScientist.Web.Runs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Instances;

/// <summary>Two instances in one process on one PostgreSQL database: what one does, the other knows. Without a server given there is nothing to link.</summary>
[Trait("Database", "any")]
public sealed class InstanceLinkTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("coscientist-instances-").FullName;
    private readonly List<WebApplication> _instances = [];
    private string _database = "";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        if (TestPostgres.IsOn)
        {
            _database = await TestPostgres.CreateAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var instance in _instances)
        {
            await instance.Services.GetRequiredService<InstanceLink>().StopAsync(CancellationToken.None);
            await instance.DisposeAsync();
        }

        if (TestPostgres.IsOn)
        {
            await TestPostgres.ReturnAsync(_database);
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task TwoInstances_OneWorks_AndFollowsWhenTheOtherIsCutOff()
    {
        if (!TestPostgres.IsOn)
        {
            return;
        }

        var first = await StartAsync();
        var role = first.GetRequiredService<WorkerRole>();
        using var term = await role.TakeAsync(Token);
        var second = await StartAsync();
        var other = second.GetRequiredService<WorkerRole>();
        Assert.False(other.IsHere);

        // As when the server ends the connection of one that was silent: the other has the role before the first has even stopped.
        await using (var db = await first.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Token))
        {
            await db.Database.ExecuteSqlAsync($"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())", Token);
        }

        using var followed = await other.TakeAsync(Token);
        await Task.Delay(Timeout.Infinite, term.Over).ContinueWith(_ => { }, TaskScheduler.Default);

        // It does not compete before its work has ended; then it stands by again.
        Assert.False(role.IsHere);
        term.Dispose();
        await UntilAsync(() => first.GetRequiredService<InstanceLink>().IsUp);
        Assert.False(role.IsHere);
        Assert.True(other.IsHere);
    }

    [Fact]
    public async Task WhatHappensInOneInstance_IsKnownInTheOther()
    {
        if (!TestPostgres.IsOn)
        {
            return;
        }

        var (here, there) = (await StartAsync(), await StartAsync());

        // An account: open pages look again.
        await here.GetRequiredService<AccountStore>().CreateAsync("rosa", ServerFixture.Password, [Roles.Researcher], Token);
        var id = (await here.GetRequiredService<AccountStore>().ListAsync(Token))[0].Id;
        var heard = new TaskCompletionSource<string>();
        there.GetRequiredService<Sessions>().Changed += changed => heard.TrySetResult(changed);
        await here.GetRequiredService<AccountStore>().SetRolesAsync(id, [Roles.Expert], null, Token);
        Assert.Equal(id, await heard.Task.WaitAsync(Token));

        // A run: pages that show it are told, with what its folder says.
        var run = await here.GetRequiredService<RunStore>().CreateAsync(new RunSpec { Name = "x", Model = "tiny", Steps = 4 }, null, _ => false, Token);
        var folder = new RunFolder(here.GetRequiredService<CoScientistOptions>().RunDirectory(run.Name));
        Directory.CreateDirectory(folder.File("."));
        await File.WriteAllTextAsync(folder.File(RunFolder.MetricsFile), RunHistory.Format(new RunMetrics(3, new Dictionary<string, double> { ["reward"] = .5 })) + "\n", Token);
        var told = new TaskCompletionSource();
        using (there.GetRequiredService<RunEvents>().Subscribe(run.Id, () =>
        {
            told.TrySetResult();
            return Task.CompletedTask;
        }))
        {
            here.GetRequiredService<RunEvents>().Publish(run.Id, new RunLog(3, "step 3"));
            await told.Task.WaitAsync(Token);
            Assert.Equal(3, there.GetRequiredService<RunEvents>().Latest(run.Id).Metrics!.Step);
        }

        // Jobs of the library, and failed attempts to sign in: an address has no more of them by going to several instances.
        var version = there.GetRequiredService<LibraryWorker>().Version;
        await here.GetRequiredService<LibraryWorker>().AddAsync(new LibraryJobId(Guid.NewGuid()), LibraryJobKind.ImportPapers, "rosa", new LibraryJobOptions(), [("a.txt", null)], Token);
        await UntilAsync(() => there.GetRequiredService<LibraryWorker>().Version > version);
        var attempt = new DefaultHttpContext { RequestServices = here, Connection = { RemoteIpAddress = new(0x0100007f) } };
        for (var failure = 0; failure < AttemptLimits.Failures; failure++)
        {
            here.GetRequiredService<AttemptLimits>().CountFailure(attempt);
        }

        await UntilAsync(() => !there.GetRequiredService<AttemptLimits>().Allows(attempt));

        // Keys of cookies and forms, and the code for the first account.
        Assert.Equal("secret", there.GetRequiredService<IDataProtectionProvider>().CreateProtector("x").Unprotect(here.GetRequiredService<IDataProtectionProvider>().CreateProtector("x").Protect("secret")));
        await here.GetRequiredService<SetupCode>().ShareAsync(_folder, Token);
        await there.GetRequiredService<SetupCode>().ShareAsync(_folder, Token);
        Assert.Equal(here.GetRequiredService<SetupCode>().Value, there.GetRequiredService<SetupCode>().Value);
    }

    [Fact]
    public async Task RolesAndSessions_ChangedInOneInstance_ActOnOpenPagesOfTheOther()
    {
        if (!TestPostgres.IsOn)
        {
            return;
        }

        var (here, there) = (await StartAsync(), await StartAsync());
        await here.GetRequiredService<AccountStore>().CreateAsync("rosa", ServerFixture.Password, [Roles.Researcher], Token);
        await using var request = there.CreateAsyncScope();
        var account = (await request.ServiceProvider.GetRequiredService<UserManager<Account>>().FindByNameAsync("rosa"))!;
        var rosa = await request.ServiceProvider.GetRequiredService<IUserClaimsPrincipalFactory<Account>>().CreateAsync(account);
        await using var page = there.CreateAsyncScope();
        var open = (AccountRevalidation)page.ServiceProvider.GetRequiredService<AuthenticationStateProvider>();
        open.SetAuthenticationState(Task.FromResult(new AuthenticationState(rosa)));
        open.Listen();

        await here.GetRequiredService<AccountStore>().SetRolesAsync(account.Id, [Roles.Expert], null, Token);
        await UntilAsync(() => Seen().IsInRole(Roles.Expert) && !Seen().IsInRole(Roles.Researcher));

        // One session is ended, as by signing out.
        here.GetRequiredService<Sessions>().Announce(rosa.FindFirstValue(Sessions.SessionClaim)!);
        await UntilAsync(() => Seen().Identity is not { IsAuthenticated: true });

        // All of them, as when an account is disabled; and failed passwords count wherever they are given.
        open.SetAuthenticationState(Task.FromResult(new AuthenticationState(rosa)));
        await here.GetRequiredService<AccountStore>().SetDisabledAsync(account.Id, true, null, Token);
        await UntilAsync(() => Seen().Identity is not { IsAuthenticated: true });
        await using var guess = here.CreateAsyncScope();
        await guess.ServiceProvider.GetRequiredService<UserManager<Account>>().AccessFailedAsync((await guess.ServiceProvider.GetRequiredService<UserManager<Account>>().FindByNameAsync("rosa"))!);
        await using var later = there.CreateAsyncScope();
        Assert.Equal(1, (await later.ServiceProvider.GetRequiredService<UserManager<Account>>().FindByNameAsync("rosa"))!.AccessFailedCount);

        ClaimsPrincipal Seen() => open.GetAuthenticationStateAsync().GetAwaiter().GetResult().User;
    }

    [Fact]
    public async Task InstanceWithAnotherDataFolder_IsRefused_AsLongAsTheFirstLives()
    {
        if (!TestPostgres.IsOn)
        {
            return;
        }

        var first = await StartAsync();
        await using var db = await first.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Token);
        await SharedFolder.RequireAsync(db, _folder, new ImpatientTime(), Token);

        var other = Directory.CreateDirectory(Path.Combine(_folder, "other")).FullName;
        var refused = await Assert.ThrowsAsync<CommandException>(() => SharedFolder.RequireAsync(db, other, new ImpatientTime(), Token));
        Assert.Contains($"another data folder than {other}", refused.Message, StringComparison.Ordinal);
        Assert.Contains("is not there", refused.Message, StringComparison.Ordinal);

        // A copy of the folder, or a disk on which locks of another machine are not seen.
        var mark = Assert.Single(await SharedFolder.OthersAsync(db, Token)).Mark;
        await File.WriteAllTextAsync(Path.Combine(Directory.CreateDirectory(Path.Combine(other, "instances")).FullName, mark + ".lock"), "", Token);
        refused = await Assert.ThrowsAsync<CommandException>(() => SharedFolder.RequireAsync(db, other, new ImpatientTime(), Token));
        Assert.Contains("is not locked", refused.Message, StringComparison.Ordinal);

        await first.GetRequiredService<InstanceLink>().StopAsync(Token);
        await SharedFolder.RequireAsync(db, other, TimeProvider.System, Token);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_folder, "instances")));
    }

    [Theory]
    [InlineData(4, null)]
    [InlineData(-5, null)]
    [InlineData(61, "61 s before")]
    [InlineData(-7, "7 s behind")]
    public void ClockWarning_BeyondTheTolerance_SaysByHowMuch(int ahead, string? said)
    {
        var warning = InstanceLink.ClockWarning(TimeSpan.FromSeconds(ahead));

        Assert.Equal(said is null, warning is null);
        Assert.Contains(said ?? "", warning ?? "", StringComparison.Ordinal);
    }

    // Only what links the instances runs: no page is asked for.
    private async Task<IServiceProvider> StartAsync()
    {
        var instance = Application.Build(new CoScientistOptions { DataDirectory = _folder, Database = _database }, "http://127.0.0.1:0");
        _instances.Add(instance);
        await DataDirectory.PrepareAsync(instance.Services, Token);
        var link = instance.Services.GetRequiredService<InstanceLink>();
        await link.StartAsync(Token);
        await UntilAsync(() => link.IsUp);
        return instance.Services;
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
        {
            await Task.Delay(10, Token);
        }
    }
}
