using CoScientist.Core.Papers;
using CoScientist.Core.TextModels;

namespace CoScientist.Core.Extraction.Pipelines;

/// <summary>The ways from a paper to a goal with a rubric and a reference solution, by name.</summary>
public static class ExtractionPipelines
{
    /// <summary>Arms of the published method: one reading of the whole paper (<see cref="PaperPipeline"/>).</summary>
    public const string Paper = "paper";

    /// <summary>The goal from background and aims alone, the rubric from method and experiments alone (<see cref="LeakResistantPipeline"/>).</summary>
    public const string LeakResistant = "leak-resistant";

    /// <summary>What goals of the drafter, which asks no model, stand under.</summary>
    public const string Drafter = "drafter";

    /// <summary>Fewest items of a rubric.</summary>
    public const int LeastItems = 5;

    /// <summary>Most items of a rubric.</summary>
    public const int MostItems = 10;

    /// <summary>Names of the pipelines that ask models, the default first.</summary>
    public static IReadOnlyList<string> Names { get; } = [LeakResistant, Paper];

    /// <summary>Content hash of all prompts of a pipeline.</summary>
    /// <exception cref="ArgumentException">There is no such pipeline.</exception>
    public static string PromptVersion(string pipeline) => pipeline switch
    {
        Paper => PaperPipeline.PromptVersion,
        LeakResistant => LeakResistantPipeline.PromptVersion,
        _ => throw Unknown(pipeline),
    };

    /// <summary>Extracts a goal from a paper.</summary>
    /// <param name="pipeline">Its name.</param>
    /// <param name="creator">Proposes.</param>
    /// <param name="selector">Selects; may be the same model.</param>
    /// <param name="paper">The paper with its sections.</param>
    /// <param name="seed">Seed of the sampling; retries take the next ones. The same seed asks the same questions, whose answers a cache knows.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="ArgumentException">There is no such pipeline.</exception>
    /// <exception cref="TextModelException">A model cannot be reached or refuses.</exception>
    /// <exception cref="ExtractionException">A model's answers stayed unreadable, or the paper lacks what the pipeline needs.</exception>
    public static Task<ExtractedGoal> ExtractAsync(string pipeline, ITextModel creator, ITextModel selector, Paper paper, long seed, CancellationToken cancellationToken) => pipeline switch
    {
        Paper => new PaperPipeline(creator, selector).ExtractAsync(paper, seed, cancellationToken),
        LeakResistant => new LeakResistantPipeline(creator, selector).ExtractAsync(paper, seed, cancellationToken),
        _ => throw Unknown(pipeline),
    };

    private static ArgumentException Unknown(string pipeline) => new($"There is no pipeline '{pipeline}'. There are: {string.Join(", ", Names)}.", nameof(pipeline));
}
