using System.CommandLine;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Accounts;
using CoScientist.Web.Commands;
using CoScientist.Web.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Access;

/// <summary>The verb <c>account</c> over the data of a server that runs.</summary>
[Collection(nameof(AccessCollection))]
[Trait("Database", "any")]
public sealed class AccountCommandTests(AccessFixture access)
{
    private readonly ServerFixture server = access.Server;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Verbs_ActOnAccountsAndAreRefusedWithASentence()
    {
        await server.CreateAccountAsync("cleo", Roles.Expert);
        using var client = await server.SignInAsync("cleo");
        Assert.Equal(0, await RunAsync("sign-out", "CLEO"));
        using var gone = await client.GetAsync("/compare", Cancellation);
        Assert.Equal("/account/sign-in", gone.Headers.Location!.AbsolutePath);

        Assert.Equal(0, await RunAsync("disable", "cleo"));
        var store = server.Services.GetRequiredService<AccountStore>();
        Assert.True((await store.ListAsync(Cancellation)).Single(account => account.Name == "cleo").IsDisabled);
        Assert.Equal(0, await RunAsync("enable", "cleo"));
        Assert.Equal(0, await RunAsync("invite", "newcomer", "--role", Roles.Reviewer, "--hours", "2"));
        Assert.Equal(0, await RunAsync("reset", "cleo"));
        Assert.Equal(0, await RunAsync("list"));
        Assert.Equal(["made a link for a new password", "made an invitation, reviewer", "let the account in again"], (await server.Services.GetRequiredService<AuditTrail>().PageAsync(new AuditFilter(Kind: AuditKind.Account), 0, 3, Cancellation)).Entries.Select(entry => entry.What));

        Assert.Contains("no account 'nobody'", (await Assert.ThrowsAsync<CommandException>(() => RunAsync("reset", "nobody"))).Message, StringComparison.Ordinal);
        Assert.NotEqual(0, await RunAsync("invite", "x", "--role", "king"));
    }

    private Task<int> RunAsync(params string[] arguments)
    {
        var root = new RootCommand { AccountCommand.Create() };
        root.Options.Add(CommandContext.Data);
        root.Options.Add(DatabaseSetting.Option);
        root.Options.Add(CommandContext.Json);
        return root.Parse(["account", .. arguments, .. TestData.Arguments(server.DataDirectory)]).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }, Cancellation);
    }
}
