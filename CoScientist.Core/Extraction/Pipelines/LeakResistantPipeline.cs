using System.Text.Json;
using CoScientist.Core.Papers;
using CoScientist.Core.TextModels;

namespace CoScientist.Core.Extraction.Pipelines;

/// <summary>
/// The way of arXiv 2608.31119, which found 3.7% of items leaking: the paper is taken apart into background, aims, method and
/// experiments (<see cref="PaperParts"/>); the goal is written from the first two by a writer who never sees the others, the
/// rubric and the reference solution from the last two; items on the method and on the experimental design are merged,
/// freed of repetitions and of what the goal already says, and ranked.
/// </summary>
/// <param name="creator">Takes apart and writes.</param>
/// <param name="selector">Ranks; may be the same model.</param>
public sealed class LeakResistantPipeline(ITextModel creator, ITextModel selector)
{
    /// <summary>Candidate items asked for per part.</summary>
    public const int Candidates = 8;

    private const int LeastGoalWords = 15;
    private const int MostGoalWords = 250;
    private const int LeastOfEachPart = 3;
    private const int MostCharactersToSort = 600;

    private static readonly string Decompose = PromptFiles.Read("decompose.txt");
    private static readonly string Goal = PromptFiles.Read("goal.txt");
    private static readonly string MethodItems = PromptFiles.Read("method-items.txt", ("candidates", Candidates));
    private static readonly string ExperimentItems = PromptFiles.Read("experiment-items.txt", ("candidates", Candidates));
    private static readonly string Reference = PromptFiles.Read("reference.txt");
    private static readonly string Ranker = PromptFiles.Read("ranker.txt");

    /// <summary>Content hash of all prompts.</summary>
    public static string PromptVersion { get; } = PromptFiles.Version(Decompose, Goal, MethodItems, ExperimentItems, Reference, Ranker);

    /// <summary>Extracts the goal of a paper.</summary>
    /// <param name="paper">The paper with its sections.</param>
    /// <param name="seed">Seed of the sampling; retries take the next ones.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="TextModelException">A model cannot be reached or refuses.</exception>
    /// <exception cref="ExtractionException">A model's answers stayed unreadable.</exception>
    public async Task<ExtractedGoal> ExtractAsync(Paper paper, long seed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(paper);
        var dialogue = new ModelDialogue(paper.Title, seed);
        var units = PaperUnits.Of(paper);
        var sorting = $"<paper>\nTITLE\n{PaperUnits.Quote(paper.Title)}\n\nPASSAGES\n{PaperUnits.Show(units, mostEach: MostCharactersToSort)}</paper>";
        var parts = await dialogue.AskAsync(creator, new TextPrompt(Decompose, sorting), json => PaperParts.Read(json, units), cancellationToken);

        // Not even the title: many name the method.
        var situation = $"<material>\nFIELD\n{paper.Domain}\n\nBACKGROUND\n{PaperUnits.Show(parts.Background)}\nAIMS\n{PaperUnits.Show(parts.Aims)}</material>";
        var (goal, source) = await dialogue.AskAsync(creator, new TextPrompt(Goal, situation), json => ReadGoal(json, [.. parts.Background, .. parts.Aims]), cancellationToken);
        var onMethod = await ItemsAsync(dialogue, MethodItems, goal, "METHOD", parts.Method, cancellationToken);
        var onExperiments = await ItemsAsync(dialogue, ExperimentItems, goal, "EXPERIMENTS", parts.Experiments, cancellationToken);
        var candidates = Rubrics.Sift(goal, [.. onMethod, .. onExperiments]);
        if (candidates.Count < ExtractionPipelines.LeastItems)
        {
            throw new ExtractionException($"\"{paper.Title}\" yields only {candidates.Count} different requirements; a rubric needs {ExtractionPipelines.LeastItems}. Its text may say too little about what was done: import a version with its methods, or try the other pipeline (extract --pipeline {ExtractionPipelines.Paper}).");
        }

        var answer = $"<material>\nGOAL\n{PaperUnits.Quote(goal)}\n\nMETHOD\n{PaperUnits.Show(parts.Method, PaperUnits.MostCharacters / 2)}\nEXPERIMENTS\n{PaperUnits.Show(parts.Experiments, PaperUnits.MostCharacters / 2)}</material>";
        var reference = await dialogue.AskAsync(creator, new TextPrompt(Reference, answer), json => ModelDialogue.Text(json, "reference_solution"), cancellationToken);
        var ranked = await dialogue.AskAsync(selector, new TextPrompt(Ranker, Rubrics.Show(goal, candidates)), json => ReadRanking(json, candidates), cancellationToken);
        return new ExtractedGoal(goal, Best(ranked, onMethod, onExperiments), reference, source);
    }

    private async Task<IReadOnlyList<ExtractedItem>> ItemsAsync(ModelDialogue dialogue, string instructions, string goal, string heading, IReadOnlyList<PaperUnit> part, CancellationToken cancellationToken)
    {
        if (part.Count == 0)
        {
            return [];
        }

        var material = $"<material>\nGOAL\n{PaperUnits.Quote(goal)}\n\n{heading}\n{PaperUnits.Show(part)}</material>";
        return await dialogue.AskAsync(creator, new TextPrompt(instructions, material), json => ReadItems(json, part), cancellationToken);
    }

    private static (string Goal, SourcePassage? Source) ReadGoal(JsonElement json, IReadOnlyList<PaperUnit> shown)
    {
        var goal = ModelDialogue.Text(json, "goal");
        var words = goal.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
        if (words is < LeastGoalWords or > MostGoalWords)
        {
            throw new FormatException($"the goal has {words} words; it needs {LeastGoalWords} to {MostGoalWords}.");
        }

        // The first of the named passages that the writer was shown; without one the goal stands, and its place is unknown.
        var named = json.TryGetProperty("sources", out var sources) && sources.ValueKind == JsonValueKind.Array ? sources.EnumerateArray().Where(value => value.ValueKind == JsonValueKind.Number) : [];
        var unit = named.Select(value => shown.FirstOrDefault(unit => value.TryGetInt32(out var number) && unit.Number == number)).FirstOrDefault(unit => unit is not null);
        return (goal, unit?.Source);
    }

    private static List<ExtractedItem> ReadItems(JsonElement json, IReadOnlyList<PaperUnit> part)
    {
        var items = new List<ExtractedItem>();
        foreach (var item in ModelDialogue.List(json, "items"))
        {
            var text = ModelDialogue.Text(item, "text");
            var unit = item.TryGetProperty("passage", out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? part.FirstOrDefault(unit => unit.Number == number) : null;
            var quote = ModelDialogue.TextOrNull(item, "quote");

            // A wrong number with a right quote is common.
            var quoted = string.IsNullOrWhiteSpace(quote) ? null : part.Select(other => PaperUnits.Place(other, quote)).FirstOrDefault(place => !part.Any(other => other.Source == place));
            items.Add(new ExtractedItem(text, quoted ?? unit?.Source));
        }

        return items.Count > 0 ? items : throw new FormatException("there is no requirement in it.");
    }

    private static IReadOnlyList<ExtractedItem> ReadRanking(JsonElement json, IReadOnlyList<ExtractedItem> candidates)
    {
        var numbers = ModelDialogue.Numbers(json, "ranked", candidates.Count);
        return numbers.Count >= ExtractionPipelines.LeastItems
            ? [.. numbers.Select(number => candidates[number - 1])]
            : throw new FormatException($"it ranks {numbers.Count} requirements, fewer than {ExtractionPipelines.LeastItems}.");
    }

    // The ten best, at least three of each part where there are as many.
    private static IReadOnlyList<ExtractedItem> Best(IReadOnlyList<ExtractedItem> ranked, IReadOnlyList<ExtractedItem> onMethod, IReadOnlyList<ExtractedItem> onExperiments)
    {
        var sure = ranked.Where(onMethod.Contains).Take(LeastOfEachPart).Concat(ranked.Where(onExperiments.Contains).Take(LeastOfEachPart)).ToList();
        var best = ranked.OrderBy(item => sure.Contains(item) ? 0 : 1).Take(ExtractionPipelines.MostItems).ToList();
        return [.. ranked.Where(best.Contains)];
    }
}
