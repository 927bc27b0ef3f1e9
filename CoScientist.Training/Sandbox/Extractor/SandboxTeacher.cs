using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;
using CoScientist.Core.TextModels;
using CoScientist.Training.Sandbox.Leakage;

namespace CoScientist.Training.Sandbox.Extractor;

/// <summary>A prompt with the answer that is right by the world's truth.</summary>
/// <param name="Prompt">What is asked.</param>
/// <param name="Answer">JSON on one line.</param>
public sealed record SandboxDialogue(TextPrompt Prompt, string Answer);

/// <summary>
/// Answers every prompt of extraction and of the judge of items as the world's truth has it: passages by what they tell,
/// goals of the situation alone, an item for each decision with the words that say it. Keeps what it was asked and answered.
/// It is the source of examples; nothing that it says is ever stored in a library.
/// </summary>
internal sealed partial class SandboxTeacher : ITextModel
{
    private const int MostKept = 10;
    private const int BestScore = 9;
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>What was asked, with the answers.</summary>
    public List<SandboxDialogue> Dialogues { get; } = [];

    /// <inheritdoc/>
    public string Name => "truth";

    /// <inheritdoc/>
    public Task<IReadOnlyList<TextCompletion>> CompleteAsync(IReadOnlyList<TextPrompt> prompts, TextSamplingOptions options, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var dialogues = prompts.Select(prompt => new SandboxDialogue(prompt with { Subject = null }, JsonSerializer.Serialize(Answer(prompt), Json))).ToList();
        Dialogues.AddRange(dialogues);
        return Task.FromResult<IReadOnlyList<TextCompletion>>([.. dialogues.Select(dialogue => new TextCompletion(dialogue.Answer, FinishReason.Stop, 0, 0))]);
    }

    // Prompts are told apart by the form of the answer that they ask for.
    private static object Answer(TextPrompt prompt)
    {
        bool Wants(string field) => prompt.System.Contains($"\"{field}\":", StringComparison.Ordinal);
        var passages = Numbered().Matches(prompt.User).Select(match => (Number: int.Parse(match.Groups["number"].ValueSpan, CultureInfo.InvariantCulture), Text: match.Groups["text"].Value)).ToList();
        if (Wants("insights"))
        {
            var lines = prompt.User.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            var aim = Aim().Match(prompt.User).Value;
            var items = Items([(0, prompt.User)]).Select(item => new { text = item.Text, quote = item.Quote });
            return new { insights = new[] { new { goal = $"{Meets().Match(prompt.User).Value} {lines.First(line => Studied().IsMatch(line))} {aim}", quote = aim, rubric = items, reference_solution = Reference(prompt.User) } } };
        }

        if (Wants("background"))
        {
            return new { background = Numbers(passages, PassagePart.Background), aims = Numbers(passages, PassagePart.Aims), method = Numbers(passages, PassagePart.Method), experiments = Numbers(passages, PassagePart.Experiments) };
        }

        if (Wants("sources"))
        {
            var aims = passages.First(passage => PartOf(passage.Text) == PassagePart.Aims);
            var background = passages.FindAll(passage => PartOf(passage.Text) == PassagePart.Background);
            return new { goal = string.Join(' ', [.. background.Select(passage => passage.Text), aims.Text]), sources = (int[])[aims.Number, background[0].Number] };
        }

        if (Wants("passage"))
        {
            return new { items = Items(passages).Select(item => new { text = item.Text, passage = item.Passage, quote = item.Quote }) };
        }

        var requirements = Requirement().Matches(prompt.User).Select(match => match.Value).ToList();
        var numbers = Enumerable.Range(1, requirements.Count);
        return Wants("faults") ? new { items = Judge(Told().Match(prompt.User).Groups["goal"].Value, requirements) }
            : Wants("ranked") ? new { ranked = numbers }
            : Wants("keep") ? new { keep = numbers.Take(MostKept), score = BestScore }
            : new { reference_solution = Reference(prompt.User) };
    }

    private static IEnumerable<object> Judge(string goal, IReadOnlyList<string> requirements)
    {
        var told = SandboxFacts.Of(goal);
        return requirements.Select((requirement, i) => SandboxFacts.Of(requirement).LeakFrom(told)
            ? new { item = i + 1, faults = (string[])["leaks"], reason = "The goal says it." }
            : new { item = i + 1, faults = (string[])[], reason = "" });
    }

    private static PassagePart PartOf(string text) =>
        Aim().IsMatch(text) ? PassagePart.Aims
        : Decision().IsMatch(text) ? text.StartsWith("What the study can show", StringComparison.Ordinal) ? PassagePart.Experiments : PassagePart.Method
        : text.StartsWith("The study could", StringComparison.Ordinal) ? PassagePart.None
        : PassagePart.Background;

    // "2-6, 8", as the prompt shows it.
    private static string Numbers(IEnumerable<(int Number, string Text)> passages, PassagePart part)
    {
        var ranges = new List<(int First, int Last)>();
        foreach (var (number, _) in passages.Where(passage => PartOf(passage.Text) == part))
        {
            if (ranges.Count > 0 && ranges[^1].Last == number - 1)
            {
                ranges[^1] = (ranges[^1].First, number);
            }
            else
            {
                ranges.Add((number, number));
            }
        }

        return string.Join(", ", ranges.Select(range => range.First == range.Last ? $"{range.First}" : $"{range.First}-{range.Last}"));
    }

    private static IEnumerable<(string Text, int Passage, string Quote)> Items(IEnumerable<(int Number, string Text)> passages) =>
        from passage in passages
        from Match decision in Decision().Matches(passage.Text)
        let what = decision.Groups["what"].Value
        select ($"The plan should {what}.", passage.Number, what);

    private static string Reference(string text) => string.Join(' ', Decision().Matches(text).Select(match => match.Value));

    private enum PassagePart
    {
        None,
        Background,
        Aims,
        Method,
        Experiments,
    }

    [GeneratedRegex(@"^\[(?<number>[0-9]{1,6})\] (?<text>.*)$", RegexOptions.Multiline | RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Numbered();

    [GeneratedRegex(@"^\d+\. .*$", RegexOptions.Multiline | RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Requirement();

    [GeneratedRegex(@"GOAL\n(?<goal>.*)\n", RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Told();

    [GeneratedRegex(@"We (?<what>[^.]+) because [^.]+\.", RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Decision();

    [GeneratedRegex(@"The aim is to [^.]+\.", RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Aim();

    [GeneratedRegex(@"The study meets [^.]+\.", RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Meets();

    [GeneratedRegex(@"^In [\w ]+, many groups study ", RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Studied();
}
