using System.IO.Compression;
using System.Net;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web;

/// <summary>The pages of models and of runs' files over HTTP: what they show, and who gets which files.</summary>
[Trait("Database", "any")]
public sealed class ModelPagesTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Models_AsResearcher_ShowOriginScoreAndPages()
    {
        var (run, other) = (await RunAsync(), await RunAsync(learningRate: 5e-5));
        var client = await server.ClientOfAsync(Roles.Researcher);

        var list = WebUtility.HtmlDecode(await client.GetStringAsync("/models?q=" + Uri.EscapeDataString(run.Name), Token));
        var page = WebUtility.HtmlDecode(await client.GetStringAsync("/models/" + Uri.EscapeDataString(run.Name + "@10"), Token));
        var compare = WebUtility.HtmlDecode(await client.GetStringAsync($"/models/compare?left={Uri.EscapeDataString(other.Name + "@10")}&right={Uri.EscapeDataString(run.Name + "@10")}", Token));

        Assert.Contains($"models/{run.Name}%4010", list, StringComparison.Ordinal);
        Assert.Contains("0.625", list, StringComparison.Ordinal);
        Assert.DoesNotContain(">sandbox-base</a> ", list, StringComparison.Ordinal);
        Assert.Contains("sandbox-base", page, StringComparison.Ordinal);
        Assert.Contains("its files are gone", page, StringComparison.Ordinal);
        Assert.Contains($"runs/{run.Name}", page, StringComparison.Ordinal);
        Assert.Contains("settings.learningRate", compare, StringComparison.Ordinal);
        Assert.DoesNotContain("settings.groupSize", compare, StringComparison.Ordinal);
        Assert.Contains("There is no model nonsense", await client.GetStringAsync("/models/nonsense", Token), StringComparison.Ordinal);
        Assert.Contains("Write and grade", await client.GetStringAsync("/models/playground?left=sandbox-base", Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Download_OfAModel_IsAWholeFolderForResearchersOnly()
    {
        var researcher = await server.ClientOfAsync(Roles.Researcher);

        await using var archive = new ZipArchive(await researcher.GetStreamAsync("/models/sandbox-base/download", Token));
        using var refused = await (await server.ClientOfAsync(Roles.Expert)).GetAsync("/models/sandbox-base/download", Token);
        using var missing = await researcher.GetAsync("/models/nonsense/download", Token);

        Assert.Contains("sandbox-base/model.safetensors", archive.Entries.Select(entry => entry.FullName));
        Assert.Contains("sandbox-base/config.json", archive.Entries.Select(entry => entry.FullName));
        Assert.Equal("/account/denied", refused.Headers.Location!.AbsolutePath);
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
    }

    [Fact]
    public async Task Files_OfARun_AreShownSearchedAndSentToResearchersOnly()
    {
        var run = await RunAsync();
        var folder = new RunFolder(server.Services.GetRequiredService<CoScientistOptions>().RunDirectory(run.Name));
        Directory.CreateDirectory(folder.Path);
        await File.WriteAllTextAsync(folder.File(RunFolder.LogFile), "{\"step\":1,\"message\":\"first <b>word</b>\"}\n{\"step\":2,\"message\":\"second\"}\n", Token);
        await File.WriteAllTextAsync(folder.File("secret.txt"), "not to be sent", Token);
        var client = await server.ClientOfAsync(Roles.Researcher);

        var all = await client.GetStringAsync($"/runs/{run.Name}/files", Token);
        var found = await client.GetStringAsync($"/runs/{run.Name}/files?q=SECOND", Token);
        using var refused = await (await server.ClientOfAsync(Roles.Expert)).GetAsync($"/runs/{run.Name}/files/{RunFolder.LogFile}", Token);

        Assert.Contains("step 1: first &lt;b&gt;word", all, StringComparison.Ordinal);
        Assert.Contains("step 2: ", found, StringComparison.Ordinal);
        Assert.Contains("<mark>second</mark>", found, StringComparison.Ordinal);
        Assert.DoesNotContain("step 1", found, StringComparison.Ordinal);
        Assert.Contains("second", await client.GetStringAsync($"/runs/{run.Name}/files/{RunFolder.LogFile}", Token), StringComparison.Ordinal);
        Assert.Equal("/account/denied", refused.Headers.Location!.AbsolutePath);
        foreach (var address in (string[])[$"/runs/{run.Name}/files/secret.txt", $"/runs/{run.Name}/files/..%2F..%2Fcoscientist.db", $"/runs/nonsense/files/{RunFolder.LogFile}"])
        {
            using var answer = await client.GetAsync(address, Token);
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        }
    }

    private async Task<Run> RunAsync(double learningRate = 2e-4)
    {
        var run = await server.Services.GetRequiredService<RunStore>().CreateAsync(new RunSpec { Name = "pages", LearningRate = learningRate }, null, _ => false, Token);
        await server.Services.GetRequiredService<RunStore>().CancelAsync(run.Id, Token);
        await server.Services.GetRequiredService<RunCheckpointStore>().RegisterAsync(run, new RunCheckpoint(10, RunFolder.CheckpointDirectory(10), .625, IsBest: true), Token);
        return run;
    }
}
