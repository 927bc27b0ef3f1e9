using System.Text;
using CoScientist.Training.Sampling;

namespace CoScientist.Web.Serving;

/// <summary>The next message of a conversation, in the form of <c>/v1/chat/completions</c>, whole or piece by piece.</summary>
internal sealed class ChatAnswer(ServedModel model, ChatRequest request, int promptTokens, DateTimeOffset now) : IAnswer
{
    private readonly string id = $"chatcmpl-{Guid.CreateVersion7(now):N}";
    private readonly AnswerText text = model.Text(request.Sampling.StopStrings);
    private readonly StringBuilder content = new();
    private List<object> tokens = [];

    /// <summary>The first piece of a stream: who speaks.</summary>
    public object? First() => Piece(new { role = "assistant", content = "" }, null, null);

    /// <inheritdoc/>
    public object? Take(int token, float logProbability)
    {
        if (request.LogProbabilities)
        {
            var bytes = model.Tokenizer.TokenBytes(token).ToArray();
            tokens.Add(new { token = Encoding.UTF8.GetString(bytes), logprob = logProbability, bytes = bytes.Select(value => (int)value), top_logprobs = Array.Empty<object>() });
        }

        var certain = text.Take(token);
        content.Append(certain);
        return certain.Length > 0 && request.Stream ? Piece(new { content = certain }, null, TakeTokens()) : null;
    }

    /// <inheritdoc/>
    public IEnumerable<object> Last(SampledSequence sample)
    {
        var rest = text.End(sample.TextBeforeStop);
        if (rest.Length > 0 || tokens.Count > 0)
        {
            yield return Piece(new { content = rest }, null, TakeTokens());
        }

        yield return Piece(new { }, IAnswer.Reason(sample), null);
        if (request.IncludeUsage)
        {
            yield return new { id, @object = "chat.completion.chunk", created = now.ToUnixTimeSeconds(), model = model.Name, choices = Array.Empty<object>(), usage = IAnswer.Usage(promptTokens, sample) };
        }
    }

    /// <inheritdoc/>
    public object Whole(SampledSequence sample)
    {
        content.Append(text.End(sample.TextBeforeStop));
        return new
        {
            id,
            @object = "chat.completion",
            created = now.ToUnixTimeSeconds(),
            model = model.Name,
            choices = new[] { new { index = 0, message = new { role = "assistant", content = content.ToString() }, logprobs = TakeTokens(), finish_reason = IAnswer.Reason(sample) } },
            usage = IAnswer.Usage(promptTokens, sample),
        };
    }

    private object? TakeTokens()
    {
        if (!request.LogProbabilities)
        {
            return null;
        }

        var told = tokens;
        tokens = [];
        return new { content = told };
    }

    private object Piece(object delta, string? reason, object? logprobs) => new
    {
        id,
        @object = "chat.completion.chunk",
        created = now.ToUnixTimeSeconds(),
        model = model.Name,
        choices = new[] { new { index = 0, delta, logprobs, finish_reason = reason } },
    };
}
