using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tokenization;

namespace CoScientist.Training.Protocols;

/// <summary>The paper's protocol over a model's chat template: the policy answers <c>&lt;think&gt;…&lt;/think&gt;&lt;solution&gt;…&lt;/solution&gt;</c>, and only the solution counts (arXiv 2512.23707).</summary>
/// <param name="chat">How the model is spoken to.</param>
public sealed class PaperPlanProtocol(ChatFormat chat) : IPlanProtocol
{
    /// <inheritdoc/>
    public SamplingOptions Sampling => new() { EndTokens = chat.EndTokens, BannedTokens = chat.NeverSampled };

    /// <inheritdoc/>
    public int[] WritePrompt(string goal) => chat.Prompt(PaperPrompts.WritePlan(goal));

    /// <inheritdoc/>
    public int[] WriteWithRubricPrompt(string goal, IReadOnlyList<string> items) => chat.Prompt(PaperPrompts.WritePlanWithRubric(goal, items));

    /// <summary>A given plan as an answer without thoughts: nobody has written down what led to it.</summary>
    public int[] PlanTokens(string text) =>
        [.. chat.Tokenizer.Encode([new TextSegment("<think>\n\n</think>\n\n<solution>\n", IsContent: false), new TextSegment(text.Trim(), IsContent: true), new TextSegment("\n</solution>", IsContent: false)]), chat.EndTokens[0]];

    /// <inheritdoc/>
    public PlanAnswer Read(IReadOnlyList<int> tokens, bool ended)
    {
        var plan = PlanReader.Read(chat.Text(tokens));
        return new PlanAnswer(plan.Text, plan.Form with { Finished = plan.Form.Finished && ended }, ended && plan.Fault is null);
    }
}
