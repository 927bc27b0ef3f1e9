using CoScientist.Core.Extraction;
using CoScientist.Core.Papers;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.Extraction;

/// <summary>Papers to goals, the same from a page and from the command line: by a model server where one is configured, else by the drafter.</summary>
public sealed class PaperExtraction(ExtractionStore store, TextModels models)
{
    /// <summary>Who can extract, the default first: the configured servers, then the drafter, which needs no model.</summary>
    public IReadOnlyList<string> Names => [.. models.Names, ExtractiveDrafter.Name];

    /// <summary>The model of a name; null means the drafter. No name means the first of <see cref="Names"/>.</summary>
    /// <exception cref="ArgumentException">No such server, or its settings are incomplete; the message says what to do.</exception>
    public ITextModel? Find(string? name)
    {
        name ??= models.NamesOf(ModelRole.Creator).FirstOrDefault() ?? Names[0];
        return name.Equals(ExtractiveDrafter.Name, StringComparison.OrdinalIgnoreCase) ? null : models.Get(name, ModelRole.Creator, "extract");
    }

    /// <summary>Draws a goal from a paper and stores it; goals that people have worked on stay.</summary>
    /// <exception cref="ExtractionException">The paper gives no goal.</exception>
    /// <exception cref="TextModelException">The model cannot be reached or refuses.</exception>
    public async Task<ExtractionSaved> ExtractAsync(Paper paper, ITextModel? model, long seed, CancellationToken cancellationToken) => model is null
        ? await store.DraftAsync(paper, cancellationToken)
        : await store.SaveAsync(
            paper,
            [await new ModelExtraction(model, model).ExtractAsync(paper, seed, cancellationToken)],
            new Extractor(model.Name, "model", ModelExtraction.PromptVersion),
            cancellationToken);

    /// <summary>What was stored, for people.</summary>
    public static string Describe(string title, ExtractionSaved saved)
    {
        if (saved.Added.Count == 0)
        {
            return $"\"{title}\": unchanged, its goals are reviewed or answered already.";
        }

        var goals = saved.Added.Count == 1 ? "1 goal" : $"{saved.Added.Count} goals";
        return $"\"{title}\": {goals}, {saved.Added.Sum(goal => goal.Items.Count)} items{(saved.Kept > 0 ? $", {saved.Kept} earlier kept" : "")}.";
    }
}
