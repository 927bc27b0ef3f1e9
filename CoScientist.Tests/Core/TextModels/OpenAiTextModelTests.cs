using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Shared;
using Microsoft.AspNetCore.Http;

namespace CoScientist.Tests.Core.TextModels;

public sealed class OpenAiTextModelTests
{
    private const string Key = "sk-very-secret-0123456789";

    private static OpenAiTextModel Model(Uri endpoint, double timeout = 30) => new(
        new OpenAiTextModelOptions { Name = "tester", Endpoint = endpoint, Model = "scripted", Key = Key, Timeout = TimeSpan.FromSeconds(timeout) });

    private static async Task<IReadOnlyList<TextCompletion>> AskAsync(Uri endpoint, params string[] questions)
    {
        using var model = Model(endpoint);
        return await model.CompleteAsync([.. questions.Select(question => new TextPrompt("Be brief.", question))], new TextSamplingOptions { Temperature = 0, MaxTokens = 5, Seed = 3, Stop = ["END"] }, TestContext.Current.CancellationToken);
    }

    private static async Task<TextModelException> FailAsync(Uri endpoint)
    {
        var fault = await Assert.ThrowsAsync<TextModelException>(() => AskAsync(endpoint, "x"));
        Assert.DoesNotContain(Key, fault.ToString(), StringComparison.Ordinal);
        Assert.StartsWith("Model 'tester': ", fault.Message, StringComparison.Ordinal);
        Assert.Contains(endpoint.ToString(), fault.Message, StringComparison.Ordinal);
        return fault;
    }

    private static string Question(JsonElement request) => request.GetProperty("messages")[1].GetProperty("content").GetString()!;

    [Fact]
    public async Task CompleteAsync_batch_is_answered_in_order_with_usage()
    {
        await using var server = await ScriptedModelServer.StartAsync((request, _) => (200, Question(request).ToUpperInvariant()));

        var answers = await AskAsync(server.Endpoint, "one", "two", "three");

        Assert.Equal(["ONE", "TWO", "THREE"], answers.Select(answer => answer.Text));
        Assert.All(answers, answer => Assert.Equal(new TextCompletion(answer.Text, FinishReason.Stop, 11, 7), answer));
        var request = server.Requests.First();
        Assert.Equal("Be brief.", request.GetProperty("messages")[0].GetProperty("content").GetString());
        Assert.Equal(0, request.GetProperty("temperature").GetDouble());
        Assert.Equal("END", request.GetProperty("stop")[0].GetString());
        Assert.Equal([3L, 4L, 5L], server.Requests.Select(one => one.GetProperty("seed").GetInt64()).Order());
    }

    [Theory]
    [InlineData(429, "too busy (it says: slow down)", CallOutcome.Busy)]
    [InlineData(500, "error 500 (it says: slow down)", CallOutcome.ServerError)]
    [InlineData(503, "error 503", CallOutcome.ServerError)]
    [InlineData(400, "refuses this request with error 400 (it says: slow down)", CallOutcome.Refused)]
    [InlineData(401, "refuses the key", CallOutcome.Denied)]
    [InlineData(402, "wants to be paid", CallOutcome.Denied)]
    [InlineData(404, "does not know the model 'scripted'", CallOutcome.Denied)]
    public async Task CompleteAsync_error_of_the_server_is_told_once(int status, string expected, CallOutcome outcome)
    {
        await using var server = await ScriptedModelServer.StartAsync((_, _) => (status, """{"error":{"message":"slow down"}}"""));

        var fault = await FailAsync(server.Endpoint);

        Assert.Equal(outcome, fault.Outcome);
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task CompleteAsync_quota_used_up_is_no_reason_to_wait()
    {
        await using var server = await ScriptedModelServer.StartAsync((_, _) => (429, """{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"""));

        Assert.Equal(CallOutcome.Denied, (await FailAsync(server.Endpoint)).Outcome);
    }

    [Fact]
    public async Task CompleteAsync_server_that_repeats_the_key_in_its_error_gives_it_away_to_nobody()
    {
        await using var server = await ScriptedModelServer.StartAsync((_, _) => (401, $$$"""{"error":{"message":"Incorrect key {{{Key}}}"}}"""));

        Assert.Contains("Incorrect key •••", (await FailAsync(server.Endpoint)).Message, StringComparison.Ordinal);
        using var model = Model(server.Endpoint);
        await Assert.ThrowsAsync<TextModelException>(() => model.CompleteAsync([new TextPrompt("", "x")], new TextSamplingOptions(), TestContext.Current.CancellationToken));
        Assert.DoesNotContain(Key, model.LastExchange!.ToString(), StringComparison.Ordinal);
        Assert.Equal(401, model.LastExchange.Status);
    }

    [Theory]
    [InlineData("7", 7.0)]
    [InlineData("0.25", 0.25)]
    [InlineData("soon", null)]
    public async Task CompleteAsync_retry_after_is_read(string header, double? seconds)
    {
        await using var server = await ScriptedModelServer.StartAsync(async (context, _, _) =>
        {
            context.Response.StatusCode = 429;
            context.Response.Headers.RetryAfter = header;
            await context.Response.WriteAsync("{}");
        });

        Assert.Equal(seconds, (await FailAsync(server.Endpoint)).RetryAfter?.TotalSeconds);
    }

    [Fact]
    public async Task CompleteAsync_retry_after_as_a_date_is_read_by_the_servers_clock()
    {
        await using var server = await ScriptedModelServer.StartAsync(async (context, _, _) =>
        {
            context.Response.StatusCode = 503;
            context.Response.Headers.Date = "Wed, 21 Oct 2015 07:28:00 GMT";
            context.Response.Headers.RetryAfter = "Wed, 21 Oct 2015 07:29:30 GMT";
            await context.Response.WriteAsync("{}");
        });

        Assert.Equal(90, (await FailAsync(server.Endpoint)).RetryAfter?.TotalSeconds);
    }

    [Theory]
    [InlineData("<html>hello</html>")]
    [InlineData("{\"choices\":[]}")]
    [InlineData("{\"id\":\"1\",\"object\":\"chat.completion\",\"created\":0,\"model\":\"m\",\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\",\"content\":\"\"}}]}")]
    [InlineData("{\"id\":\"1\", \"choices\":[{\"ind")]
    public async Task CompleteAsync_answer_that_is_none_is_malformed(string body)
    {
        await using var server = await ScriptedModelServer.StartAsync(async (context, _, _) => await context.Response.WriteAsync(body));

        Assert.Equal(CallOutcome.Malformed, (await FailAsync(server.Endpoint)).Outcome);
    }

    [Fact]
    public async Task CompleteAsync_connection_that_ends_within_the_answer_is_dropped()
    {
        await using var server = await ScriptedModelServer.StartAsync(async (context, _, _) =>
        {
            await context.Response.WriteAsync("{\"id\":\"1\", ");
            await context.Response.Body.FlushAsync();
            context.Abort();
        });

        Assert.Equal(CallOutcome.Dropped, (await FailAsync(server.Endpoint)).Outcome);
    }

    [Fact]
    public async Task CompleteAsync_slow_server_times_out()
    {
        var asked = new CancellationTokenSource();
        await using var server = await ScriptedModelServer.StartAsync((context, _, _) => Task.Delay(Timeout.Infinite, CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, asked.Token).Token));
        using var model = Model(server.Endpoint, timeout: 0.2);

        var fault = await Assert.ThrowsAsync<TextModelException>(() => model.CompleteAsync([new TextPrompt("", "x")], new TextSamplingOptions(), TestContext.Current.CancellationToken));

        Assert.Equal(CallOutcome.TimedOut, fault.Outcome);
        Assert.Contains("no answer within 0.2 seconds", fault.Message, StringComparison.Ordinal);
        await asked.CancelAsync();
        asked.Dispose();
    }

    [Fact]
    public async Task CompleteAsync_redirection_is_not_followed()
    {
        await using var other = await ScriptedModelServer.StartAsync((_, _) => (200, "caught"));
        await using var server = await ScriptedModelServer.StartAsync((context, _, _) =>
        {
            context.Response.StatusCode = 307;
            context.Response.Headers.Location = $"{other.Endpoint}/chat/completions";
            return Task.CompletedTask;
        });

        var fault = await FailAsync(server.Endpoint);

        Assert.Equal(CallOutcome.Denied, fault.Outcome);
        Assert.Contains($"redirects to {other.Endpoint}/chat/completions, which is not followed", fault.Message, StringComparison.Ordinal);
        Assert.Empty(other.Requests);
    }

    [Fact]
    public async Task CompleteAsync_closed_port_names_address_and_remedy()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();

        var fault = await FailAsync(new Uri($"http://127.0.0.1:{port}/v1"));

        Assert.Contains($"http://127.0.0.1:{port}/v1 cannot be reached. Start it", fault.Message, StringComparison.Ordinal);
        Assert.Equal(CallOutcome.Unreachable, fault.Outcome);
    }
}
