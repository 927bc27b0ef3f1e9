using System.Net;
using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Tests.Shared;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web;

/// <summary>Compare and Studies over HTTP: who may see what, and that nothing tells an expert who wrote a plan.</summary>
[Trait("Database", "any")]
public sealed class StudyPagesTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private const string Hostile = "We start <script>alert(1)</script> and <img src=x onerror=alert(2)>.";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private StudyStore Store => server.Services.GetRequiredService<StudyStore>();

    [Fact]
    public async Task Results_AsExpert_AreDenied()
    {
        var study = await CreateStudyAsync();
        using var client = await SignInAsAsync(Roles.Expert);
        using var answer = await client.GetAsync($"/studies/{study}", Token);

        Assert.Equal("/account/denied", answer.Headers.Location!.AbsolutePath);
    }

    [Fact]
    public async Task Pair_AsExpert_TellsNothingOfTheArmsAndRunsNothing()
    {
        var study = await CreateStudyAsync();
        using var client = await SignInAsAsync(Roles.Expert);

        var html = await client.GetStringAsync($"/compare/{study}", Token) + await client.GetStringAsync("/compare", Token);

        Assert.Contains("Plan A", html, StringComparison.Ordinal);
        Assert.Contains("[removed]", html, StringComparison.Ordinal);
        Assert.Contains("&lt;script&gt;", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<script>", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<img", html, StringComparison.Ordinal);
        Assert.DoesNotContain("tuned", html, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("starter", html, StringComparison.OrdinalIgnoreCase);
        await using var db = await NewContextAsync();
        var secrets = (await db.Plans.Select(p => p.Id).ToListAsync(Token)).Select(p => p.Value).Concat((await db.Comparisons.Select(c => c.Id).ToListAsync(Token)).Select(c => c.Value));
        Assert.All(secrets, secret => Assert.DoesNotContain(secret.ToString("N"), html.Replace("-", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Results_AsResearcher_ShowTheRateWithItsIntervalAndTheArms()
    {
        var study = await CreateStudyAsync();
        while (await Store.NextAsync(study, "someone", Token) is { } pair)
        {
            await Store.AnswerAsync(pair.Assignment, "someone", pair.PlanA.Contains("guess", StringComparison.Ordinal) ? PreferenceChoice.B : PreferenceChoice.A, "=HYPERLINK(\"x\")<b>", 2000, Token);
        }

        using var client = await SignInAsAsync(Roles.Researcher);
        var html = WebUtility.HtmlDecode(await client.GetStringAsync($"/studies/{study}", Token));

        Assert.Contains(">1.00</span> is the win rate of tuned-7@40 over starter", html, StringComparison.Ordinal);
        Assert.Contains("n = 3 goals", html, StringComparison.Ordinal);
        Assert.Contains("p = 0.250", html, StringComparison.Ordinal);

        // The same figures as files.
        var picture = await client.GetStringAsync($"/studies/{study}/figures/win-rate.svg", Token);
        Assert.StartsWith("<svg", picture, StringComparison.Ordinal);
        Assert.Contains("n = 3", picture, StringComparison.Ordinal);
        Assert.StartsWith("Name,Value,Low,High,n\nExperts,1,1,1,3\n", await client.GetStringAsync($"/studies/{study}/figures/win-rate.csv", Token), StringComparison.Ordinal);
        using var none = await client.GetAsync($"/studies/{study}/figures/nothing.svg", Token);

        // And beside other studies.
        var together = WebUtility.HtmlDecode(await client.GetStringAsync($"/studies/together?study={study}&study=none-such", Token));
        Assert.Contains("Win rate of the first arm, study by study", together, StringComparison.Ordinal);
        Assert.Contains("tuned-7@40 over starter", await client.GetStringAsync($"/studies/together/figures/win-rates.csv?study={study}", Token), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, none.StatusCode);
        using var expert = await SignInAsAsync(Roles.Expert);
        using var denied = await expert.GetAsync($"/studies/{study}/figures/win-rate.csv", Token);
        Assert.Equal("/account/denied", denied.Headers.Location!.AbsolutePath);
    }

    [Fact]
    public async Task Invitation_NewExpert_MakesAnAccountAndGetsToThePairOnce()
    {
        var study = await CreateStudyAsync(invitedOnly: true);
        var secret = await Store.InviteAsync(study, "Zoe", 1, TimeSpan.FromDays(1), "", Token);
        using var client = server.CreateClient();
        using var joined = await ServerFixture.PostFormAsync(client, $"/account/join/{secret}", new() { ["Input.Name"] = "zoe", ["Input.Password"] = ServerFixture.Password, ["Input.Again"] = ServerFixture.Password });

        Assert.Equal($"/compare/{study}", joined.Headers.Location!.OriginalString.Replace(server.Address, "", StringComparison.Ordinal));
        Assert.Contains("Plan A", await client.GetStringAsync($"/compare/{study}", Token), StringComparison.Ordinal);
        using var stranger = server.CreateClient();
        Assert.Contains("has been used", await stranger.GetStringAsync($"/account/join/{secret}", Token), StringComparison.Ordinal);
        Assert.Contains("is not known", await stranger.GetStringAsync("/account/join/guess", Token), StringComparison.Ordinal);
        using var other = await SignInAsAsync(Roles.Expert);
        Assert.Contains("There is no such study", await other.GetStringAsync($"/compare/{study}", Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task UnknownStudy_SaysSo()
    {
        using var client = await server.SignInAsync();

        Assert.Contains("There is no such study", await client.GetStringAsync($"/studies/{Guid.NewGuid():N}", Token), StringComparison.Ordinal);
        Assert.Contains("There is no such study", await client.GetStringAsync("/compare/nonsense", Token), StringComparison.Ordinal);
    }

    private async Task<StudyId> CreateStudyAsync(bool invitedOnly = false)
    {
        var time = TimeProvider.System;
        await using (var db = await NewContextAsync())
        {
            if (!await db.Plans.AnyAsync(p => p.Writer == "starter", Token))
            {
                for (var i = 0; i < 3; i++)
                {
                    var goal = new Goal { Id = TypedId.New<GoalId>(time), Domain = "ml", Text = $"Find out {i}.", Origin = "dataset", CreatedAt = time.GetUtcNow() };
                    db.Add(goal);
                    db.Add(new Plan { Id = TypedId.New<PlanId>(time), GoalId = goal.Id, Writer = "tuned-7@40", Text = $"I, Tuned-7@40, plan. {Hostile}", CreatedAt = time.GetUtcNow() });
                    db.Add(new Plan { Id = TypedId.New<PlanId>(time), GoalId = goal.Id, Writer = "starter", Text = $"The starter would guess. {Hostile}", CreatedAt = time.GetUtcNow() });
                }

                await db.SaveChangesAsync(Token);
            }
        }

        return await Store.CreateAsync(new StudyDraft { Name = $"Blind {Guid.NewGuid():N}", Arm1 = "tuned-7@40", Arm2 = "starter", IsSandbox = false, Goals = 3, InvitedOnly = invitedOnly }, Token);
    }

    private Task<CoScientistDb> NewContextAsync() => server.Services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Token);

    private async Task<HttpClient> SignInAsAsync(string role)
    {
        var name = "only-" + role;
        try
        {
            await server.CreateAccountAsync(name, role);
        }
        catch (CoScientist.Web.Accounts.AccountException)
        {
            // An earlier test created it.
        }

        return await server.SignInAsync(name);
    }
}
