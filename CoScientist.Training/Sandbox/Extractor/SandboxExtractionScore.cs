using CoScientist.Core.Goals;
using CoScientist.Core.Papers;
using CoScientist.Training.Sandbox.Leakage;

namespace CoScientist.Training.Sandbox.Extractor;

/// <summary>What was extracted from papers of the sandbox, held against what they say. It measures only: nothing of it goes back into a library.</summary>
/// <param name="Papers">Papers.</param>
/// <param name="Goals">Goals, at most one a paper.</param>
/// <param name="Items">Their rubric items.</param>
/// <param name="Right">Items that ask for a decision which the paper takes, in one decision each.</param>
/// <param name="Placed">Items whose source is the words that tell their decision.</param>
/// <param name="Decisions">Decisions of all papers.</param>
/// <param name="Found">Those for which there is an item.</param>
/// <param name="Leaks">Items that can be read off their goal.</param>
/// <param name="TrueGoals">Goals that name just the paper's circumstances and none of its decisions.</param>
public sealed record SandboxExtractionScore(int Papers, int Goals, int Items, int Right, int Placed, int Decisions, int Found, int Leaks, int TrueGoals)
{
    /// <summary>Nothing yet.</summary>
    public static SandboxExtractionScore None { get; } = new(0, 0, 0, 0, 0, 0, 0, 0, 0);

    /// <summary>Adds a paper with its goal.</summary>
    /// <param name="paper">The paper with its sections.</param>
    /// <param name="goal">Its goal with the items; null when there is none.</param>
    public SandboxExtractionScore Add(Paper paper, Goal? goal)
    {
        ArgumentNullException.ThrowIfNull(paper);
        var taken = SandboxFacts.Of(string.Join('\n', paper.Sections.Select(section => section.Text))).Decisions;
        var score = this with { Papers = Papers + 1, Decisions = Decisions + taken.Count };
        if (goal is null)
        {
            return score;
        }

        var told = SandboxFacts.Of(goal.Text);
        var asked = goal.Items.ConvertAll(item => (Facts: SandboxFacts.Of(item.Text), Source: SandboxFacts.Of(Source(paper, item))));
        var right = asked.FindAll(item => item.Facts.Decisions.Count == 1 && item.Facts.Decisions.All(taken.Contains));
        var situation = SandboxFacts.Of(paper.Sections.Single(section => section.Role == SectionRole.Background).Text).Circumstances;
        return score with
        {
            Goals = Goals + 1,
            Items = Items + asked.Count,
            Right = Right + right.Count,
            Placed = Placed + right.Count(item => item.Source.Decisions.SetEquals(item.Facts.Decisions)),
            Found = Found + right.SelectMany(item => item.Facts.Decisions).Distinct().Count(),
            Leaks = Leaks + asked.Count(item => item.Facts.LeakFrom(told)),
            TrueGoals = TrueGoals + (told.Decisions.Count == 0 && told.Circumstances.SetEquals(situation) ? 1 : 0),
        };
    }

    private static string Source(Paper paper, RubricItem item)
    {
        var text = item.SourceSection is { } order ? order < 0 ? paper.Abstract : paper.Sections.FirstOrDefault(section => section.Order == order)?.Text ?? "" : "";
        var start = Math.Clamp(item.SourceStart ?? 0, 0, text.Length);
        return text.Substring(start, Math.Clamp(item.SourceLength ?? 0, 0, text.Length - start));
    }
}
