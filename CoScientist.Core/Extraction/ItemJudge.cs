using System.Text.Json;
using CoScientist.Core.Extraction.Pipelines;
using CoScientist.Core.Goals.Checks;
using CoScientist.Core.TextModels;

namespace CoScientist.Core.Extraction;

/// <summary>Asks a model what is wrong with the items of a rubric: what the check by wording cannot see, such as a leak in other words. One call per goal.</summary>
/// <param name="model">The judge; better not the model that wrote the rubric.</param>
public sealed class ItemJudge(ITextModel model)
{
    private const int MostReasonLetters = 300;
    private const int TitleLetters = 60;

    private static readonly string Prompt = PromptFiles.Read("item-judge.txt");

    /// <summary>Content hash of the prompt.</summary>
    public static string PromptVersion { get; } = PromptFiles.Version(Prompt);

    /// <summary>Judges a rubric; one entry per item, in order.</summary>
    /// <param name="goal">The goal's text.</param>
    /// <param name="items">The items' wordings.</param>
    /// <param name="seed">Seed of the sampling.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="TextModelException">The judge cannot be reached or refuses.</exception>
    /// <exception cref="ExtractionException">The judge's answers stayed unreadable.</exception>
    public Task<IReadOnlyList<IReadOnlyList<FoundFault>>> JudgeAsync(string goal, IReadOnlyList<string> items, long seed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(goal);
        ArgumentNullException.ThrowIfNull(items);
        var dialogue = new ModelDialogue(goal[..Math.Min(goal.Length, TitleLetters)], seed, "Try it again, or use a judge that follows instructions better.");
        return dialogue.AskAsync(model, new TextPrompt(Prompt, Rubrics.Show(goal, [.. items.Select(item => new ExtractedItem(item, null))])), json => Read(json, items.Count), cancellationToken);
    }

    private static IReadOnlyList<IReadOnlyList<FoundFault>> Read(JsonElement json, int count)
    {
        var found = new IReadOnlyList<FoundFault>?[count];
        foreach (var entry in ModelDialogue.List(json, "items"))
        {
            if (entry.ValueKind != JsonValueKind.Object || !entry.TryGetProperty("item", out var value) || value.ValueKind != JsonValueKind.Number || !value.TryGetInt32(out var number) || number < 1 || number > count)
            {
                throw new FormatException("an entry names no item.");
            }

            var reason = ModelDialogue.TextOrNull(entry, "reason")?.Trim() is { Length: > 0 } text ? text[..Math.Min(text.Length, MostReasonLetters)] : "The judge gave no reason.";
            found[number - 1] = [.. ModelDialogue.List(entry, "faults").Select(Fault).Distinct().Select(fault => new FoundFault(fault, reason))];
        }

        return Array.IndexOf(found, null) is var missing && missing < 0 ? [.. found.Select(words => words!)] : throw new FormatException($"it says nothing of item {missing + 1}.");
    }

    private static ItemFault Fault(JsonElement name) => (name.ValueKind == JsonValueKind.String ? name.GetString()!.ToLowerInvariant() : "") switch
    {
        "leaks" => ItemFault.LeaksFromGoal,
        "compound" => ItemFault.Compound,
        "presence" => ItemFault.PresenceOnly,
        "trivial" => ItemFault.Trivial,
        "duplicate" => ItemFault.Duplicate,
        "uncheckable" => ItemFault.NotCheckable,
        _ => throw new FormatException($"there is no fault \"{name}\"."),
    };
}
