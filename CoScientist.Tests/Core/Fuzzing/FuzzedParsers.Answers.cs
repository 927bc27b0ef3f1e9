using System.Text;
using System.Text.Json;
using CoScientist.Core;
using CoScientist.Core.Extraction;
using CoScientist.Core.Extraction.Pipelines;
using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Core.Papers;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Core.Grading;
using CoScientist.Tests.Core.Papers;
using CoScientist.Tests.Shared;
using CoScientist.Training.Clusters;
using CoScientist.Web.Serving;

namespace CoScientist.Tests.Core.Fuzzing;

// What models, their servers and their callers say.
internal sealed partial class FuzzedParsers
{
    private static readonly Paper s_paper = PaperFixtures.Read("a.nxml", PaperFixtures.Bytes(PaperFixtures.Jats()));

    private async Task<FuzzedParser> AnswerAsync(string name)
    {
        switch (name)
        {
            case "grading":
                return new FuzzedParser(Texts(PaperAnswers.Of("none", "1, 3"), "<think>hm</think>\n" + PaperAnswers.Of("2", "none")), bytes => PaperGradingParser.Parse(Completion(bytes), 2).Failure is null, Nothing);
            case "comparison":
                return new FuzzedParser(Texts("<think>a</think><comparison>The first is better.</comparison>\n<preference>1</preference>"), bytes => PaperComparisonParser.Parse(Completion(bytes)).Failure is null, Nothing);
            case "plan":
                return new FuzzedParser(Texts("<think>a</think>\n<solution>We do it. Then that.</solution>"), bytes => PlanReader.Read(Text(bytes)) is not null && PlanReader.CountWords(Text(bytes)) >= 0, Nothing);
            case "insights":
                var insights = JsonSerializer.Serialize(new { insights = new[] { new { goal = "We ask.", quote = "Bees visit", rubric = Enumerable.Range(1, 12).Select(number => new { text = $"The plan should do {number}.", quote = "Twelve orchards" }), reference_solution = "Do it." } }, keep = Enumerable.Range(1, 10), score = 7 });
                return new FuzzedParser(Texts("Here:\n```json\n" + insights + "\n```"), bytes => Extracted(Text(bytes)), fault => fault is ExtractionException && fault.Message.Contains("Model 'answering'", StringComparison.Ordinal));
            case "answer":
                return await ServerAsync();
            case "notes":
                var note = new GradingNote("train", "g", "plan", true, false, 0.5, null, 1, [true, null], [false, true]);
                return OfFile("notes/1.jsonl", Texts(JsonSerializer.Serialize(note, CoScientist.Core.Runs.RunFolder.LineOptions) + "\n"), path => new GradingNotes(Path.GetDirectoryName(path)!, new Dictionary<string, long>(StringComparer.Ordinal)).Read().Count > 0);
            case "verl":
                return new FuzzedParser(Texts("""{"step":3,"data":{"critic/rewards/mean":0.4,"actor/lr":1e-6,"perf/total_num_tokens":900,"perf/time_per_step":3.5,"val-core/coscientist/reward/mean@1":0.5}}"""), bytes => VerlMetrics.Read(bytes, 0) is not null, Nothing);
            default:
                return new FuzzedParser(
                    Texts("""{"model":"m","messages":[{"role":"system","content":"Be kind."},{"role":"user","content":[{"type":"text","text":"Why?"}]}],"temperature":0.7,"top_p":0.9,"max_tokens":50,"stop":["a","b"],"seed":"7","stream":true,"stream_options":{"include_usage":true},"logprobs":false}"""),
                    bytes =>
                    {
                        using var body = JsonText.Parse(bytes);
                        return ChatRequest.Read(body.RootElement).Messages.Count > 0;
                    },
                    fault => fault is ChatRequestException or JsonException);
        }
    }

    private static TextCompletion Completion(byte[] bytes) => new(Text(bytes), FinishReason.Stop, 1, 1);

    private static bool Extracted(string answer)
    {
        var model = new AnsweringModel(_ => answer);
        return new PaperPipeline(model, model).ExtractAsync(s_paper, 1, CancellationToken.None).GetAwaiter().GetResult().Items.Count > 0;
    }

    /// <summary>The whole body of a server's answer, or of its refusal.</summary>
    private async Task<FuzzedParser> ServerAsync()
    {
        var body = Array.Empty<byte>();
        server = await ScriptedModelServer.StartAsync((context, _, _) =>
        {
            // A body that begins with a status stands for a server that refuses.
            context.Response.StatusCode = body is [(byte)'4', ..] ? 400 : body is [(byte)'5', ..] ? 500 : 200;
            context.Response.ContentType = "application/json";
            return context.Response.BodyWriter.WriteAsync(body.AsMemory(context.Response.StatusCode == 200 ? 0 : 1)).AsTask();
        });
        var model = new OpenAiTextModel(new OpenAiTextModelOptions { Name = "tester", Endpoint = server.Endpoint, Model = "m" });
        return new FuzzedParser(
            Texts("""{"id":"1","object":"chat.completion","created":0,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"yes \u00e9"},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}""", """4{"error":{"message":"no such model","type":"invalid_request_error","code":"model_not_found"}}"""),
            bytes =>
            {
                // What it keeps of requests is not the parser's.
                server.Requests.Clear();
                server.Authorizations.Clear();
                body = bytes;
                return bytes is [(byte)'4' or (byte)'5', ..] ? Refused(model) : Asked(model).Text.Length > 0;
            },
            fault => fault is TextModelException && fault.Message.Contains("tester", StringComparison.Ordinal));
    }

    private static TextCompletion Asked(OpenAiTextModel model) => model.CompleteAsync([new TextPrompt("", "Why?")], new TextSamplingOptions(), CancellationToken.None).GetAwaiter().GetResult()[0];

    // A refusal that is told in the server's words was read.
    private static bool Refused(OpenAiTextModel model)
    {
        try
        {
            return Asked(model).Text.Length < 0;
        }
        catch (TextModelException fault) when (fault.Message.Contains("it says", StringComparison.Ordinal))
        {
            return true;
        }
    }
}
