using CoScientist.Core.Grading;
using CoScientist.Training.Sampling;

namespace CoScientist.Training.Protocols;

/// <summary>A plan as read from a policy's tokens.</summary>
/// <param name="Text">The plan, without end token, tags and thoughts; empty when the answer holds none.</param>
/// <param name="Form">What penalties look at; <see cref="PlanForm.TokensLeft"/> is left to the caller, who knows the limit.</param>
/// <param name="WellFormed">Whether it keeps the format in everything.</param>
public sealed record PlanAnswer(string Text, PlanForm Form, bool WellFormed);

/// <summary>
/// How a policy is asked for plans and how its answers are read, in the token ids of one tokenizer. Trainers know no more of
/// text than this. There are two: the sandbox's compact one, and the paper's over a model's chat template.
/// </summary>
public interface IPlanProtocol
{
    /// <summary>End tokens and tokens that a plan must not contain; temperature, nucleus and length are the caller's.</summary>
    SamplingOptions Sampling { get; }

    /// <summary>What the policy is given: the goal and nothing else.</summary>
    int[] WritePrompt(string goal);

    /// <summary>What a teacher is given: the rubric besides the goal. Never the policy whose plans are graded.</summary>
    int[] WriteWithRubricPrompt(string goal, IReadOnlyList<string> items);

    /// <summary>A given plan as the policy would write it, to its end token: what supervised and preference methods learn from.</summary>
    int[] PlanTokens(string text);

    /// <summary>Reads an answer.</summary>
    /// <param name="tokens">Tokens drawn, with the end token when one was.</param>
    /// <param name="ended">Whether the policy ended it by itself.</param>
    PlanAnswer Read(IReadOnlyList<int> tokens, bool ended);
}
