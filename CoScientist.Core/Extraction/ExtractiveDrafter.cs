using System.Text;
using CoScientist.Core.Papers;

namespace CoScientist.Core.Extraction;

/// <summary>
/// Draws a goal, draft rubric items and a reference solution from a paper without any model, by picking and recasting its
/// sentences. The same paper always gives the same drafts. What it writes are drafts: reviewers judge them.
/// </summary>
public static class ExtractiveDrafter
{
    /// <summary>Recorded as the extractor of everything it drafts; the number goes up when its output changes.</summary>
    public const string Name = "extractive-drafter-2";

    /// <summary>Fewest items of a rubric that is worth reviewing.</summary>
    public const int LeastItems = 5;

    private const int WantedItems = 8;
    private const int MostItems = 10;
    private const int MostSolutionWords = 300;

    /// <summary>Drafts from one paper.</summary>
    /// <param name="paper">The paper with its sections.</param>
    /// <exception cref="ExtractionException">The paper does not say enough about what was done.</exception>
    public static ExtractedGoal Draft(Paper paper)
    {
        ArgumentNullException.ThrowIfNull(paper);
        var text = string.Join("\n\n", paper.Sections.OrderBy(section => section.Order).Select(section => section.Text).Prepend(paper.Abstract));
        var vocabulary = new Vocabulary(text, $"{paper.Title} {paper.Abstract}");
        var sentences = PaperSentence.Of(paper);
        var polish = new Polish(paper.Title, text);
        var goal = new GoalDraft(vocabulary, polish).Write(paper, sentences);
        var requirements = new RequirementDraft(vocabulary, polish);
        var candidates = requirements.Candidates(sentences, goal, anywhere: false);
        var picked = RequirementDraft.Pick(candidates, WantedItems, MostItems);
        if (picked.Count < LeastItems)
        {
            candidates = requirements.Candidates(sentences, goal, anywhere: true);
            picked = RequirementDraft.Pick(candidates, LeastItems, WantedItems);
        }

        if (picked.Count < LeastItems)
        {
            picked = RequirementDraft.Pick([.. candidates, .. requirements.FromHeadings(paper, sentences)], LeastItems, LeastItems);
        }

        if (picked.Count < LeastItems)
        {
            throw new ExtractionException($"\"{paper.Title}\" yields only {picked.Count} draft items: its text says too little about what was done. Extract it with a model (extract --model NAME), or import a version with its methods.");
        }

        var items = picked.Select(candidate => new ExtractedItem($"The plan should {vocabulary.SpellOut(candidate.Clause)}.", candidate.Sentence.Source));
        return new ExtractedGoal(goal, [.. items], Solution(candidates, vocabulary));
    }

    // The approach of the paper, in the paper's order and in the plan's voice; the weakest sentences give way first.
    private static string? Solution(IReadOnlyList<RequirementDraft.Candidate> candidates, Vocabulary vocabulary)
    {
        var chosen = new HashSet<RequirementDraft.Candidate>(ReferenceEqualityComparer.Instance);
        var words = 0;
        foreach (var candidate in candidates.OrderByDescending(candidate => candidate.Score))
        {
            var length = candidate.Clause.Count(letter => letter == ' ') + 1;
            if (words + length <= MostSolutionWords)
            {
                chosen.Add(candidate);
                words += length;
            }
        }

        var text = new StringBuilder();
        foreach (var candidate in candidates.Where(chosen.Contains))
        {
            text.Append(text.Length > 0 ? " " : "").Append(char.ToUpperInvariant(candidate.Clause[0])).Append(candidate.Clause.AsSpan(1)).Append('.');
        }

        return text.Length == 0 ? null : vocabulary.SpellOut(text.ToString());
    }
}
