using System.Text;
using CoScientist.Training.Sampling;

namespace CoScientist.Web.Serving;

/// <summary>The next message of a conversation, as a choice of <c>/v1/chat/completions</c>.</summary>
internal sealed class ChatChoice(ServedModel model, ChatRequest request, int index) : IChoice
{
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

        yield return Piece(new { }, IChoice.Reason(sample), null);
    }

    /// <inheritdoc/>
    public object Whole(SampledSequence sample)
    {
        content.Append(text.End(sample.TextBeforeStop));
        return new { index, message = new { role = "assistant", content = content.ToString() }, logprobs = TakeTokens(), finish_reason = IChoice.Reason(sample) };
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

    private object Piece(object delta, string? reason, object? logprobs) => new { index, delta, logprobs, finish_reason = reason };
}
