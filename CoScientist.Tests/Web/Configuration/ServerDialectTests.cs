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

    // llama.cpp: the choices first, its own timings.
    private const string LlamaCpp = """{"choices":[{"finish_reason":"stop","index":0,"message":{"role":"assistant","content":"<solution>\nMeasure it twice.\n</solution>"}}],"created":1,"model":"gguf","system_fingerprint":"b1-x","object":"chat.completion","usage":{"completion_tokens":5,"prompt_tokens":9,"total_tokens":14},"id":"chatcmpl-x","timings":{"prompt_n":9,"prompt_ms":1.5,"predicted_n":5}}""";

    // Older ones leave the usage out.
    private const string Bare = """{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"<solution>\nMeasure it twice.\n</solution>"},"logprobs":null,"finish_reason":"stop"}]}""";

    private const string Loading = """{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}""";

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
