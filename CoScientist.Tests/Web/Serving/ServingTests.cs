using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using CoScientist.Core.Goals;
using CoScientist.Core.Runs;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Shared;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sandbox;
using CoScientist.Web.Configuration;
using CoScientist.Web.Jobs;
using CoScientist.Web.Runs;
using CoScientist.Web.Serving;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Serving;

/// <summary>A server of checkpoints: the sandbox's base, and an untrained model with a chat template.</summary>
public sealed class ServingFixture : IAsyncLifetime
{
    /// <summary>Its key.</summary>
    public const string Key = "a-key-of-our-own-0123456789";

    private WebApplication? app;

    /// <summary>The data directory.</summary>
    public string Data { get; } = Directory.CreateTempSubdirectory("coscientist-serving-").FullName;

    /// <summary>A client that has the key.</summary>
    public HttpClient Client { get; } = new();

    public async ValueTask InitializeAsync()
    {
        PaperPolicy.Write(Path.Combine(Data, "models", "own"), 1);
        app = Application.Build(TestData.Options(Data), "http://127.0.0.1:0", servesModels: true);
        await CoScientist.Web.Configuration.DataDirectory.PrepareAsync(app.Services, CancellationToken.None);
        Assert.Null(await app.Services.GetRequiredService<ModelServing>().StartAsync(["own", ModelCatalog.SandboxBase], Key, Precision.Single, CancellationToken.None));
        await app.StartAsync();
        Client.BaseAddress = new Uri(app.Urls.Single());
        Client.DefaultRequestHeaders.Authorization = new("Bearer", Key);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (app is not null)
        {
            await app.DisposeAsync();
        }

        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(Data, recursive: true);
    }
}

/// <summary>Checkpoints served to other programs.</summary>
[Trait("Database", "any")]
public sealed class ServingTests(ServingFixture serving) : IClassFixture<ServingFixture>
{
    private const string Key = ServingFixture.Key;

    private readonly HttpClient client = serving.Client;
    private readonly string data = serving.Data;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Models_WithTheKey_AreListed_AndWithoutItNothingIs()
    {
        var list = await client.GetFromJsonAsync<JsonElement>("/v1/models", Cancellation);
        Assert.Equal(["own", ModelCatalog.SandboxBase], list.GetProperty("data").EnumerateArray().Select(model => model.GetProperty("id").GetString()));

        foreach (var key in (string?[])[null, "wrong", Key + "x"])
        {
            using var stranger = new HttpClient { BaseAddress = client.BaseAddress };
            stranger.DefaultRequestHeaders.Authorization = key is null ? null : new("Bearer", key);
            using var answer = await stranger.GetAsync("/v1/models", Cancellation);
            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
            Assert.Equal("invalid_api_key", (await ErrorAsync(answer)).GetProperty("code").GetString());
        }
    }

    [Fact]
    public async Task Complete_Seed_GivesWhatTheEngineGives_WholeAndInPieces()
    {
        using var engine = CpuEngine.LoadReadOnly(Path.Combine(data, "models", "own"), Precision.Single);
        var local = new LocalTextModel("own", engine, PaperPolicy.Chat(Path.Combine(data, "models", "own")));
        var expected = (await local.CompleteAsync([new TextPrompt("Be brief.", "Why?")], new TextSamplingOptions { Temperature = 0.8, TopP = 0.9, MaxTokens = 30, Seed = 11 }, Cancellation))[0];
        object request = new { model = "own", messages = Messages, temperature = 0.8, top_p = 0.9, max_tokens = 30, seed = 11, logprobs = true };

        var whole = await AskAsync(request);
        var pieces = await StreamAsync(new { model = "own", messages = Messages, temperature = 0.8, top_p = 0.9, max_completion_tokens = 30, seed = 11, stream = true, stream_options = new { include_usage = true } });

        var choice = whole.GetProperty("choices")[0];
        Assert.Equal(expected.Text, choice.GetProperty("message").GetProperty("content").GetString());
        Assert.Equal(expected.Finish == CoScientist.Core.TextModels.FinishReason.Stop ? "stop" : "length", choice.GetProperty("finish_reason").GetString());
        Assert.Equal((expected.PromptTokens, expected.CompletionTokens), Usage(whole));
        Assert.Equal(expected.CompletionTokens, choice.GetProperty("logprobs").GetProperty("content").GetArrayLength());
        Assert.All(choice.GetProperty("logprobs").GetProperty("content").EnumerateArray(), token => Assert.InRange(token.GetProperty("logprob").GetDouble(), -100, 0));
        Assert.Equal(expected.Text, string.Concat(pieces.SelectMany(piece => piece.GetProperty("choices").EnumerateArray()).Select(part => part.GetProperty("delta").TryGetProperty("content", out var text) ? text.GetString() : "")));
        Assert.Equal((expected.PromptTokens, expected.CompletionTokens), Usage(pieces[^1]));
        Assert.True(pieces.Count > 3, "It came in pieces.");
    }

    [Fact]
    public async Task Text_SameTokensAndSeed_GivesWhatTheChatGives_WholeAndInPieces()
    {
        using var engine = CpuEngine.LoadReadOnly(Path.Combine(data, "models", "own"), Precision.Single);
        var tokens = PaperPolicy.Chat(Path.Combine(data, "models", "own")).Prompt(new TextPrompt("Be brief.", "Why?"));
        var chat = await AskAsync(new { model = "own", messages = Messages, temperature = 0.8, max_tokens = 20, seed = 11 });

        var whole = await AskAsync(new { model = "own", prompt = tokens, temperature = 0.8, max_tokens = 20, seed = 11, logprobs = 1 }, "/v1/completions");
        var written = await AskAsync(new { model = "own", prompt = engine.Tokenizer.Decode(tokens, skipSpecial: false), temperature = 0.8, max_tokens = 20, seed = "11" }, "/v1/completions");
        var pieces = await StreamAsync(new { model = "own", prompt = new[] { tokens }, temperature = 0.8, max_tokens = 20, seed = 11, stream = true, stream_options = new { include_usage = true } }, "/v1/completions");

        var choice = whole.GetProperty("choices")[0];
        Assert.Equal(Text(chat), choice.GetProperty("text").GetString());
        Assert.Equal(Text(chat), written.GetProperty("choices")[0].GetProperty("text").GetString());
        Assert.Equal(Text(chat), string.Concat(pieces.SelectMany(piece => piece.GetProperty("choices").EnumerateArray()).Select(part => part.GetProperty("text").GetString())));
        Assert.Equal(Usage(chat), Usage(whole));
        Assert.Equal(Usage(chat), Usage(pieces[^1]));
        Assert.Equal(Usage(chat).Completion, choice.GetProperty("logprobs").GetProperty("token_logprobs").GetArrayLength());
        Assert.Equal(chat.GetProperty("choices")[0].GetProperty("finish_reason").GetString(), choice.GetProperty("finish_reason").GetString());
    }

    [Theory]
    [InlineData("""{"model":"own"}""", "prompt")]
    [InlineData("""{"model":"own","prompt":["a","b"]}""", "prompt")]
    [InlineData("""{"model":"own","prompt":[99999999]}""", "prompt")]
    [InlineData("""{"model":"own","prompt":"a","echo":true}""", "echo")]
    [InlineData("""{"model":"own","prompt":"a","best_of":3}""", "best_of")]
    public async Task Text_MalformedRequest_IsRefusedInTheWordsOfTheProtocol(string body, string parameter)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync("/v1/completions", content, Cancellation);

        Assert.Equal((HttpStatusCode.BadRequest, parameter), (answer.StatusCode, (await ErrorAsync(answer)).GetProperty("param").GetString()));
    }

    [Fact]
    public async Task Complete_StopText_IsLeftOut_WholeAndInPieces()
    {
        var free = Text(await AskAsync(new { model = "own", messages = Messages, temperature = 0, max_tokens = 40 }));
        var stop = free[(free.Length / 2)..][..3];
        object Request(bool stream) => new { model = "own", messages = Messages, temperature = 0, max_tokens = 40, stop, stream };

        var whole = await AskAsync(Request(false));
        var pieces = await StreamAsync(Request(true));

        Assert.Equal(free[..free.IndexOf(stop, StringComparison.Ordinal)], Text(whole));
        Assert.Equal("stop", whole.GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        Assert.Equal(Text(whole), string.Concat(pieces.Select(piece => piece.GetProperty("choices")[0].GetProperty("delta").TryGetProperty("content", out var text) ? text.GetString() : "")));
    }

    [Fact]
    public async Task Complete_SandboxModel_TakesTheLastMessageAsAGoal()
    {
        var answer = await AskAsync(new { model = ModelCatalog.SandboxBase, messages = new[] { new { role = "user", content = "find out whether the model learns" } }, temperature = 0, max_tokens = 100 });

        Assert.NotEmpty(Text(answer));
        Assert.DoesNotContain("<", Text(answer), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Complete_SeedOfAStoredPlan_GivesThatPlanAgain()
    {
        var goal = new Goal { Id = new GoalId(Guid.Parse("0198f0a4-0000-7000-8000-00000000002a")), Domain = "ml", Text = "find out whether the model learns", Split = GoalSplit.Test, Origin = "test", IsSandbox = true, CreatedAt = DateTimeOffset.UnixEpoch };
        using var writer = new SandboxPlanWriter(ModelCatalog.SandboxBase, new CheckpointId(Guid.Empty), CpuEngine.LoadReadOnly(SandboxBaseModel.Directory, Precision.Single));
        var plan = Assert.Single(await writer.WriteAsync([goal], 1, 3, Cancellation));

        var answer = await AskAsync(new
        {
            model = ModelCatalog.SandboxBase,
            messages = new[] { new { role = "user", content = goal.Text } },
            temperature = 1,
            top_p = 0.98,
            max_tokens = 160,
            seed = writer.SeedFor(goal, 3).ToString(System.Globalization.CultureInfo.InvariantCulture),
        });

        Assert.Equal(plan.Text, Text(answer));
    }

    [Fact]
    public async Task Complete_ManyAtOnce_AreBatchedAndEachGetsItsOwn()
    {
        object Request(int seed) => new { model = "own", messages = Messages, temperature = 1, max_tokens = 30, seed };
        var alone = new List<string>();
        for (var seed = 0; seed < 6; seed++)
        {
            alone.Add(Text(await AskAsync(Request(seed))));
        }

        var together = await Task.WhenAll(Enumerable.Range(0, 6).Select(seed => AskAsync(Request(seed))));

        Assert.Equal(alone, together.Select(Text));
        Assert.Equal(6, alone.Distinct(StringComparer.Ordinal).Count());
    }

    [Theory]
    [InlineData("/v1/chat/completions")]
    [InlineData("/v1/completions")]
    public async Task Complete_SeveralChoices_AreThoseOfTheNextSeeds_WholeAndInPieces(string path)
    {
        Dictionary<string, object> Request(int seed, int n, bool stream = false) => new(StringComparer.Ordinal)
        {
            ["model"] = "own", ["messages"] = Messages, ["prompt"] = "Why?", ["max_tokens"] = 24, ["seed"] = seed, ["n"] = n, ["stream"] = stream, ["stream_options"] = new { include_usage = stream },
        };
        var alone = new List<JsonElement>();
        for (var seed = 5; seed < 8; seed++)
        {
            alone.Add(await AskAsync(Request(seed, 1), path));
        }

        var whole = await AskAsync(Request(5, 3), path);
        var pieces = await StreamAsync(Request(5, 3, stream: true), path);

        var expected = alone.Select(answer => TextOf(answer.GetProperty("choices")[0], "message")).ToList();
        Assert.Equal(3, expected.Distinct(StringComparer.Ordinal).Count());
        Assert.Equal([0, 1, 2], whole.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("index").GetInt32()));
        Assert.Equal(expected, whole.GetProperty("choices").EnumerateArray().Select(choice => TextOf(choice, "message")));
        var told = pieces.SelectMany(piece => piece.GetProperty("choices").EnumerateArray()).ToLookup(choice => choice.GetProperty("index").GetInt32());
        Assert.Equal(expected, Enumerable.Range(0, 3).Select(index => string.Concat(told[index].Select(choice => TextOf(choice, "delta")))));
        Assert.All(Enumerable.Range(0, 3), index => Assert.Single(told[index], choice => choice.GetProperty("finish_reason").ValueKind == JsonValueKind.String));
        Assert.Equal((Usage(alone[0]).Prompt, alone.Sum(answer => Usage(answer).Completion)), Usage(whole));
        Assert.Equal(Usage(whole), Usage(pieces[^1]));
        Assert.Single(pieces.Select(piece => piece.GetProperty("id").GetString()).Distinct(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("{", 400, null)]
    [InlineData("[]", 400, null)]
    [InlineData("""{"model":"own"}""", 400, "messages")]
    [InlineData("""{"model":"own","messages":[{"role":"user"}]}""", 400, "messages")]
    [InlineData("""{"model":"own","messages":[{"role":"robot","content":"x"}]}""", 400, "messages")]
    [InlineData("""{"model":"own","messages":[{"role":"assistant","content":"x"}]}""", 400, "messages")]
    [InlineData("""{"model":"own","messages":[{"role":"user","content":"x"}],"temperature":3}""", 400, "temperature")]
    [InlineData("""{"model":"own","messages":[{"role":"user","content":"x"}],"max_tokens":0}""", 400, "max_tokens")]
    [InlineData("""{"model":"own","messages":[{"role":"user","content":"x"}],"n":0}""", 400, "n")]
    [InlineData("""{"model":"own","messages":[{"role":"user","content":"x"}],"n":17}""", 400, "n")]
    [InlineData("""{"model":"own","messages":[{"role":"user","content":"x"}],"n":1.5}""", 400, "n")]
    [InlineData("""{"model":"own","messages":[{"role":"user","content":"x"}],"stop":[""]}""", 400, "stop")]
    [InlineData("""{"model":"own","messages":[{"role":"user","content":"x"}],"tools":[{}]}""", 400, "tools")]
    [InlineData("""{"model":"none","messages":[{"role":"user","content":"x"}]}""", 404, "model")]
    public async Task Complete_MalformedRequest_IsRefusedInTheWordsOfTheProtocol(string body, int status, string? parameter)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync("/v1/chat/completions", content, Cancellation);

        Assert.Equal(status, (int)answer.StatusCode);
        var error = await ErrorAsync(answer);
        Assert.Equal(parameter, error.GetProperty("param").GetString());
        Assert.NotEmpty(error.GetProperty("message").GetString()!);
    }

    [Fact]
    public async Task Complete_PromptLongerThanTheModel_SaysSo()
    {
        using var answer = await client.PostAsJsonAsync("/v1/chat/completions", new { model = "own", messages = new[] { new { role = "user", content = string.Concat(Enumerable.Repeat("ß漢 ", 2000)) } } }, Cancellation);

        Assert.Equal("context_length_exceeded", (await ErrorAsync(answer)).GetProperty("code").GetString());
    }

    [Fact]
    public async Task Complete_OurOwnClient_UsesItLikeAnyServer()
    {
        using var model = new OpenAiTextModel(new OpenAiTextModelOptions { Name = "self", Endpoint = new Uri(client.BaseAddress!, "/v1"), Model = "own", Key = Key });

        var answers = await model.CompleteAsync([new TextPrompt("Be brief.", "Why?"), new TextPrompt("", "How?")], new TextSamplingOptions { MaxTokens = 12, Seed = 4 }, Cancellation);

        Assert.All(answers, answer => Assert.InRange(answer.CompletionTokens, 1, 12));
        using var wrong = new OpenAiTextModel(new OpenAiTextModelOptions { Name = "self", Endpoint = new Uri(client.BaseAddress!, "/v1"), Model = "own", Key = "wrong" });
        Assert.Equal(CallOutcome.Denied, (await Assert.ThrowsAsync<TextModelException>(() => wrong.CompleteAsync([new TextPrompt("", "x")], new TextSamplingOptions(), Cancellation))).Outcome);
    }

    [Fact]
    public async Task Serve_Off_AnswersNobody()
    {
        var other = Directory.CreateTempSubdirectory("coscientist-serving-").FullName;
        await using (var off = Application.Build(TestData.Options(other), "http://127.0.0.1:0"))
        {
            await CoScientist.Web.Configuration.DataDirectory.PrepareAsync(off.Services, Cancellation);
            await off.StartAsync(Cancellation);
            using var answer = await client.GetAsync(off.Urls.Single() + "/v1/models", Cancellation);
            Assert.DoesNotContain("\"object\":\"list\"", await answer.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        }

        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(other, recursive: true);
    }

    private static object[] Messages => [new { role = "system", content = "Be brief." }, new { role = "user", content = "Why?" }];

    private static string Text(JsonElement answer) => answer.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;

    private static string TextOf(JsonElement choice, string part) => choice.TryGetProperty("text", out var text) ? text.GetString()!
        : choice.GetProperty(part).TryGetProperty("content", out var content) ? content.GetString()! : "";

    private static (int Prompt, int Completion) Usage(JsonElement answer) =>
        (answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32(), answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32());

    private static async Task<JsonElement> ErrorAsync(HttpResponseMessage answer) => (await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation)).GetProperty("error");

    private async Task<JsonElement> AskAsync(object request, string path = "/v1/chat/completions")
    {
        using var answer = await client.PostAsJsonAsync(path, request, Cancellation);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
    }

    private async Task<List<JsonElement>> StreamAsync(object request, string path = "/v1/chat/completions")
    {
        using var answer = await client.PostAsJsonAsync(path, request, Cancellation);
        Assert.Equal("text/event-stream", answer.Content.Headers.ContentType!.MediaType);
        var events = (await answer.Content.ReadAsStringAsync(Cancellation)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("data: [DONE]", events[^1]);
        return [.. events[..^1].Select(line => JsonDocument.Parse(line["data: ".Length..]).RootElement)];
    }
}
