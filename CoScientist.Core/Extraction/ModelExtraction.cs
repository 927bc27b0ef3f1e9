using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using CoScientist.Core.Papers;
using CoScientist.Core.TextModels;

namespace CoScientist.Core.Extraction;

/// <summary>
/// The paper's way of extracting (arXiv 2512.23707): a creator proposes insights with many candidate items, a selector keeps the
/// best items and the best insight. As PaperGym (arXiv 2608.31119) found, the goal is drawn from the background alone and the
/// rubric from the methods, which keeps items from leaking into goals.
/// </summary>
/// <param name="creator">Proposes.</param>
/// <param name="selector">Selects; may be the same model.</param>
public sealed class ModelExtraction(ITextModel creator, ITextModel selector)
{
    /// <summary>Insights asked for.</summary>
    public const int Insights = 3;

    /// <summary>Candidate items asked for per insight.</summary>
    public const int Candidates = 15;

    /// <summary>Items kept.</summary>
    public const int Kept = 10;

    private const int Attempts = 3;
    private const int MaxPartCharacters = 40_000;

    /// <summary>Content hash of both prompts.</summary>
    public static string PromptVersion { get; } = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(CreatorPrompt + SelectorPrompt)))[..16];

    private static string CreatorPrompt => EmbeddedText.Read("creator-prompt.txt").Replace("{insights}", $"{Insights}", StringComparison.Ordinal).Replace("{candidates}", $"{Candidates}", StringComparison.Ordinal);

    private static string SelectorPrompt => EmbeddedText.Read("selector-prompt.txt").Replace("{keep}", $"{Kept}", StringComparison.Ordinal);

    /// <summary>Extracts the best goal of a paper.</summary>
    /// <param name="paper">The paper with its sections.</param>
    /// <param name="seed">Seed of the sampling; retries take the next ones.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="TextModelException">A model cannot be reached or refuses.</exception>
    /// <exception cref="ExtractionException">A model's answers stayed unreadable.</exception>
    public async Task<ExtractedGoal> ExtractAsync(Paper paper, long seed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(paper);
        var proposals = await AskAsync(creator, new TextPrompt(CreatorPrompt, Material(paper)), seed, json => ReadProposals(json, paper), paper.Title, cancellationToken);
        var best = (Goal: (ExtractedGoal?)null, Score: double.MinValue);
        foreach (var proposal in proposals)
        {
            var (kept, score) = await AskAsync(selector, new TextPrompt(SelectorPrompt, Listing(proposal)), seed, json => ReadSelection(json, proposal), paper.Title, cancellationToken);
            if (score > best.Score)
            {
                best = (proposal with { Items = kept }, score);
            }
        }

        return best.Goal!;
    }

    private static async Task<T> AskAsync<T>(ITextModel model, TextPrompt prompt, long seed, Func<JsonElement, T> read, string title, CancellationToken cancellationToken)
    {
        Exception? last = null;
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            // The first try is greedy; the later ones must be able to come out differently.
            var options = new TextSamplingOptions { Temperature = attempt == 0 ? 0 : 0.7, MaxTokens = 8192, Seed = seed + attempt };
            var answer = (await model.CompleteAsync([prompt], options, cancellationToken))[0];
            if (answer.Failure is { } failure)
            {
                throw new ExtractionException($"Model '{model.Name}' gave no answer for \"{title}\": {failure}.");
            }

            try
            {
                using var document = JsonDocument.Parse(JsonPart(answer.Text));
                return read(document.RootElement);
            }
            catch (Exception fault) when (fault is JsonException or FormatException or KeyNotFoundException or InvalidOperationException)
            {
                last = fault;
            }
        }

        throw new ExtractionException($"Model '{model.Name}' answered {Attempts} times in a form that cannot be read for \"{title}\" (last: {last!.Message}) Use a model that follows instructions better, or the drafter (extract --model {ExtractiveDrafter.Name}).", last);
    }

    // Models like to put fences or a sentence around what they were asked for.
    private static string JsonPart(string text)
    {
        var start = text.IndexOf('{', StringComparison.Ordinal);
        var end = text.LastIndexOf('}');
        return start >= 0 && end > start ? text[start..(end + 1)] : throw new FormatException("there is no JSON object in it.");
    }

    private static List<ExtractedGoal> ReadProposals(JsonElement json, Paper paper)
    {
        var proposals = new List<ExtractedGoal>();
        foreach (var insight in json.GetProperty("insights").EnumerateArray().Take(Insights))
        {
            var goal = Text(insight, "goal");
            var items = new List<ExtractedItem>();
            foreach (var item in insight.GetProperty("rubric").EnumerateArray())
            {
                var quote = item.TryGetProperty("quote", out var value) ? value.GetString() : null;
                items.Add(new ExtractedItem(Text(item, "text"), Find(paper, quote)));
            }

            if (items.Count < ExtractiveDrafter.LeastItems)
            {
                throw new FormatException($"an insight has {items.Count} requirements, fewer than {ExtractiveDrafter.LeastItems}.");
            }

            proposals.Add(new ExtractedGoal(goal, items, Text(insight, "reference_solution")));
        }

        return proposals.Count > 0 ? proposals : throw new FormatException("there is no insight in it.");
    }

    private static (IReadOnlyList<ExtractedItem> Items, double Score) ReadSelection(JsonElement json, ExtractedGoal proposal)
    {
        var numbers = json.GetProperty("keep").EnumerateArray().Select(number => number.GetInt32()).Distinct().ToList();
        if (numbers.Count < ExtractiveDrafter.LeastItems || numbers.Exists(number => number < 1 || number > proposal.Items.Count))
        {
            throw new FormatException("the kept numbers are too few or name no requirement.");
        }

        return ([.. numbers.Take(Kept).Order().Select(number => proposal.Items[number - 1])], json.GetProperty("score").GetDouble());
    }

    private static string Text(JsonElement element, string name) =>
        element.GetProperty(name).GetString() is { Length: > 0 } text ? text.Trim() : throw new FormatException($"'{name}' is empty.");

    private static SourcePassage? Find(Paper paper, string? quote)
    {
        quote = quote?.Trim().Trim('"', '.', '…');
        if (string.IsNullOrEmpty(quote))
        {
            return null;
        }

        foreach (var (order, text) in paper.Sections.Select(section => (section.Order, section.Text)).Prepend((-1, paper.Abstract)))
        {
            var at = text.IndexOf(quote, StringComparison.OrdinalIgnoreCase);
            if (at >= 0)
            {
                return new SourcePassage(order, at, quote.Length);
            }
        }

        return null;
    }

    private static string Listing(ExtractedGoal proposal)
    {
        var text = new StringBuilder("<material>\nGOAL\n").Append(proposal.Text).Append("\n\nREQUIREMENTS\n");
        for (var i = 0; i < proposal.Items.Count; i++)
        {
            text.Append(i + 1).Append(". ").Append(proposal.Items[i].Text).Append('\n');
        }

        return text.Append("</material>").ToString();
    }

    private static string Material(Paper paper)
    {
        var background = paper.Sections.Where(section => section.Role is SectionRole.Background or SectionRole.Aims);
        var method = paper.Sections.Where(section => section.Role is SectionRole.Method or SectionRole.Experiments);
        if (!method.Any())
        {
            method = paper.Sections.Where(section => section.Role is not (SectionRole.Background or SectionRole.Aims));
        }

        return $"<paper>\nTITLE\n{paper.Title}\n\nBACKGROUND\n{paper.Abstract}\n\n{Part(background)}\n\nMETHOD\n{Part(method)}\n</paper>";
    }

    private static string Part(IEnumerable<PaperSection> sections)
    {
        var text = string.Join("\n\n", sections.OrderBy(section => section.Order).Select(section => $"{section.Heading}\n{section.Text}"));

        // The closing tag must stay ours.
        return text[..Math.Min(text.Length, MaxPartCharacters)].Replace("</paper>", "", StringComparison.OrdinalIgnoreCase);
    }
}
