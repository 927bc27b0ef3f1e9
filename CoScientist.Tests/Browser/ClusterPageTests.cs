using CoScientist.Core.Goals;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Shared;
using CoScientist.Tests.Web.Runs;
using CoScientist.Web.Runs;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CoScientist.Tests.Browser;

/// <summary>A run on the cluster as its researcher sees it, from the form to the end, against a stand-in for Ray.</summary>
[Collection(BrowserCollection.Name)]
[Trait("Database", "any")]
public sealed class ClusterPageTests(BrowserFixture browser) : IClassFixture<BrowserFixture>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Timeout = 180_000)]
    public async Task Run_OnTheCluster_StartsPausesGoesOnAndFinishesInThePages()
    {
        var shared = Directory.CreateTempSubdirectory("coscientist-shared-");
        await using var ray = await RayStandIn.StartAsync();
        var server = await ServeAsync(ray.Address, shared.FullName);
        await using (server)
        {
            TinyPolicy.Write(Path.Combine(server.DataDirectory, "models", "mine"));
            var checkpoints = server.Services.GetRequiredService<RunCheckpointStore>();
            await checkpoints.RegisterBaseAsync("mine", "models/mine", isSandbox: false, Token);
            await server.Services.GetRequiredService<ModelServerStore>().SaveAsync(new ModelServer { Name = "jury", Endpoint = "http://127.0.0.1:9/v1", Model = "j" }, null, Token);
            var db = await server.Services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Token);
            await ClusterHarness.AddGoalsAsync(db, () => new GoalId(Guid.CreateVersion7()), () => new RubricItemId(Guid.CreateVersion7()), DateTimeOffset.UnixEpoch);
            var faults = new List<string>();
            var page = await browser.NewPageAsync(server.Address, faults);
            await BrowserFixture.SignInAsync(page, ServerFixture.Administrator, ServerFixture.Password);

            await BrowserFixture.OpenAsync(page, "/runs/new");
            await page.GetByText("Specification and command line").ClickAsync();
            await page.GetByLabel("Specification, JSON").FillAsync("""{ "name": "far", "model": "mine", "grader": "server:jury", "judge": "server:jury", "data": { "sandbox": false }, "engine": { "kind": "verl" }, "steps": 3, "warmupSteps": 0, "evaluateEvery": 3 }""");
            await page.GetByRole(AriaRole.Button, new() { Name = "Use this specification" }).ClickAsync();
            await Expect(page.GetByLabel("Family")).ToHaveValueAsync("far");
            await page.GetByRole(AriaRole.Button, new() { Name = "Start the run" }).ClickAsync();
            var heading = page.GetByRole(AriaRole.Heading, new() { Name = "far-1" });
            await Expect(heading).ToContainTextAsync("running");

            var job = await ray.NextAsync(Token);
            (job.Status, job.Log) = ("RUNNING", "weights are loaded\n");
            job.Tell(1, ("critic/rewards/mean", .4));
            await Expect(page.Locator(".steps").First).ToContainTextAsync("1 / 3");
            await Expect(page.GetByText("cluster: weights are loaded").First).ToBeAttachedAsync();
            await page.GetByRole(AriaRole.Button, new() { Name = "Pause" }).ClickAsync();
            await Expect(heading).ToContainTextAsync("paused");
            Assert.Equal("STOPPED", job.Status);

            await page.GetByRole(AriaRole.Button, new() { Name = "Resume" }).ClickAsync();
            job = await ray.NextAsync(Token);
            job.Status = "RUNNING";
            for (var step = 1; step <= 2; step++)
            {
                job.Tell(step, ("critic/rewards/mean", .5));
            }

            await Expect(page.Locator(".steps").First).ToContainTextAsync("2 / 3");
            job.Save(3, folder => TinyPolicy.Write(folder, 2));
            job.Tell(3, ("critic/rewards/mean", .6), ("val-core/coscientist/reward/mean@1", .7));
            job.Status = "SUCCEEDED";
            await Expect(heading).ToContainTextAsync("finished");
            Assert.NotNull((await checkpoints.FindAsync("far-1@3", Token))?.ParentId);

            // This model cannot be asked for plans here, and no server has it.
            await Expect(page.Locator(".log li").Last).ToContainTextAsync("The closing evaluation is missing.");
            await page.GetByRole(AriaRole.Button, new() { Name = "Evaluate" }).ClickAsync();

            // The log begins anew with every execution.
            await Expect(page.Locator(".log li").First).ToContainTextAsync("The closing evaluation is missing.");
            Assert.Empty(faults);
        }

        shared.Delete(recursive: true);
    }

    /// <summary>The cluster is told by the environment, as in a container.</summary>
    private static async Task<ServerFixture> ServeAsync(string address, string folder)
    {
        (string Name, string Value)[] settings = [("CoScientist__Cluster__Address", address), ("CoScientist__Cluster__Folder", folder), ("CoScientist__Cluster__PollSeconds", "0.02")];
        foreach (var (name, value) in settings)
        {
            Environment.SetEnvironmentVariable(name, value);
        }

        var server = new ServerFixture();
        await server.InitializeAsync();
        _ = server.Services.GetRequiredService<ClusterRuns>();
        foreach (var (name, _) in settings)
        {
            Environment.SetEnvironmentVariable(name, null);
        }

        return server;
    }
}
