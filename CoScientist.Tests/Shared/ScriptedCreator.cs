using System.Text.Json;
using System.Text.RegularExpressions;
using CoScientist.Core.TextModels;

namespace CoScientist.Tests.Shared;

/// <summary>
/// A creator that answers every prompt of both pipelines from the material it is shown, by fixed rules: the same prompt always
/// gets the same answer. What a test wants otherwise it says in <see cref="Instead"/>.
/// </summary>
internal sealed class ScriptedCreator : ITextModel
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public string Name => "scripted-creator";

    /// <summary>Every prompt so far, in order.</summary>
    public List<TextPrompt> Prompts { get; } = [];

    /// <summary>Answers instead of the rules where it gives something; the number counts the calls from 1.</summary>
    public Func<TextPrompt, int, TextCompletion?>? Instead { get; init; }

    public Task<IReadOnlyList<TextCompletion>> CompleteAsync(IReadOnlyList<TextPrompt> prompts, TextSamplingOptions options, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var answers = new List<TextCompletion>();
        foreach (var prompt in prompts)
        {
            int call;
            lock (Prompts)
            {
                Prompts.Add(prompt);
                call = Prompts.Count;
            }

            answers.Add(Instead?.Invoke(prompt, call) ?? new TextCompletion(Answer(prompt), FinishReason.Stop, 100, 50));
        }

        return Task.FromResult<IReadOnlyList<TextCompletion>>(answers);
    }

    public static bool WritesGoal(TextPrompt prompt) => prompt.System.StartsWith("You write research goals", StringComparison.Ordinal);

    public static bool Sorts(TextPrompt prompt) => prompt.System.StartsWith("You sort", StringComparison.Ordinal);

    public static string Answer(TextPrompt prompt)
    {
        var units = Regex.Matches(prompt.User, @"^\[(\d+)\] (.*)$", RegexOptions.Multiline, Patience).Select(match => (Number: int.Parse(match.Groups[1].Value), Text: match.Groups[2].Value)).ToList();
        object answer = prompt.System switch
        {
            _ when Sorts(prompt) => new
            {
                background = units.Where(unit => Part(unit.Text) == 'b').Select(unit => unit.Number),
                aims = units.Where(unit => Part(unit.Text) == 'a').Select(unit => unit.Number),
                method = units.Where(unit => Part(unit.Text) == 'm').Select(unit => unit.Number),
                experiments = units.Where(unit => Part(unit.Text) == 'e').Select(unit => unit.Number),
            },
            _ when WritesGoal(prompt) => new { goal = string.Join(' ', units.Select(unit => unit.Text)) + " It matters to everybody who has to decide soon and with little money.", sources = units.Select(unit => unit.Number).Reverse() },
            var system when system.Contains("\"items\":", StringComparison.Ordinal) => new
            {
                items = units.SelectMany(unit => unit.Text.Split(". ").Select(sentence => new { text = $"The plan should see to it: {sentence.TrimEnd('.')}.", passage = unit.Number, quote = sentence })),
            },
            var system when system.Contains("\"reference_solution\": \"…\"}", StringComparison.Ordinal) && !system.Contains("insights", StringComparison.Ordinal) => new { reference_solution = string.Join(' ', units.Select(unit => unit.Text)) },
            var system when system.Contains("\"ranked\"", StringComparison.Ordinal) => new { ranked = Enumerable.Range(1, Requirements(prompt)).Reverse() },
            var system when system.Contains("\"keep\"", StringComparison.Ordinal) => new { keep = Enumerable.Range(1, Math.Min(10, Requirements(prompt))), score = 5 },
            _ => new { insights = new[] { new { goal = "Find out what the paper asks, under its constraints, as long as nobody knows it.", rubric = prompt.User.Split(". ").Where(sentence => sentence.Length > 40).Take(15).Select(sentence => new { text = $"The plan should mind this: {sentence.ReplaceLineEndings(" ")}.", quote = sentence }), reference_solution = "Do it." } } },
        };
        return JsonSerializer.Serialize(answer);
    }

    private static int Requirements(TextPrompt prompt) => Regex.Count(prompt.User, @"^\d+\. ", RegexOptions.Multiline, Patience);

    private static char Part(string text) =>
        text.Contains("aim ", StringComparison.Ordinal) ? 'a'
        : Regex.IsMatch(text, "compared|counted|calculated|sample size|baseline|validation", RegexOptions.None, Patience) ? 'e'
        : Regex.IsMatch(text, "selected|marked|covered|trained|split|assigned|We train|Each recording", RegexOptions.None, Patience) ? 'm'
        : Regex.IsMatch(text, "significantly|higher", RegexOptions.None, Patience) ? 'r'
        : 'b';
}
