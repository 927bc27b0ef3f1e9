using System.Diagnostics;
using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Tests.Shared;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using static Microsoft.Playwright.Assertions;

namespace CoScientist.Tests.Browser;

/// <summary>Kills the server ten times, each time the moment a browser has been told 'Saved', and counts what the database kept.</summary>
[Collection(BrowserCollection.Name)]
public sealed class AnnotationKillTests(BrowserFixture browser) : IClassFixture<BrowserFixture>, IDisposable
{
    private const int Kills = 10;
    private readonly string _data = Directory.CreateTempSubdirectory("coscientist-annotation-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(_data, recursive: true);
    }

    [Fact(Timeout = 600_000)]
    public async Task Annotate_KilledTenTimes_LosesNoAnswerAndNoDecision()
    {
        await using var app = Application.Build(new CoScientistOptions { DataDirectory = _data }, "http://127.0.0.1:0");
        await CoScientist.Web.Configuration.DataDirectory.PrepareAsync(app.Services, Token);
        await app.Services.GetRequiredService<AccountStore>().CreateAsync("eve", ServerFixture.Password, [Roles.Expert, Roles.Reviewer], Token);
        var study = await SeedAsync(app.Services);
        var contexts = app.Services.GetRequiredService<IDbContextFactory<CoScientistDb>>();
        for (var kill = 1; kill <= Kills; kill++)
        {
            await AnnotateAndKillAsync(study, kill, answersLast: kill % 2 == 0);
            await using var db = await contexts.CreateDbContextAsync(Token);
            Assert.Equal((kill, kill), (await db.Preferences.CountAsync(Token), await db.ReviewDecisions.CountAsync(Token)));
        }
    }

    private async Task AnnotateAndKillAsync(StudyId study, int round, bool answersLast)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, UseShellExecute = false };
        foreach (var argument in (string[])["exec", typeof(CoScientistOptions).Assembly.Location, "serve", "--data", _data, "--urls", "http://127.0.0.1:0"])
        {
            start.ArgumentList.Add(argument);
        }

        using var server = Process.Start(start)!;
        try
        {
            var page = await browser.NewPageAsync(await AddressAsync(server), []);
            await BrowserFixture.SignInAsync(page, "eve", ServerFixture.Password);
            foreach (var answers in (bool[])[!answersLast, answersLast])
            {
                await page.GotoAsync(answers ? $"/compare/{study}" : "/review");
                await Expect(page.Locator(".hotkeys[data-ready]")).ToBeVisibleAsync();
                await page.Keyboard.PressAsync("a");
                // The page of a pair shows when the last answer was saved, so the count tells this one's.
                await Expect(answers ? page.GetByText($"{round} of {Kills + 2} answered") : page.Locator(".saved", new() { HasText = "Saved" })).ToBeVisibleAsync();
            }
        }
        finally
        {
            server.Kill();
            await server.WaitForExitAsync(CancellationToken.None);
        }
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

    private static async Task<StudyId> SeedAsync(IServiceProvider services)
    {
        var time = TimeProvider.System;
        await using (var db = await services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Token))
        {
            for (var i = 0; i < Kills + 2; i++)
            {
                var goal = new Goal { Id = TypedId.New<GoalId>(time), Domain = "ml", Text = $"Find out {i}.", Origin = "dataset", CreatedAt = time.GetUtcNow() };
                goal.Items.Add(new RubricItem { Id = TypedId.New<RubricItemId>(time), GoalId = goal.Id, Order = 0, Text = $"says {i}", ProposedText = $"says {i}" });
                db.Add(goal);
                db.AddRange(new[] { "tuned", "starter" }.Select(writer => new Plan { Id = TypedId.New<PlanId>(time), GoalId = goal.Id, Writer = writer, Text = $"We plan {i}.", CreatedAt = time.GetUtcNow() }));
            }

            await db.SaveChangesAsync(Token);
        }

        return await services.GetRequiredService<StudyStore>().CreateAsync(new StudyDraft { Name = "Killed", Arm1 = "tuned", Arm2 = "starter", IsSandbox = false, Goals = Kills + 2 }, Token);
    }
}
