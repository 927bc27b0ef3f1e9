using CoScientist.Training.Protocols;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tokenization;

namespace CoScientist.Training.Sandbox;

/// <summary>
/// The compact protocol, for models too small to follow instructions in prose. Writing:
/// <c>&lt;write&gt; goal &lt;plan&gt; plan &lt;end&gt;</c>. Grading: <c>&lt;grade&gt; goal &lt;plan&gt; plan &lt;rubric&gt;</c>, then every
/// item by itself after that shared prefix: <c>item &lt;quote&gt;</c>, two quoted words, and the verdict <c>&lt;ok&gt;</c> or the
/// violated guideline <c>&lt;g1&gt;</c>…<c>&lt;g7&gt;</c>. The grader quotes before it judges: finding the passage and judging it are
/// then two easy steps instead of one hard one. A grader that is shown the reference solution finds it after the goal:
/// <c>&lt;grade&gt; goal &lt;quote&gt; reference &lt;plan&gt; plan &lt;rubric&gt;</c>.
/// </summary>
public sealed class CompactProtocol : IPlanProtocol
{
    private const string Write = "<write>";
    private const string Grade = "<grade>";
    private const string Plan = "<plan>";
    private const string End = "<end>";
    private const string Rubric = "<rubric>";
    private const string Quote = "<quote>";

    private readonly BpeTokenizer tokenizer;
    private readonly int write;
    private readonly int grade;
    private readonly int plan;
    private readonly int rubric;
    private readonly int quote;

    /// <summary>The protocol in the ids of a tokenizer.</summary>
    /// <exception cref="InvalidDataException">The tokenizer lacks the protocol's special tokens.</exception>
    public CompactProtocol(BpeTokenizer tokenizer)
    {
        this.tokenizer = tokenizer;
        var known = tokenizer.SpecialTokens.ToHashSet(StringComparer.Ordinal);
        if (!SpecialTokens.All(known.Contains))
        {
            throw new InvalidDataException("This model does not speak the sandbox's protocol: its tokenizer lacks <write>, <grade> and their like. Use the sandbox's base model or a checkpoint trained from it.");
        }

        (write, grade, plan, rubric, quote) = (tokenizer.TokenId(Write), tokenizer.TokenId(Grade), tokenizer.TokenId(Plan), tokenizer.TokenId(Rubric), tokenizer.TokenId(Quote));
        EndToken = tokenizer.TokenId(End);
        VerdictTokens = [.. Enumerable.Range(0, 8).Select(i => tokenizer.TokenId(Verdict(i)))];
        AllSpecial = [.. SpecialTokens.Select(tokenizer.TokenId)];
        NotInPlans = [.. AllSpecial.Where(id => id != EndToken)];
    }

    /// <summary>The special tokens that a tokenizer must have, in order.</summary>
    public static IReadOnlyList<string> SpecialTokens { get; } = [End, Write, Grade, Plan, Rubric, Quote, .. Enumerable.Range(0, 8).Select(Verdict)];

    /// <summary>Whether a tokenizer's file has the protocol's tokens, by a look at its text.</summary>
    public static bool IsSpokenBy(string tokenizerFile)
    {
        var text = File.ReadAllText(tokenizerFile);
        return SpecialTokens.All(token => text.Contains($"\"{token}\"", StringComparison.Ordinal));
    }

    /// <inheritdoc/>
    public SamplingOptions Sampling => new() { EndTokens = [EndToken], BannedTokens = NotInPlans };

    /// <summary>Ends a plan.</summary>
    public int EndToken { get; }

    /// <summary>'ok', then guidelines 1 to 7.</summary>
    public int[] VerdictTokens { get; }

    /// <summary>Tokens that a plan must not contain: every special one but the end. Never sampled when writing.</summary>
    public int[] NotInPlans { get; }

    private int[] AllSpecial { get; }

    /// <summary>What the policy is given.</summary>
    public int[] WritePrompt(string goal) => [write, .. Words(goal), plan];

    /// <summary>What a teacher is given: the rubric besides the goal, <c>&lt;write&gt; goal &lt;rubric&gt; item &lt;quote&gt; item &lt;quote&gt; … &lt;plan&gt;</c>. Never the policy whose plans are graded.</summary>
    public int[] WriteWithRubricPrompt(string goal, IReadOnlyList<string> items) => [write, .. Words(goal), rubric, .. items.SelectMany(Item), plan];

    /// <summary>A plan as the policy writes it.</summary>
    public int[] PlanTokens(string text) => [.. Words(text), EndToken];

    /// <summary>A sampled plan as text.</summary>
    public string PlanText(IReadOnlyList<int> tokens) => tokenizer.Decode(tokens.Where(token => token != EndToken).ToArray()).Trim();

    /// <inheritdoc/>
    public PlanAnswer Read(IReadOnlyList<int> tokens, bool ended)
    {
        var text = PlanText(tokens);
        var form = SandboxOracle.Check(text, ended);
        return new PlanAnswer(text, new Core.Grading.PlanForm(ended, form.MalformedShare, form.Overlong), form.WellFormed);
    }

    /// <summary>What all items of a grading share.</summary>
    /// <param name="goal">The goal.</param>
    /// <param name="planText">The plan to be graded.</param>
    /// <param name="reference">One possible solution, shown to the grader; null or blank shows none.</param>
    public int[] GradePrompt(string goal, string planText, string? reference = null)
    {
        int[] shown = string.IsNullOrWhiteSpace(reference) ? [] : [quote, .. Words(reference)];
        return [grade, .. Words(goal), .. shown, plan, .. Words(planText), rubric];
    }

    /// <summary>One item, after which the grader quotes.</summary>
    public int[] Item(string text) => [.. Words(text), quote];

    /// <summary>The two quoted words of a training example.</summary>
    public int[] QuoteTokens(SandboxEvidence evidence) => [QuoteToken(evidence.WayWord), QuoteToken(evidence.ReasonWord)];

    /// <summary>The quoted words as text; empty when the grader found nothing.</summary>
    public string QuoteText(ReadOnlySpan<int> tokens) => tokenizer.Decode(tokens).Trim();

    private static string Verdict(int index) => index == 0 ? "<ok>" : $"<g{index}>";

    private int[] Words(string text) => text.Length == 0 ? [] : tokenizer.Encode(" " + text);

    // Absent evidence is quoted as guideline 1, 'handles all criteria'. A word is quoted by its first token.
    private int QuoteToken(string? word) => word is null ? VerdictTokens[1] : tokenizer.Encode(word == "." ? word : " " + word)[0];
}
