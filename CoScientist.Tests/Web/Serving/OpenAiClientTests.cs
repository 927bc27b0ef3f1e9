using System.Text;
using System.Text.Json;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Shared;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sampling;
using CoScientist.Web.Serving;

namespace CoScientist.Tests.Web.Serving;

/// <summary>
/// What the official client sends, recorded from the package "openai" 6.49.0 (npm install openai): client.chat.completions.create({ …, stream: true,
/// stream_options: { include_usage: true }, tools: [], tool_choice: "none" }). Headers and body are as they came over the wire, the key apart.
/// </summary>
[Trait("Database", "any")]
public sealed class OpenAiClientTests(ServingFixture serving) : IClassFixture<ServingFixture>
{
    private const string Body = """{"model":"own","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Why?"}],"seed":11,"temperature":0.8,"top_p":0.9,"max_completion_tokens":30,"stream":true,"stream_options":{"include_usage":true},"tools":[],"tool_choice":"none"}""";

    private static readonly (string Name, string Value)[] s_headers =
    [
        ("accept", "application/json"), ("user-agent", "OpenAI/JS 6.49.0"), ("x-stainless-retry-count", "0"), ("x-stainless-lang", "js"), ("x-stainless-package-version", "6.49.0"),
        ("x-stainless-os", "Linux"), ("x-stainless-arch", "x64"), ("x-stainless-runtime", "node"), ("x-stainless-runtime-version", "v20.20.2"), ("accept-language", "*"), ("sec-fetch-mode", "cors"), ("accept-encoding", "gzip, deflate"),
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Model => Path.Combine(serving.Data, "models", "own");

    [Fact]
    public async Task Chat_AsTheOfficialClientSendsIt_StreamsTheTokensOfItsSeedToTwoAtOnce()
    {
        using var engine = CpuEngine.LoadReadOnly(Model, Precision.Single);
        var local = new LocalTextModel("own", engine, PaperPolicy.Chat(Model));
        TextCompletion[] expected = [await AloneAsync(local, 11), await AloneAsync(local, 12)];

        var told = await Task.WhenAll(StreamAsync(Body), StreamAsync(Body.Replace("\"seed\":11", "\"seed\":12", StringComparison.Ordinal)));

        Assert.NotEqual(expected[0].Text, expected[1].Text);
        foreach (var (chunks, answer) in told.Zip(expected))
        {
            // The client takes a chunk's object for granted, and looks for the text in choices[0].delta.content.
            Assert.All(chunks, chunk => Assert.Equal("chat.completion.chunk", chunk.GetProperty("object").GetString()));
            Assert.Single(chunks.Select(chunk => chunk.GetProperty("id").GetString()).Distinct(StringComparer.Ordinal));
            Assert.Equal(answer.Text, string.Concat(chunks.Where(chunk => chunk.GetProperty("choices").GetArrayLength() > 0).Select(chunk => chunk.GetProperty("choices")[0].GetProperty("delta").TryGetProperty("content", out var text) ? text.GetString() : "")));
            Assert.Equal("assistant", chunks[0].GetProperty("choices")[0].GetProperty("delta").GetProperty("role").GetString());
            Assert.Equal(answer.Finish == CoScientist.Core.TextModels.FinishReason.Length ? "length" : "stop", chunks[^2].GetProperty("choices")[0].GetProperty("finish_reason").GetString());
            var usage = chunks[^1].GetProperty("usage");
            Assert.Equal((0, answer.CompletionTokens), (chunks[^1].GetProperty("choices").GetArrayLength(), usage.GetProperty("completion_tokens").GetInt32()));
            Assert.Equal(usage.GetProperty("total_tokens").GetInt32(), usage.GetProperty("prompt_tokens").GetInt32() + usage.GetProperty("completion_tokens").GetInt32());
        }
    }

    [Fact]
    public async Task Requests_OneArrivingWhileAnotherIsWritten_JoinItsBatch()
    {
        using var model = new ServedModel("own", CpuEngine.LoadReadOnly(Model, Precision.Single), PaperPolicy.Chat(Model));
        var prompt = PaperPolicy.Chat(Model).Prompt(new TextPrompt("", "Why?"));
        var drawn = new List<char>();
        var (first, second) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

        // The second comes when the first has its third token.
        Assert.True(model.TryAdd([Request('a', first, () =>
        {
            if (drawn.Count == 3)
            {
                Assert.True(model.TryAdd([Request('b', second, () => { })]));
            }
        })]));
        await first.Task.WaitAsync(Cancellation);
        await second.Task.WaitAsync(Cancellation);

        var together = drawn[drawn.IndexOf('b')..(drawn.LastIndexOf('a') + 1)];
        Assert.InRange(together.Count(who => who == 'b'), 10, 20);

        // Threads of the engine draw those of one step in any order; neither request gets a step ahead of the other.
        var ahead = 0;
        Assert.All(together, who => Assert.InRange(ahead += who == 'b' ? 1 : -1, -2, 2));

        LiveRequest Request(char who, TaskCompletionSource done, Action told) => new(
            new SampleRequest { Prompt = prompt, Seed = who },

            // No token ends an answer: both have twenty.
            new SamplingOptions { MaxNewTokens = 20 },
            (_, _) =>
            {
                lock (drawn)
                {
                    drawn.Add(who);
                    told();
                }
            },
            _ => done.TrySetResult(),
            fault => done.TrySetException(fault),
            Cancellation);
    }

    private static async Task<TextCompletion> AloneAsync(LocalTextModel model, long seed) =>
        (await model.CompleteAsync([new TextPrompt("Be brief.", "Why?")], new TextSamplingOptions { Temperature = 0.8, TopP = 0.9, MaxTokens = 30, Seed = seed }, Cancellation))[0];

    /// <summary>Reads a stream by the rules of server-sent events that the client has: lines, "data:" with a space that does not count, an empty line ends an event.</summary>
    private async Task<List<JsonElement>> StreamAsync(string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent(body, Encoding.UTF8) };
        request.Content.Headers.ContentType = new("application/json");
        foreach (var (name, value) in s_headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var answer = await serving.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        Assert.Empty(answer.Content.Headers.ContentEncoding);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(Cancellation));
        var (chunks, data, over) = (new List<JsonElement>(), "", false);
        while (await reader.ReadLineAsync(Cancellation) is { } line)
        {
            if (line.Length > 0)
            {
                Assert.StartsWith("data:", line, StringComparison.Ordinal);
                data += line["data:".Length..].TrimStart(' ');
                continue;
            }

            Assert.False(over, "Nothing comes after the end.");
            over = data == "[DONE]";
            if (!over)
            {
                chunks.Add(JsonDocument.Parse(data).RootElement);
            }

            data = "";
        }

        Assert.True(over, "The stream says that it is over.");
        return chunks;
    }
}
