using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using CoScientist.Core;
using CoScientist.Core.TextModels;

namespace CoScientist.Training.Sandbox.Leakage;

/// <summary>What a creator of the sandbox does wrong, and how often.</summary>
public sealed record SandboxCreatorOptions
{
    /// <summary>Name in reports.</summary>
    public required string Name { get; init; }

    /// <summary>
    /// True for a creator that understands nothing: it copies the most central sentences of whatever it is shown. False for one
    /// that reads the world's language, tells a situation from a decision, and slips at the rates below.
    /// </summary>
    public bool CopiesSentences { get; init; }

    /// <summary>Probability that a goal lets slip a decision that its writer has seen, half of the time in other words. Default 0.3.</summary>
    public double Slip { get; init; } = 0.3;

    /// <summary>Probability that a passage that tells a decision is sorted under aims. Default 0.05.</summary>
    public double Missort { get; init; } = 0.05;

    /// <summary>Seed of its mistakes; the same prompt gets the same answer.</summary>
    public long Seed { get; init; } = 1;
}

/// <summary>
/// Plays creator and selector for the prompts of both extraction pipelines on papers of the sandbox. It knows no more than the
/// prompt in front of it, so that what separates the pipelines is what they show to whom, and nothing else.
/// </summary>
public sealed partial class SandboxCreator(SandboxCreatorOptions options) : ITextModel
{
    private const int GoalWords = 90;
    private const int InsightItems = 15;

    /// <inheritdoc/>
    public string Name => options.Name;

    /// <inheritdoc/>
    public Task<IReadOnlyList<TextCompletion>> CompleteAsync(IReadOnlyList<TextPrompt> prompts, TextSamplingOptions sampling, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult<IReadOnlyList<TextCompletion>>([.. prompts.Select(prompt => new TextCompletion(JsonSerializer.Serialize(Answer(prompt)), FinishReason.Stop, 0, 0))]);
    }

    private object Answer(TextPrompt prompt)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{prompt.System}\n{prompt.User}"));
        var random = new SeededRandom(options.Seed, BinaryPrimitives.ReadInt64LittleEndian(hash));
        var passages = Numbered().Matches(prompt.User).Select(match => (Number: int.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture), Text: match.Groups["text"].Value)).ToList();
        bool Wants(string field) => prompt.System.Contains($"\"{field}\":", StringComparison.Ordinal);

        // Told apart by the form of the answer that they ask for.
        if (Wants("insights"))
        {
            var material = SentencesOf(prompt.User);
            var goal = Goal(material, random);
            return new { insights = new[] { new { goal, rubric = Items(material.Select(sentence => (0, sentence)), random).Take(InsightItems).Select(item => new { text = item.Text, quote = item.Quote }), reference_solution = Reference(material) } } };
        }

        if (Wants("background"))
        {
            return Sorted(passages, random);
        }

        if (Wants("sources"))
        {
            return new { goal = Goal([.. passages.SelectMany(passage => SentencesOf(passage.Text))], random), sources = passages.Select(passage => passage.Number) };
        }

        if (Wants("items"))
        {
            return new { items = Items(passages.SelectMany(passage => SentencesOf(passage.Text).Select(sentence => (passage.Number, sentence))), random).Select(item => new { text = item.Text, passage = item.Passage, quote = item.Quote }) };
        }

        var requirements = Enumerable.Range(1, Requirement().Count(prompt.User));
        return Wants("ranked") ? new { ranked = requirements }
            : Wants("keep") ? new { keep = requirements.Take(10), score = 5 }
            : new { reference_solution = Reference([.. passages.SelectMany(passage => SentencesOf(passage.Text))]) };
    }

    private object Sorted(List<(int Number, string Text)> passages, SeededRandom random)
    {
        var parts = new Dictionary<string, List<int>>(StringComparer.Ordinal) { ["background"] = [], ["aims"] = [], ["method"] = [], ["experiments"] = [] };
        foreach (var (number, text) in passages)
        {
            var part = options.CopiesSentences ? ByCue(text) : ByMeaning(text);
            part = !options.CopiesSentences && part is "method" or "experiments" && random.NextDouble() < options.Missort ? "aims" : part;
            if (part is not null)
            {
                parts[part].Add(number);
            }
        }

        return parts.ToDictionary(part => part.Key, part => string.Join(", ", part.Value), StringComparer.Ordinal);
    }

    private static string? ByMeaning(string text)
    {
        var facets = SandboxFacts.Of(text).Decisions.Select(decision => SandboxWords.Facets[decision.Facet].Name).ToList();
        return facets.Count > 0 ? 2 * facets.Count(SandboxPaper.IsExperiment) > facets.Count ? "experiments" : "method" : ByCue(text);
    }

    private static string? ByCue(string text) =>
        text.Contains(" withstood ", StringComparison.OrdinalIgnoreCase) || text.StartsWith("the study could", StringComparison.OrdinalIgnoreCase) ? null
        : text.Contains("depends on its trials", StringComparison.OrdinalIgnoreCase) ? "experiments"
        : text.Contains("we ", StringComparison.OrdinalIgnoreCase) ? "method"
        : text.Contains("aim is", StringComparison.OrdinalIgnoreCase) ? "aims"
        : "background";

    private string Goal(IReadOnlyList<string> material, SeededRandom random)
    {
        if (options.CopiesSentences)
        {
            return Central(material);
        }

        // The situation as it stands, and then what it cannot keep to itself.
        var goal = new StringBuilder();
        foreach (var sentence in material.Where(sentence => SandboxFacts.Of(sentence).Decisions.Count == 0 && ByCue(sentence) is "background" or "aims").Distinct(StringComparer.OrdinalIgnoreCase))
        {
            goal.Append(sentence).Append(' ');
        }

        foreach (var decision in SandboxFacts.Of(string.Join(' ', material)).Decisions.Order(Comparer<SandboxDecision>.Create((a, b) => (a.Facet, a.Way).CompareTo((b.Facet, b.Way)))))
        {
            if (random.NextDouble() < options.Slip)
            {
                var words = random.Next(2) == 0 ? SandboxWords.Facets[decision.Facet].Ways[decision.Way] : SandboxParaphrases.Ways[decision.Facet][decision.Way];
                goal.Append(CultureInfo.InvariantCulture, $"Nobody has tried {words}. ");
            }
        }

        return goal.ToString().Trim();
    }

    // The sentences whose words are the most frequent in the material (the SumBasic idea of Nenkova and Vanderwende 2005, without its updates), in their order, about 90 words.
    private static string Central(IReadOnlyList<string> material)
    {
        var words = material.Select(sentence => SandboxWords.Tokens(sentence.ToLowerInvariant()).Where(word => word.Length > 3).ToList()).ToList();
        var frequency = words.SelectMany(sentence => sentence).CountBy(word => word, StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);
        var chosen = new HashSet<int>();
        var length = 0;
        foreach (var i in Enumerable.Range(0, material.Count).OrderByDescending(i => words[i].Count == 0 ? 0 : words[i].Average(word => (double)frequency[word])).ThenBy(i => i))
        {
            if (length < GoalWords)
            {
                chosen.Add(i);
                length += material[i].Count(letter => letter == ' ') + 1;
            }
        }

        return string.Join(' ', material.Where((_, i) => chosen.Contains(i)));
    }

    private IEnumerable<(string Text, int Passage, string Quote)> Items(IEnumerable<(int Passage, string Sentence)> sentences, SeededRandom random)
    {
        foreach (var (passage, sentence) in sentences)
        {
            if (options.CopiesSentences)
            {
                if (sentence.StartsWith("We ", StringComparison.OrdinalIgnoreCase))
                {
                    yield return ($"The plan should {sentence[3..]}", passage, sentence);
                }

                continue;
            }

            foreach (var decision in SandboxFacts.Of(sentence).Decisions)
            {
                var way = SandboxWords.Facets[decision.Facet].Ways[decision.Way];
                yield return ($"The plan should {random.Pick(SandboxWords.Facets[decision.Facet].Actions)} by {way}.", passage, way);
            }
        }
    }

    private static string Reference(IReadOnlyList<string> material) =>
        string.Join(' ', material.Where(sentence => sentence.StartsWith("We ", StringComparison.OrdinalIgnoreCase))) is { Length: > 0 } plan ? plan : "It is done as the paper says.";

    private static IReadOnlyList<string> SentencesOf(string text) =>
        [.. Sentence().Matches(text).Select(match => match.Value.Trim()).Where(sentence => sentence.Length > 1)];

    [GeneratedRegex(@"^\[(?<number>[0-9]{1,6})\] (?<text>.*)$", RegexOptions.Multiline | RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Numbered();

    [GeneratedRegex(@"^\d+\. ", RegexOptions.Multiline | RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Requirement();

    [GeneratedRegex(@"[^.?\n<>]+[.?]", RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Sentence();
}
