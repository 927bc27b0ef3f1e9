using System.Text;
using CoScientist.Training.Sampling;

namespace CoScientist.Web.Serving;

/// <summary>What a text goes on with, in the form of <c>/v1/completions</c>, whole or piece by piece.</summary>
internal sealed class TextAnswer(ServedModel model, ChatRequest request, int promptTokens, DateTimeOffset now) : IAnswer
{
    private readonly string id = $"cmpl-{Guid.CreateVersion7(now):N}";
    private readonly AnswerText text = model.Text(request.Sampling.StopStrings);
    private readonly StringBuilder content = new();
    private List<(string Token, float LogProbability, int Offset)> tokens = [];
    private int offset;

    /// <inheritdoc/>
    public object? First() => null;

    /// <inheritdoc/>
    public object? Take(int token, float logProbability)
    {
        if (request.LogProbabilities)
        {
            var piece = Encoding.UTF8.GetString(model.Tokenizer.TokenBytes(token).ToArray());
            tokens.Add((piece, logProbability, offset));
            offset += piece.Length;
        }

        var certain = text.Take(token);
        content.Append(certain);
        return certain.Length > 0 && request.Stream ? Document([Choice(certain, null)], null) : null;
    }

    /// <inheritdoc/>
    public IEnumerable<object> Last(SampledSequence sample)
    {
        yield return Document([Choice(text.End(sample.TextBeforeStop), IAnswer.Reason(sample))], null);
        if (request.IncludeUsage)
        {
            yield return Document([], IAnswer.Usage(promptTokens, sample));
        }
    }

    /// <inheritdoc/>
    public object Whole(SampledSequence sample)
    {
        content.Append(text.End(sample.TextBeforeStop));
        return Document([Choice(content.ToString(), IAnswer.Reason(sample))], IAnswer.Usage(promptTokens, sample));
    }

    private object Choice(string piece, string? reason)
    {
        var told = tokens;
        tokens = [];
        return new
        {
            index = 0,
            text = piece,
            logprobs = request.LogProbabilities
                ? new { tokens = told.Select(token => token.Token), token_logprobs = told.Select(token => token.LogProbability), top_logprobs = (object?)null, text_offset = told.Select(token => token.Offset) }
                : null,
            finish_reason = reason,
        };
    }

    private object Document(object[] choices, object? usage) => usage is null
        ? new { id, @object = "text_completion", created = now.ToUnixTimeSeconds(), model = model.Name, choices }
        : new { id, @object = "text_completion", created = now.ToUnixTimeSeconds(), model = model.Name, choices, usage };
}
