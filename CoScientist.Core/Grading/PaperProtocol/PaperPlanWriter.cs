using CoScientist.Core.TextModels;

namespace CoScientist.Core.Grading.PaperProtocol;

/// <summary>A plan as a text model wrote it.</summary>
/// <param name="Plan">The plan as read from the answer.</param>
/// <param name="Tokens">Tokens of the whole answer, thoughts included.</param>
public sealed record PaperPlan(PlanReading Plan, int Tokens);

/// <summary>Writes plans by the text protocol.</summary>
/// <param name="model">The policy.</param>
/// <param name="maxTokens">Most tokens of an answer. Default <see cref="MaxTokens"/>.</param>
public sealed class PaperPlanWriter(ITextModel model, int maxTokens = PaperPlanWriter.MaxTokens)
{
    /// <summary>Tokens that an answer of a large model fits into: thoughts come before the plan, and 750 words are about 1,000 tokens.</summary>
    public const int MaxTokens = 8192;

    /// <summary>Writes one plan per goal, in order.</summary>
    /// <param name="goals">Texts of the goals; nothing else is shown.</param>
    /// <param name="temperature">Sampling temperature.</param>
    /// <param name="seed">Seed of the batch.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="TextModelException">The model cannot be reached or refuses.</exception>
    public async Task<IReadOnlyList<PaperPlan>> WriteAsync(IReadOnlyList<string> goals, double temperature, long seed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(goals);
        var options = new TextSamplingOptions { Temperature = temperature, MaxTokens = maxTokens, Seed = seed };
        var answers = await model.CompleteAsync([.. goals.Select(PaperPrompts.WritePlan)], options, cancellationToken);
        return [.. answers.Select(answer => new PaperPlan(Read(answer), answer.CompletionTokens))];
    }

    private static PlanReading Read(TextCompletion answer)
    {
        var plan = PlanReader.Read(answer.Text);
        return answer.Failure is { } failure ? plan with { Fault = failure } : plan;
    }
}
