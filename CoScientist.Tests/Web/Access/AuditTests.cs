using System.Net;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Accounts;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Access;

/// <summary>What the audit trail takes down, and its page and file.</summary>
[Collection(nameof(AccessCollection))]
[Trait("Database", "any")]
public sealed class AuditTests(AccessFixture access)
{
    private readonly ServerFixture server = access.Server;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SigningIn_RightOrWrong_IsTakenDownWithoutWhatWasTyped()
    {
        await server.CreateAccountAsync("nora", Roles.Expert);
        using var client = server.CreateClient();
        await SignInAsync(client, "nora", "not the password of nora");
        await SignInAsync(client, "my password in the wrong field", "x");
        await SignInAsync(client, "nora", ServerFixture.Password);
        var page = await client.GetStringAsync("/account/security", Cancellation);
        Assert.Contains("End my account", page, StringComparison.Ordinal);
        await ServerFixture.PostFormAsync(client, "/account/password", new(StringComparer.Ordinal) { ["Input.Present"] = ServerFixture.Password, ["Input.Password"] = "another quiet room", ["Input.Again"] = "another quiet room" });

        var entries = await EntriesAsync(new AuditFilter("nora"));
        Assert.Equal(["changed the password", "signed in", "gave a wrong password", "made the account, expert"], entries.Select(entry => entry.What));
        Assert.Equal(["nora", "nora", "", ""], entries.Select(entry => entry.By));
        Assert.Contains(await EntriesAsync(new AuditFilter(Kind: AuditKind.SignIn)), entry => entry.What == "tried to sign in by a name that nobody has");
        Assert.Empty(await EntriesAsync(new AuditFilter("wrong field")));
    }

    [Fact]
    public async Task Downloads_AreTakenDownAndRefusalsAreNot()
    {
        var client = await server.ClientOfAsync(Roles.Researcher);
        var before = (await EntriesAsync(new AuditFilter(Kind: AuditKind.Export))).Count;
        using var missing = await client.GetAsync("/models/none/download", Cancellation);
        using var forbidden = await (await server.ClientOfAsync(Roles.Expert)).GetAsync($"/studies/{access.House.Study}/figures/goals.csv", Cancellation);
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        Assert.Equal(before, (await EntriesAsync(new AuditFilter(Kind: AuditKind.Export))).Count);

        await client.GetStringAsync($"/runs/{access.House.Run}/charts/score.csv", Cancellation);

        var entry = (await EntriesAsync(new AuditFilter(Kind: AuditKind.Export)))[0];
        Assert.Equal(("only-researcher", $"runs/{access.House.Run}/charts/score.csv", $"runs/{access.House.Run}"), (entry.By, entry.About, entry.Link));
    }

    [Fact]
    public async Task Page_WithAFilter_ShowsItsEntriesAndGivesThemAsAFileWithoutFormulas()
    {
        var trail = server.Services.GetRequiredService<AuditTrail>();
        await trail.RecordAsync("=cmd()", AuditKind.Run, "@run", "-2+3 unheard-of", "runs/x", Cancellation);
        using var client = await server.SignInAsync();

        var page = await client.GetStringAsync("/admin/audit?q=unheard-of&kind=Run&from=2020-01-01&to=nonsense", Cancellation);
        Assert.Contains("1 entry", page, StringComparison.Ordinal);
        Assert.Contains("href=\"runs/x\"", page, StringComparison.Ordinal);
        Assert.Contains("No entry is like this", await client.GetStringAsync("/admin/audit?q=unheard-of&kind=Study", Cancellation), StringComparison.Ordinal);
        var file = (await client.GetStringAsync("/admin/audit.csv?q=unheard-of", Cancellation)).Split('\n');
        Assert.Equal("at,by,kind,what,about,link", file[0]);
        Assert.EndsWith("\"'=cmd()\",Run,\"'-2+3 unheard-of\",\"'@run\",runs/x", file[1], StringComparison.Ordinal);
        Assert.Equal("", Assert.Single(file[2..]));
        Assert.Contains(await EntriesAsync(new AuditFilter(Kind: AuditKind.Export)), entry => entry is { By: ServerFixture.Administrator, About: "admin/audit.csv" });
    }

    [Fact]
    public async Task OperationPage_SaysWhatRunsAndWarnsWithoutABackup()
    {
        using var client = await server.SignInAsync();

        var page = await client.GetStringAsync("/admin/operation", Cancellation);

        Assert.All((string[])["No backup was made yet", "Microsoft.NETCore", StorageSetup.Migrations[^1], TestPostgres.IsOn ? "PostgreSQL 1" : "Sqlite 3.", "Products in fp32", server.DataDirectory, "Import of papers", "What was done last"], text =>
            Assert.Contains(text == "Microsoft.NETCore" ? ".NET 10" : text, page, StringComparison.Ordinal));
        var sizes = await server.Services.GetRequiredService<CoScientist.Web.Operation.OperationStatus>().MeasureAsync(Cancellation);
        Assert.True(sizes.Single(size => size.Name == "Database").Bytes > 100_000);
        Assert.Equal(1, sizes.Single(size => size.Name == "Runs, with their checkpoints").Count);
    }

    private async Task<IReadOnlyList<AuditEntry>> EntriesAsync(AuditFilter filter) => (await server.Services.GetRequiredService<AuditTrail>().PageAsync(filter, 0, 1000, Cancellation)).Entries;

    private static async Task SignInAsync(HttpClient client, string name, string password)
    {
        using var answer = await ServerFixture.PostFormAsync(client, "/account/sign-in", new(StringComparer.Ordinal) { ["Input.Name"] = name, ["Input.Password"] = password });
    }
}
