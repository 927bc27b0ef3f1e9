using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using Microsoft.Extensions.Configuration;

namespace CoScientist.Tests.Web.Configuration;

/// <summary>Answers as vLLM and llama.cpp's server give them, in every role.</summary>
[Trait("Database", "any")]
public sealed class ServerDialectTests
{
    // vLLM with a reasoning parser: thoughts in a field of their own, empty lists, nulls, fields that the protocol does not know.
    private const string Vllm = """{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"Qwen/Qwen3-8B","choices":[{"index":0,"message":{"role":"assistant","content":"<solution>\nMeasure it twice.\n</solution>","refusal":null,"annotations":null,"audio":null,"function_call":null,"tool_calls":[],"reasoning_content":"hm"},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null}],"service_tier":null,"system_fingerprint":null,"usage":{"prompt_tokens":9,"total_tokens":14,"completion_tokens":5,"prompt_tokens_details":null},"prompt_logprobs":null,"prompt_token_ids":null,"kv_transfer_params":null}""";

    // llama.cpp's server, recorded from build 10587 (3f545becc): the choices first, no log-probabilities, its own timings.
    private const string LlamaCpp = """{"choices":[{"finish_reason":"stop","index":0,"message":{"role":"assistant","content":"<solution>\nMeasure it twice.\n</solution>"}}],"created":1795418384,"model":"tiny.gguf","system_fingerprint":"b10587-3f545becc","object":"chat.completion","usage":{"completion_tokens":5,"prompt_tokens":44,"total_tokens":49,"prompt_tokens_details":{"cached_tokens":38}},"id":"chatcmpl-9xi3c6UpbAiKIZCuwsLkaWJ5x0lhMzic","timings":{"cache_n":38,"prompt_n":6,"prompt_ms":827.468,"prompt_per_token_ms":18.80609090909091,"prompt_per_second":53.17426172371621,"predicted_n":5,"predicted_ms":7512.814,"predicted_per_token_ms":192.6362564102564,"predicted_per_second":5.191130780024635}}""";

    // Older ones leave the usage out.
    private const string Bare = """{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"<solution>\nMeasure it twice.\n</solution>"},"logprobs":null,"finish_reason":"stop"}]}""";

    // The same build while it reads the weights; it listens before.
    private const string Loading = """{"error":{"message":"Loading model","type":"unavailable_error","code":503}}""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Vllm, 5)]
    [InlineData(LlamaCpp, 5)]
    [InlineData(Bare, 0)]
    public async Task Server_InEveryRole_AnswersOnceItsModelIsLoaded(string body, int tokens)
    {
        await using var server = await ScriptedModelServer.StartAsync((context, _, call) => Raw(context, call == 1 ? 503 : 200, call == 1 ? Loading : body));
        await using var database = await TestDatabase.CreateAsync();
        using var models = TestServers.Of(database, Configuration(server.Endpoint), time: new ImpatientTime());

        foreach (var role in Enum.GetValues<ModelRole>())
        {
            var answer = Assert.Single(await models.Get("theirs/Qwen/Qwen3-8B", role).CompleteAsync([new TextPrompt("", role.ToString())], new TextSamplingOptions(), Cancellation));
            Assert.Equal(("<solution>\nMeasure it twice.\n</solution>", FinishReason.Stop, tokens, null), (answer.Text, answer.Finish, answer.CompletionTokens, answer.Failure));
        }

        Assert.All(server.Requests, request => Assert.Equal("Qwen/Qwen3-8B", request.GetProperty("model").GetString()));
        var plan = Assert.Single(await new PaperPlanWriter(models.Get("theirs", ModelRole.Policy)).WriteAsync(["a goal"], 1, 1, Cancellation)).Plan;
        Assert.Equal(("Measure it twice.", null), (plan.Text, plan.Fault));
    }

    [Theory]
    [InlineData("""{"object":"error","message":"The model `m` does not exist.","type":"NotFoundError","param":null,"code":404}""", "The model `m` does not exist")]
    [InlineData("""{"error":{"message":"The model `m` does not exist.","type":"NotFoundError","param":"model","code":404}}""", "The model `m` does not exist")]
    [InlineData("""{"error":"model 'm' not found"}""", "model 'm' not found")]
    [InlineData("""{"detail":"Not Found"}""", "does not know the model")]
    public async Task Error_InWhateverFormItComes_IsToldInTheServersWords(string body, string words)
    {
        await using var server = await ScriptedModelServer.StartAsync((context, _, _) => Raw(context, 404, body));
        await using var database = await TestDatabase.CreateAsync();
        using var models = TestServers.Of(database, Configuration(server.Endpoint), time: new ImpatientTime());

        var fault = await Assert.ThrowsAsync<TextModelException>(() => models.Get("theirs", ModelRole.Judge).CompleteAsync([new TextPrompt("", "x")], new TextSamplingOptions(), Cancellation));

        Assert.Contains(words, fault.Message, StringComparison.Ordinal);
    }

    // As build 10587 of llama.cpp's server gave them: a prompt longer than its context, and a key that is not its own.
    [Theory]
    [InlineData(400, """{"error":{"code":400,"message":"request (6338 tokens) exceeds the available context size (1024 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":6338,"n_ctx":1024}}""", CallOutcome.Refused, "request (6338 tokens) exceeds the available context size (1024 tokens), try increasing it). Shorten the prompt")]
    [InlineData(401, """{"error":{"message":"Invalid API Key","type":"authentication_error","code":401}}""", CallOutcome.Denied, "refuses the key (it says: Invalid API Key). Enter a valid key")]
    public async Task Error_OfLlamaCppsServer_IsToldWithItsRemedyAndNotTriedAgain(int status, string body, CallOutcome outcome, string words)
    {
        await using var server = await ScriptedModelServer.StartAsync((context, _, _) => Raw(context, status, body));
        using var model = new OpenAiTextModel(new OpenAiTextModelOptions { Name = "theirs", Endpoint = server.Endpoint, Model = "m" });

        var fault = await Assert.ThrowsAsync<TextModelException>(() => model.CompleteAsync([new TextPrompt("", "x")], new TextSamplingOptions(), Cancellation));

        Assert.Equal(outcome, fault.Outcome);
        Assert.Contains(words, fault.Message, StringComparison.Ordinal);
        Assert.Single(server.Requests);
    }

    private static IConfiguration Configuration(Uri endpoint) => new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>(StringComparer.Ordinal)
    {
        ["CoScientist:ModelServers:0:Name"] = "theirs",
        ["CoScientist:ModelServers:0:Endpoint"] = endpoint.ToString(),
        ["CoScientist:ModelServers:0:Model"] = "m",
    }).Build();

    private static Task Raw(Microsoft.AspNetCore.Http.HttpContext context, int status, string body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        return Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, body, Cancellation);
    }
}
