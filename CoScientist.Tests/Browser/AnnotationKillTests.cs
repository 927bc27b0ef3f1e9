using System.Diagnostics;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Tests.Shared;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CoScientist.Tests.Browser;

/// <summary>Kills the server COSCIENTIST_KILLS times, the moment a browser has been told 'Saved' or in the middle of a reason, and looks at what is left.</summary>
[Collection(BrowserCollection.Name)]
[Trait("Database", "any")]
public sealed class AnnotationKillTests(BrowserFixture browser) : IClassFixture<BrowserFixture>, IDisposable
{
    private static readonly int Kills = (int)TestSize.Of("COSCIENTIST_KILLS", 3);
    private readonly string _data = Directory.CreateTempSubdirectory("coscientist-annotation-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(_data, recursive: true);
    }

    [Fact(Timeout = 600_000)]
    public async Task Annotate_KilledAgainAndAgain_LosesNoAnswerNoDecisionAndNoDraft()
    {
        await using var app = Application.Build(TestData.Options(_data), "http://127.0.0.1:0");
        await CoScientist.Web.Configuration.DataDirectory.PrepareAsync(app.Services, Token);
        await app.Services.GetRequiredService<AccountStore>().CreateAsync("eve", ServerFixture.Password, [Roles.Expert, Roles.Reviewer], Token);
        var study = await StudySeed.AddAsync(app.Services, StudySeed.Draft("Killed", Kills + 2), items: 1);
        var contexts = app.Services.GetRequiredService<IDbContextFactory<CoScientistDb>>();
        var (page, address) = ((IPage?)null, "http://127.0.0.1:0");
        for (var kill = 1; kill <= Kills; kill++)
        {
            using var server = Start(address);
            try
            {
                // The same tab at the same address all along, as after a restart.
                address = await AddressAsync(server);
                if (page is null)
                {
                    page = await browser.NewPageAsync(address, []);
                    await BrowserFixture.SignInAsync(page, "eve", ServerFixture.Password);
                }

                foreach (var answers in (bool[])[kill % 2 == 0, kill % 2 != 0])
                {
                    await (answers ? AnswerAsync(page, study, kill, contexts) : ReviewAsync(page));
                }
            }
            finally
            {
                server.Kill();
                await server.WaitForExitAsync(CancellationToken.None);
            }

            await using var db = await contexts.CreateDbContextAsync(Token);
            Assert.Equal((kill, kill), (await db.Preferences.CountAsync(Token), await db.ReviewDecisions.CountAsync(Token)));
            Assert.Equal(Enumerable.Range(1, kill).Select(n => n == 1 ? null : Thought(n - 1)), await db.Preferences.OrderBy(p => p.At).Select(p => p.Reason).ToListAsync(Token));
        }
    }

    private static string Thought(int round) => $"thought {round} and more";

    // Answers the pair with the reason that the last kill broke off, and breaks off in the next one's.
    private static async Task AnswerAsync(IPage page, StudyId study, int round, IDbContextFactory<CoScientistDb> contexts)
    {
        await OpenAsync(page, $"/compare/{study}");
        if (round > 1)
        {
            await Expect(page.Locator("#reason")).ToHaveValueAsync(Thought(round - 1));
            await page.GetByRole(AriaRole.Button, new() { Name = "Plan A is better" }).ClickAsync();
            await page.GetByRole(AriaRole.Button, new() { Name = "Submit" }).ClickAsync();
        }
        else
        {
            await page.Keyboard.PressAsync("a");
        }

        // The page of a pair shows when the last answer was saved, so the count tells this one's.
        await Expect(page.GetByText($"{round} of {Kills + 2} answered")).ToBeVisibleAsync();
        if (round == 1)
        {
            await page.Keyboard.PressAsync("r");
        }

        await page.Locator("#reason").FillAsync($"thought {round}");
        await SavedAsync(contexts, $"thought {round}");
        await page.Locator("#reason").PressSequentiallyAsync(" and more");
    }

    private static async Task ReviewAsync(IPage page)
    {
        await OpenAsync(page, "/review");
        await page.Keyboard.PressAsync("a");
        await Expect(page.Locator(".saved", new() { HasText = "Saved" })).ToBeVisibleAsync();
    }

    private static async Task OpenAsync(IPage page, string address)
    {
        await BrowserFixture.OpenAsync(page, address);
        await Expect(page.Locator(".hotkeys[data-ready]")).ToBeVisibleAsync();
    }

    private static async Task SavedAsync(IDbContextFactory<CoScientistDb> contexts, string reason)
    {
        await using var db = await contexts.CreateDbContextAsync(Token);
        while (!await db.AnswerEvents.AnyAsync(e => e.Field == AnswerField.Reason && e.Value == reason, Token))
        {
            await Task.Delay(20, Token);
        }
    }

    private Process Start(string address)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, UseShellExecute = false };
        foreach (var argument in (string[])["exec", typeof(CoScientistOptions).Assembly.Location, "serve", .. TestData.Arguments(_data), "--urls", address])
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start)!;
    }

    private static async Task<string> AddressAsync(Process server)
    {
        const string Mark = "CoScientist is at ";
        while (await server.StandardOutput.ReadLineAsync(Token) is { } line)
        {
            if (line.StartsWith(Mark, StringComparison.Ordinal))
            {
                return line[Mark.Length..].Trim();
            }
        }

        throw new InvalidOperationException("The server ended before it said where it is.");
    }
}
