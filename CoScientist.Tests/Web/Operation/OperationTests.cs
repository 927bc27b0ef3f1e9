using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using CoScientist.Core.Storage;
using CoScientist.Core.Storage.Backups;
using CoScientist.Core.Studies;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Commands;
using CoScientist.Web.Configuration;
using CoScientist.Web.Library;
using CoScientist.Web.Operation;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Operation;

[Trait("Database", "any")]
public sealed partial class OperationTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Health_OfAServerAtWork_IsOpenToEverybodyAndReady()
    {
        using var client = server.CreateClient();

        Assert.Equal("ok", await client.GetStringAsync("/healthz", Token));
        var ready = await client.GetFromJsonAsync<JsonElement>("/readyz", Token);
        Assert.Equal("""{"ready":true,"database":"ok","disk":"ok","workers":"ok","role":"works"}""", ready.GetRawText());
    }

    [Fact]
    public async Task Metrics_AreForAdministratorsAndConfiguredAddresses()
    {
        using var stranger = server.CreateClient();
        Assert.Equal(HttpStatusCode.Forbidden, (await stranger.GetAsync("/metrics", Token)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await (await server.ClientOfAsync(Roles.Researcher)).GetAsync("/metrics", Token)).StatusCode);
        using var client = await server.SignInAsync();

        await client.GetStringAsync("/healthz", Token);
        await client.GetStringAsync("/metrics", Token);
        var text = await client.GetStringAsync("/metrics", Token);

        Assert.Contains("# TYPE coscientist_runs gauge\n", text, StringComparison.Ordinal);
        Assert.Contains("coscientist_runs{state=\"finished\"} 0\n", text, StringComparison.Ordinal);
        Assert.Contains("# TYPE coscientist_answers_total counter\n", text, StringComparison.Ordinal);
        Assert.Contains("# TYPE http_server_request_duration_seconds histogram\n", text, StringComparison.Ordinal);
        Assert.Matches("""http_server_request_duration_seconds_bucket\{[^}]*http_route="/healthz"[^}]*le="\+Inf"\} [1-9]""", text);
        Assert.Matches("(?m)^dotnet_process_memory_working_set_bytes [1-9]", text);
        Assert.All(text.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Matches("""^(#.*|[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\.)*"(,[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\.)*")*\})? (-?[0-9.]+([eE][-+]?[0-9]+)?|NaN))$""", line));
    }

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("::ffff:127.0.0.1", true)]
    [InlineData("10.20.30.40", true)]
    [InlineData("11.0.0.1", false)]
    [InlineData("::1", false)]
    public void Addresses_SingleAndRanges_AreTold(string address, bool allowed) =>
        Assert.Equal(allowed, OperationSetup.IsIn(IPAddress.Parse(address), OperationSetup.Addresses("127.0.0.1, 10.0.0.0/8")));

    [Fact]
    public void Addresses_NoAddress_IsRefusedByName() =>
        Assert.Contains("\"nowhere\"", Assert.Throws<CommandException>(() => OperationSetup.Addresses("127.0.0.1,nowhere")).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Restore_OnAnotherServer_ShowsTheSameResultsPage()
    {
        var study = await AnsweredStudyAsync();
        var folder = Directory.CreateTempSubdirectory("coscientist-").FullName;
        try
        {
            using var client = await server.SignInAsync();
            var page = Plain(await client.GetStringAsync($"/studies/{study}", Token));
            Assert.Contains("is the win rate of tuned over starter", page, StringComparison.Ordinal);
            var (backup, restored) = (Path.Combine(folder, "backup"), Path.Combine(folder, "restored"));
            var there = TestPostgres.IsOn ? await TestPostgres.CreateEmptyAsync() : null;
            new DataBackup(server.DataDirectory, includeKeys: true, there is null ? null : TestData.Database(server.DataDirectory)).Write(backup, "test", TimeProvider.System, progress: null, Token);
            DataRestore.Read(backup, restored, progress: null, Token, there);

            await using var other = Application.Build(new CoScientistOptions { DataDirectory = restored, Database = there ?? "" }, "http://127.0.0.1:0");
            await CoScientist.Web.Configuration.DataDirectory.PrepareAsync(other.Services, Token);
            await other.StartAsync(Token);
            using var elsewhere = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = new CookieContainer() }) { BaseAddress = new Uri(other.Urls.Single()) };
            using var signedIn = await ServerFixture.PostFormAsync(elsewhere, "/account/sign-in", new() { ["Input.Name"] = ServerFixture.Administrator, ["Input.Password"] = ServerFixture.Password });
            Assert.Equal(page, Plain(await elsewhere.GetStringAsync($"/studies/{study}", Token)));

            // A worker that has stopped is not ready.
            await other.Services.GetRequiredService<LibraryWorker>().StopAsync(Token);
            using var ready = await elsewhere.GetAsync("/readyz", Token);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
            Assert.Contains("library", await ready.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
            await other.StopAsync(Token);
        }
        finally
        {
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task<StudyId> AnsweredStudyAsync()
    {
        var time = TimeProvider.System;
        await using (var db = await server.Services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Token))
        {
            for (var i = 0; i < 3; i++)
            {
                var goal = new Goal { Id = TypedId.New<GoalId>(time), Domain = "ml", Text = $"Find out {i}.", Origin = "dataset", CreatedAt = time.GetUtcNow() };
                db.Add(goal);
                db.Add(new Plan { Id = TypedId.New<PlanId>(time), GoalId = goal.Id, Writer = "tuned", Text = $"We measure {i}.", CreatedAt = time.GetUtcNow() });
                db.Add(new Plan { Id = TypedId.New<PlanId>(time), GoalId = goal.Id, Writer = "starter", Text = $"We guess {i}.", CreatedAt = time.GetUtcNow() });
            }

            await db.SaveChangesAsync(Token);
        }

        var store = server.Services.GetRequiredService<StudyStore>();
        var study = await store.CreateAsync(new StudyDraft { Name = "Blind", Arm1 = "tuned", Arm2 = "starter", IsSandbox = false, Goals = 3 }, Token);
        while (await store.NextAsync(study, "someone", Token) is { } pair)
        {
            await store.AnswerAsync(pair.Assignment, "someone", pair.PlanA.Contains("guess", StringComparison.Ordinal) ? PreferenceChoice.B : PreferenceChoice.A, "", 2000, Token);
        }

        return study;
    }

    /// <summary>What a reader sees of the page: without what every response and every circuit has of its own.</summary>
    private static string Plain(string html) =>
        WebUtility.HtmlDecode(Tags().Replace(Comments().Replace(html[html.IndexOf("<main", StringComparison.Ordinal)..html.IndexOf("</main>", StringComparison.Ordinal)], ""), " "));

    [GeneratedRegex("<!--.*?-->", RegexOptions.Singleline)]
    private static partial Regex Comments();

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Tags();
}
