using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Components.Pages.Compare;
using CoScientist.Web.Library;
using CoScientist.Web.Runs;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Access;

/// <summary>
/// Every action of every page, done by somebody who may: whatever changes the data is in the audit trail, or is a record of its own that
/// says who did it and when.
/// </summary>
[Trait("Database", "any")]
public sealed class AuditWalkTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    /// <summary>Tables whose new rows say who has done something: the trail, and the trails of reviewers and of experts.</summary>
    private static readonly string[] s_trails = ["AuditEntries", "ReviewDecisions", "AnswerEvents", "Preferences"];

    /// <summary>What changes when a pair is handed out, which is nobody's action: the page does it when it comes to it, on a server also a moment after the answer to the pair before.</summary>
    private static readonly string[] s_handedOut = ["Assignments", "StudyRevisions"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task EveryAction_ThatChangesData_LeavesATrail()
    {
        var house = await FullHouse.MakeAsync(server.Services, "somebody");
        await SpendBudgetAsync();

        // What they do they do for somebody whose start of it is in the trail, and whenever they come to it.
        await server.Services.GetRequiredService<RunWorker>().StopAsync(Token);
        await server.Services.GetRequiredService<LibraryWorker>().StopAsync(Token);

        var tables = new TestTables(server.DataDirectory);
        var (told, untold) = (new HashSet<string>(StringComparer.Ordinal), new HashSet<string>(StringComparer.Ordinal));
        await using var watch = await tables.ConnectAsync();
        foreach (var page in FullHouse.Pages)
        {
            using var open = await house.OpenAsync(server.Services, page, ServerFixture.Administrator);
            var (before, version) = (await tables.LookAsync(), await TestTables.VersionAsync(watch));
            await open.SendAllAsync(sentOne: async method =>
            {
                if (await TestTables.VersionAsync(watch) is var next && next == version)
                {
                    return;
                }

                var now = await tables.LookAsync();
                var changed = now.Where(part => before.GetValueOrDefault(part.Key) != part.Value).Select(part => part.Key).ToList();
                (before, version) = (now, next);
                if (changed.Count > 0 && (page != typeof(ComparePair) || changed.Except(s_handedOut, StringComparer.Ordinal).Any()))
                {
                    (changed.Intersect(s_trails, StringComparer.Ordinal).Any() ? told : untold).Add($"{page.Name}, {method}: {string.Join(", ", changed)}");
                }
            });
        }

        Assert.True(untold.Count == 0, string.Join('\n', untold));
        Assert.True(told.Count > 35, $"The walk does not get far: {string.Join('\n', told)}");
    }

    /// <summary>Calls of the model server are refused at once, instead of being tried again and again.</summary>
    private async Task SpendBudgetAsync()
    {
        var store = server.Services.GetRequiredService<ModelServerStore>();
        var lab = store.List().Single(one => one.Name == FullHouse.Server);
        lab.TokenBudget = 1;
        await store.SaveAsync(lab, key: null, Token);
    }
}
