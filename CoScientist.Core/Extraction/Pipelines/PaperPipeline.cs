using System.Text;
using System.Text.Json;
using CoScientist.Core.Papers;
using CoScientist.Core.TextModels;

namespace CoScientist.Core.Extraction.Pipelines;

/// <summary>
/// The published way of extracting (arXiv 2512.23707): a creator reads the whole paper and proposes up to three insights, each a
/// goal with 15 candidate items and a reference solution; a selector keeps the ten best items of each, and the best insight. As
/// whoever writes the goal has read the method, items can leak into goals: 31% to 34% do in the published data, by arXiv
/// 2608.31119.
/// </summary>
/// <param name="creator">Proposes.</param>
/// <param name="selector">Selects; may be the same model.</param>
public sealed class PaperPipeline(ITextModel creator, ITextModel selector)
{
    /// <summary>Insights asked for.</summary>
    public const int Insights = 3;

    /// <summary>Candidate items asked for per insight.</summary>
    public const int Candidates = 15;

    private static readonly string Creator = PromptFiles.Read("paper-creator.txt", ("insights", Insights), ("candidates", Candidates));
    private static readonly string Selector = PromptFiles.Read("paper-selector.txt", ("keep", ExtractionPipelines.MostItems));

    /// <summary>Content hash of both prompts.</summary>
    public static string PromptVersion { get; } = PromptFiles.Version(Creator, Selector);

    /// <summary>Extracts the best goal of a paper.</summary>
    /// <param name="paper">The paper with its sections.</param>
    /// <param name="seed">Seed of the sampling; retries take the next ones.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="TextModelException">A model cannot be reached or refuses.</exception>
    /// <exception cref="ExtractionException">A model's answers stayed unreadable.</exception>
    public async Task<ExtractedGoal> ExtractAsync(Paper paper, long seed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(paper);
        var dialogue = new ModelDialogue(paper.Title, seed);
        var proposals = await dialogue.AskAsync(creator, new TextPrompt(Creator, Material(paper)), json => ReadProposals(json, paper), cancellationToken);
        var best = (Goal: (ExtractedGoal?)null, Score: double.MinValue);
        foreach (var proposal in proposals)
        {
            var (kept, score) = await dialogue.AskAsync(selector, new TextPrompt(Selector, Rubrics.Show(proposal.Text, proposal.Items)), json => ReadSelection(json, proposal), cancellationToken);
            if (score > best.Score)
            {
                best = (proposal with { Items = kept }, score);
            }
        }

        return best.Goal!;
    }

    private static List<ExtractedGoal> ReadProposals(JsonElement json, Paper paper)
    {
        var proposals = new List<ExtractedGoal>();
        foreach (var insight in ModelDialogue.List(json, "insights").Take(Insights))
        {
            var goal = ModelDialogue.Text(insight, "goal");
            var items = ModelDialogue.List(insight, "rubric")
                .Select(item => new ExtractedItem(ModelDialogue.Text(item, "text"), PaperUnits.Find(paper, ModelDialogue.TextOrNull(item, "quote"))))
                .ToList();
            if (items.Count < ExtractionPipelines.LeastItems)
            {
                throw new FormatException($"an insight has {items.Count} requirements, fewer than {ExtractionPipelines.LeastItems}.");
            }

            proposals.Add(new ExtractedGoal(goal, items, ModelDialogue.Text(insight, "reference_solution"), PaperUnits.Find(paper, ModelDialogue.TextOrNull(insight, "quote"))));
        }

        return proposals.Count > 0 ? proposals : throw new FormatException("there is no insight in it.");
    }

    private static (IReadOnlyList<ExtractedItem> Items, double Score) ReadSelection(JsonElement json, ExtractedGoal proposal)
    {
        var numbers = ModelDialogue.Numbers(json, "keep", proposal.Items.Count);
        if (numbers.Count < ExtractionPipelines.LeastItems)
        {
            throw new FormatException($"it keeps {numbers.Count} requirements, fewer than {ExtractionPipelines.LeastItems}.");
        }

        var score = json.TryGetProperty("score", out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : throw new FormatException("'score' is no number.");
        return ([.. numbers.Take(ExtractionPipelines.MostItems).Order().Select(number => proposal.Items[number - 1])], score);
    }

    private static string Material(Paper paper)
    {
        var text = new StringBuilder().Append(paper.Title).Append("\n\n").Append(paper.Abstract);
        foreach (var section in paper.Sections.OrderBy(section => section.Order))
        {
            text.Append("\n\n").Append(section.Heading).Append('\n').Append(section.Text);
        }

        return $"<paper>\n{PaperUnits.Quote(text.ToString(0, Math.Min(text.Length, PaperUnits.MostCharacters)))}\n</paper>";
    }
}
