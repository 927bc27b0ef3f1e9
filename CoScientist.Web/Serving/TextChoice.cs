using System.Text;
using CoScientist.Training.Sampling;

namespace CoScientist.Web.Serving;

/// <summary>What a text goes on with, as a choice of <c>/v1/completions</c>.</summary>
internal sealed class TextChoice(ServedModel model, ChatRequest request, int index) : IChoice
{
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
        return certain.Length > 0 && request.Stream ? Piece(certain, null) : null;
    }

    /// <inheritdoc/>
    public IEnumerable<object> Last(SampledSequence sample) => [Piece(text.End(sample.TextBeforeStop), IChoice.Reason(sample))];

    /// <inheritdoc/>
    public object Whole(SampledSequence sample)
    {
        content.Append(text.End(sample.TextBeforeStop));
        return Piece(content.ToString(), IChoice.Reason(sample));
    }

    private object Piece(string piece, string? reason)
    {
        var told = tokens;
        tokens = [];
        return new
        {
            index,
            text = piece,
            logprobs = request.LogProbabilities
                ? new { tokens = told.Select(token => token.Token), token_logprobs = told.Select(token => token.LogProbability), top_logprobs = (object?)null, text_offset = told.Select(token => token.Offset) }
                : null,
            finish_reason = reason,
        };
    }
}
