using CoScientist.Training.Sampling;

namespace CoScientist.Web.Serving;

/// <summary>The answer to a request around its choices: what kind of document it is, of which model, and what it took.</summary>
/// <param name="model">Name of the model.</param>
/// <param name="isChat">Whether a conversation is answered; else a text is gone on with.</param>
/// <param name="promptTokens">Tokens of the prompt, which all choices share.</param>
/// <param name="now">When it is given.</param>
internal sealed class AnswerForm(string model, bool isChat, int promptTokens, DateTimeOffset now)
{
    private readonly string id = $"{(isChat ? "chatcmpl" : "cmpl")}-{Guid.CreateVersion7(now):N}";

    /// <summary>A piece of a stream.</summary>
    public object Piece(object choice) => Document(isChat ? "chat.completion.chunk" : "text_completion", [choice]);

    /// <summary>The piece that ends a stream by what the answer took.</summary>
    public object Usage(IEnumerable<SampledSequence> samples) => Document(isChat ? "chat.completion.chunk" : "text_completion", [], samples);

    /// <summary>The whole answer.</summary>
    public object Whole(object[] choices, IEnumerable<SampledSequence> samples) => Document(isChat ? "chat.completion" : "text_completion", choices, samples);

    private object Document(string kind, object[] choices) => new { id, @object = kind, created = now.ToUnixTimeSeconds(), model, choices };

    private object Document(string kind, object[] choices, IEnumerable<SampledSequence> samples)
    {
        var completionTokens = samples.Sum(sample => sample.Tokens.Length);
        var usage = new { prompt_tokens = promptTokens, completion_tokens = completionTokens, total_tokens = promptTokens + completionTokens };
        return new { id, @object = kind, created = now.ToUnixTimeSeconds(), model, choices, usage };
    }
}
