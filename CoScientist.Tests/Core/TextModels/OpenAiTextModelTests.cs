using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Shared;

namespace CoScientist.Tests.Core.TextModels;

public sealed class OpenAiTextModelTests
{
    private static OpenAiTextModel Model(Uri endpoint) => new(
        new OpenAiTextModelOptions { Name = "tester", Endpoint = endpoint, Model = "scripted", RetryDelay = TimeSpan.FromMilliseconds(1), Attempts = 3, Parallel = 1 },
        TimeProvider.System);

    private static Task<IReadOnlyList<TextCompletion>> AskAsync(OpenAiTextModel model, params string[] questions) =>
        model.CompleteAsync([.. questions.Select(question => new TextPrompt("Be brief.", question))], new TextSamplingOptions { Temperature = 0, MaxTokens = 5, Seed = 3, Stop = ["END"] }, TestContext.Current.CancellationToken);

    private static string Question(JsonElement request) => request.GetProperty("messages")[1].GetProperty("content").GetString()!;

    [Fact]
    public async Task CompleteAsync_batch_is_answered_in_order_with_usage()
    {
        await using var server = await ScriptedModelServer.StartAsync((request, _) => (200, Question(request).ToUpperInvariant()));

        var answers = await AskAsync(Model(server.Endpoint), "one", "two", "three");

        Assert.Equal(["ONE", "TWO", "THREE"], answers.Select(answer => answer.Text));
        Assert.All(answers, answer => Assert.Equal(new TextCompletion(answer.Text, FinishReason.Stop, 11, 7), answer));
        var request = server.Requests.First();
        Assert.Equal("Be brief.", request.GetProperty("messages")[0].GetProperty("content").GetString());
        Assert.Equal(0, request.GetProperty("temperature").GetDouble());
        Assert.Equal("END", request.GetProperty("stop")[0].GetString());
        Assert.Equal([3L, 4L, 5L], server.Requests.Select(one => one.GetProperty("seed").GetInt64()).Order());
    }

    [Theory]
    [InlineData(429)]
    [InlineData(503)]
    public async Task CompleteAsync_busy_server_is_asked_again(int status)
    {
        await using var server = await ScriptedModelServer.StartAsync((_, call) => call < 3 ? (status, "{}") : (200, "at last"));

        Assert.Equal("at last", (await AskAsync(Model(server.Endpoint), "x"))[0].Text);
        Assert.Equal(3, server.Requests.Count);
    }

    [Theory]
    [InlineData(500, "error 500 after 3 tries", 3)]
    [InlineData(429, "still too busy after 3 tries", 3)]
    [InlineData(401, "refuses the key", 1)]
    [InlineData(404, "does not know the model 'scripted'", 1)]
    public async Task CompleteAsync_server_that_keeps_failing_is_named(int status, string expected, int calls)
    {
        await using var server = await ScriptedModelServer.StartAsync((_, _) => (status, "{}"));

        var fault = await Assert.ThrowsAsync<TextModelException>(() => AskAsync(Model(server.Endpoint), "x"));

        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
        Assert.Contains(server.Endpoint.ToString(), fault.Message, StringComparison.Ordinal);
        Assert.Equal(calls, server.Requests.Count);
    }

    [Fact]
    public async Task CompleteAsync_closed_port_names_address_and_remedy()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();

        var fault = await Assert.ThrowsAsync<TextModelException>(() => AskAsync(Model(new Uri($"http://127.0.0.1:{port}/v1")), "x"));

        Assert.Contains($"http://127.0.0.1:{port}/v1 cannot be reached. Start it", fault.Message, StringComparison.Ordinal);
        Assert.StartsWith("Model 'tester'", fault.Message, StringComparison.Ordinal);
    }
}
