using System.Globalization;
using System.Text;
using CoScientist.Core;
using CoScientist.Core.Extraction;
using CoScientist.Core.Extraction.Pipelines;
using CoScientist.Training.Sandbox.Leakage;

namespace CoScientist.Training.Sandbox.Extractor;

/// <summary>
/// What a model that is to extract from papers of the sandbox learns from: for a paper every prompt that both pipelines and the
/// judge of items send, word for word, because the pipelines themselves send them, with the answers of the world's truth.
/// </summary>
public static class SandboxLessons
{
    /// <summary>How many of them, the first, are of the leak-resistant pipeline.</summary>
    public const int OfLeakResistant = 6;

    private const double GoalsThatSlip = 0.7;
    private const double Slip = 0.3;

    /// <summary>The dialogues of one paper: six of the leak-resistant pipeline, one of the judge, two of the paper pipeline. The judge's goals also let decisions slip, in the same words or in others; else there would be nothing to find.</summary>
    /// <param name="goal">What the paper is about. To train on, draw it from the training part.</param>
    /// <param name="random">Draws what slips.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public static async Task<IReadOnlyList<SandboxDialogue>> OfAsync(SandboxGoal goal, SeededRandom random, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(random);
        var teacher = new SandboxTeacher();
        var paper = SandboxManuscript.Read(goal);
        var extracted = await ExtractionPipelines.ExtractAsync(ExtractionPipelines.LeakResistant, teacher, teacher, paper, seed: 1, cancellationToken);
        await new ItemJudge(teacher).JudgeAsync(Slipping(extracted, random), [.. extracted.Items.Select(item => item.Text)], seed: 1, cancellationToken);
        await ExtractionPipelines.ExtractAsync(ExtractionPipelines.Paper, teacher, teacher, paper, seed: 1, cancellationToken);
        return teacher.Dialogues;
    }

    private static string Slipping(ExtractedGoal extracted, SeededRandom random)
    {
        var goal = new StringBuilder(extracted.Text);
        var slip = random.NextDouble() < GoalsThatSlip ? Slip : 0;
        foreach (var decision in extracted.Items.SelectMany(item => SandboxFacts.Of(item.Text).Decisions))
        {
            if (random.NextDouble() < slip)
            {
                var words = random.Next(2) == 0 ? SandboxWords.Facets[decision.Facet].Ways[decision.Way] : SandboxParaphrases.Ways[decision.Facet][decision.Way];
                goal.Append(CultureInfo.InvariantCulture, $" Nobody has tried {words}.");
            }
        }

        return goal.ToString();
    }
}
