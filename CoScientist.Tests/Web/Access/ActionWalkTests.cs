using System.Reflection;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Accounts;
using CoScientist.Web.Components.Pages;
using CoScientist.Web.Components.Pages.Library;
using CoScientist.Web.Components.Pages.Servers;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Access;

/// <summary>
/// Every action of every page, done by somebody who may not: the page was opened while that person was an administrator, the roles
/// went away behind its back, and then everything that can be filled in and pressed is. Nothing may change, in the database or in the
/// files: what counts is who somebody is when something is done, not which buttons are drawn.
/// </summary>
[Collection(nameof(AccessCollection))]
[Trait("Database", "any")]
public sealed class ActionWalkTests(AccessFixture access)
{
    private readonly ServerFixture server = access.Server;
    private readonly TestTables tables = new(access.Server.DataDirectory);

    private const string Name = "once";

    /// <summary>What the test changes itself.</summary>
    private static readonly string[] Accounts = ["AspNetUsers", "AspNetUserRoles"];

    private static readonly Dictionary<Type, string[]> s_pages = FullHouse.Pages.ToDictionary(type => type, type => type.GetCustomAttribute<AuthorizeAttribute>()?.Roles?.Split(',') ?? [.. Roles.All]);

    /// <summary>Actions that take more than the page they stand on, and what they would change.</summary>
    private static readonly (Type Page, string Role, string[] Tables)[] s_more =
    [
        (typeof(ModelServers), Roles.Researcher, ["ModelServers"]),
        (typeof(Activity), Roles.Reviewer, ["LibraryJobs", "LibraryJobSteps"]),
        (typeof(PaperDetail), Roles.Reviewer, ["LibraryJobs", "Papers", "Goals"]),
    ];

    /// <summary>What the same walk changes when it is allowed to: it would see a change.</summary>
    private static readonly (Type Page, string Table)[] s_control = [(typeof(Review), "ReviewDecisions")];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // One after the other, since the last changes what the first look at.
    [Fact]
    public async Task EveryAction_ByWhoMayNot_ChangesNothingAndByWhoMayDoes()
    {
        await server.CreateAccountAsync(Name, Roles.Administrator);
        var house = access.House;
        var id = (await server.Services.GetRequiredService<AccountStore>().ListAsync(Token)).Single(account => account.Name == Name).Id;
        await NothingByWhoLostTheRoleAsync(id, house);
        foreach (var (page, role, kept) in s_more)
        {
            var (log, changed) = await ActAsync(page, house, id, role);
            Assert.True(log.Contains(nameof(UnauthorizedAccessException), StringComparison.Ordinal), $"{page.Name} as {role}: {log}");
            Assert.Empty(changed.Intersect(kept));
        }

        foreach (var (page, table) in s_control)
        {
            var (log, changed) = await ActAsync(page, house, id, Roles.Administrator);
            Assert.True(changed.Contains(table), $"{page.Name}: {log}; changed: {string.Join(", ", changed)}");
        }
    }

    private async Task NothingByWhoLostTheRoleAsync(string id, FullHouse house)
    {
        var faults = new List<string>();
        var (sent, refused) = (0, 0);
        await using var watch = await tables.ConnectAsync();
        var (before, files) = (await tables.LookAsync(), Files());
        foreach (var (page, allowed) in s_pages)
        {
            await SetRolesAsync(id, Roles.Administrator);
            using var open = await OpenAsync(page, house);
            if (TestPostgres.IsOn)
            {
                // The number of a server differs when anybody has written, elsewhere too: what opening the page writes, also a moment later, must not count.
                do
                {
                    (before, files) = (await tables.LookAsync(), Files());
                }
                while ((await tables.LookAsync()).Except(before).Any());
            }

            foreach (var role in Roles.All.Except([Roles.Administrator]).Except(allowed).Prepend(""))
            {
                await SetRolesAsync(id, role);
                var (version, accounts) = (await TestTables.VersionAsync(watch), await tables.LookAsync(Accounts));

                // What was filled in for the first stays.
                await open.SendAllAsync(fills: role.Length == 0);
                if (await TestTables.VersionAsync(watch) == version && Files() == files)
                {
                    continue;
                }

                var now = await tables.LookAsync();
                faults.AddRange(now.Where(part => before.GetValueOrDefault(part.Key) != part.Value && !Accounts.Contains(part.Key)).Select(part => $"{page.Name} as '{role}': {part.Key} changed"));
                faults.AddRange(accounts.Where(part => now[part.Key] != part.Value).Select(part => $"{page.Name} as '{role}': {part.Key} changed"));
                (before, files) = (now, Files());
            }

            sent += open.Sent;
            refused += open.Faults.Count(fault => fault is UnauthorizedAccessException);
        }

        Assert.True(faults.Count == 0, string.Join('\n', faults));
        Assert.True(sent > 300 && refused > 100, $"{sent} events, {refused} refused: the walk does not get far");
    }

    private async Task<(string Log, IReadOnlyList<string> Changed)> ActAsync(Type page, FullHouse house, string id, string role)
    {
        await SetRolesAsync(id, Roles.Administrator);
        using var open = await OpenAsync(page, house);
        await SetRolesAsync(id, role);
        var before = await tables.LookAsync();
        await open.SendAllAsync();
        return (open.Log, [.. (await tables.LookAsync()).Where(now => before.GetValueOrDefault(now.Key) != now.Value).Select(now => now.Key)]);
    }

    private Task<ActionRenderer> OpenAsync(Type page, FullHouse house) => house.OpenAsync(server.Services, page, Name);

    // As another process would: nobody tells the open page.
    private async Task SetRolesAsync(string id, string role)
    {
        await using var scope = server.Services.CreateAsyncScope();
        var manager = scope.ServiceProvider.GetRequiredService<UserManager<Account>>();
        var account = (await manager.FindByIdAsync(id))!;
        await manager.SetLockoutEndDateAsync(account, null);
        await manager.RemoveFromRolesAsync(account, await manager.GetRolesAsync(account));
        if (role.Length > 0)
        {
            await manager.AddToRoleAsync(account, role);
        }
    }

    private string Files() => string.Join('\n', Directory.EnumerateFiles(server.DataDirectory, "*", SearchOption.AllDirectories)
        .Where(file => !Path.GetFileName(file).StartsWith("coscientist.db", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(file => $"{file} {new FileInfo(file).Length}"));
}
