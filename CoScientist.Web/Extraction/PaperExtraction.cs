using System.Runtime.CompilerServices;
using CoScientist.Core.Extraction;
using CoScientist.Core.Extraction.Pipelines;
using CoScientist.Core.Papers;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.Extraction;

/// <summary>What became of a paper.</summary>
/// <param name="Paper">The paper; null where the outcome concerns all that were left.</param>
/// <param name="Title">Its title.</param>
/// <param name="Saved">What was stored; null when it failed.</param>
/// <param name="Error">Why it failed and what to do; null when it did not.</param>
public sealed record PaperOutcome(PaperId? Paper, string Title, ExtractionSaved? Saved, string? Error);

/// <summary>
/// Papers to goals, the same from a page and from the command line: by a model server where one is set up, else by the drafter.
/// Several papers are under way at once and stored in their order, each in one transaction, so that an extraction that was
/// stopped anywhere and started again ends with the same library as one in a single go.
/// </summary>
public sealed class PaperExtraction(ExtractionStore store, GoalGroupStore groups, TextModels models)
{
    private const int Parallel = 4;
    private const int MostServerFaultsInARow = 3;

    // A paper that is tried again after a failure asks with seeds of its own, so that no cache answers with what could not be read.
    private const int SeedsOfAnAttempt = 1000;

    /// <summary>Who can extract, the default first: the configured servers, then the drafter, which needs no model.</summary>
    public IReadOnlyList<string> Names => [.. models.Names, ExtractiveDrafter.Name];

    /// <summary>The model of a name; null means the drafter. No name means the first of <see cref="Names"/>.</summary>
    /// <exception cref="ArgumentException">No such server, or its settings are incomplete; the message says what to do.</exception>
    public ITextModel? Find(string? name)
    {
        name ??= models.NamesOf(ModelRole.Creator).FirstOrDefault() ?? Names[0];
        return name.Equals(ExtractiveDrafter.Name, StringComparison.OrdinalIgnoreCase) ? null : models.Get(name, ModelRole.Creator, "extract");
    }

    /// <summary>Who is recorded as the extractor.</summary>
    /// <param name="model">The model; null for the drafter.</param>
    /// <param name="pipeline">Its pipeline; the drafter has its own.</param>
    public static Extractor ExtractorOf(ITextModel? model, string pipeline) => model is null ? Extractor.Drafter : Extractor.Model(model.Name, pipeline);

    /// <summary>
    /// Draws a goal from each paper and stores it; goals that people have worked on stay. A failure concerns its paper alone and is
    /// recorded; where a server fails three papers in a row, the others are left for another time. In the end near-duplicates are
    /// looked for.
    /// </summary>
    /// <param name="papers">The papers.</param>
    /// <param name="model">The model; null for the drafter.</param>
    /// <param name="pipeline">See <see cref="ExtractionPipelines"/>; the drafter has its own.</param>
    /// <param name="seed">Seed of the model's sampling.</param>
    /// <param name="cancellationToken">Cancels; what was reported is stored, nothing is half-written.</param>
    /// <returns>An outcome per paper, in their order.</returns>
    public async IAsyncEnumerable<PaperOutcome> RunAsync(IEnumerable<PaperId> papers, ITextModel? model, string pipeline, long seed, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(papers);
        var extractor = ExtractorOf(model, pipeline);
        var faults = 0;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var working = new Queue<Task<Extracted>>();
        var left = new Queue<PaperId>(papers);
        try
        {
            while (left.Count + working.Count > 0)
            {
                while (left.Count > 0 && working.Count < (model is null ? 1 : Parallel))
                {
                    // Drafting keeps a processor busy; pages stay free.
                    var paper = left.Dequeue();
                    working.Enqueue(Task.Run(() => ExtractAsync(paper, model, extractor, seed, stop.Token), stop.Token));
                }

                var done = await working.Dequeue();
                yield return await StoreAsync(done, extractor, cancellationToken);
                faults = done.IsServerFault ? faults + 1 : 0;
                if (faults == MostServerFaultsInARow && left.Count + working.Count > 0)
                {
                    yield return new PaperOutcome(null, "", null, $"Stopped: {faults} papers in a row failed by their server, and the other {left.Count + working.Count} would in the same way. They were left as they are; extract again when the server is well.");
                    yield break;
                }
            }

            await groups.RefreshAsync(cancellationToken);
        }
        finally
        {
            // Nobody waits for what is still under way.
            await stop.CancelAsync();
            await Task.WhenAll(working).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    /// <summary>An outcome, for people.</summary>
    public static string Describe(PaperOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        if (outcome.Saved is not { } saved)
        {
            return outcome.Error!;
        }

        if (saved.Added.Count == 0)
        {
            return $"\"{outcome.Title}\": unchanged, its goals are reviewed or answered already.";
        }

        var goals = saved.Added.Count == 1 ? "1 goal" : $"{saved.Added.Count} goals";
        return $"\"{outcome.Title}\": {goals}, {saved.Added.Sum(goal => goal.Items.Count)} items{(saved.Kept > 0 ? $", {saved.Kept} earlier kept" : "")}.";
    }

    private async Task<Extracted> ExtractAsync(PaperId id, ITextModel? model, Extractor extractor, long seed, CancellationToken cancellationToken)
    {
        if (await store.FindPaperAsync(id, cancellationToken) is not { } paper)
        {
            return new Extracted(id, null, null, $"There is no paper {id}. List the papers on the Library page.", false);
        }

        try
        {
            var attempts = await store.AttemptsAsync(id, extractor, cancellationToken);
            var goal = model is null ? ExtractiveDrafter.Draft(paper) : await ExtractionPipelines.ExtractAsync(extractor.Pipeline, model, model, paper, seed + (attempts * SeedsOfAnAttempt), cancellationToken);
            return new Extracted(id, paper, goal, null, false);
        }
        catch (ExtractionException fault)
        {
            return new Extracted(id, paper, null, fault.Message, false);
        }
        catch (TextModelException fault)
        {
            return new Extracted(id, paper, null, $"\"{paper.Title}\": {fault.Message}", true);
        }
    }

    private async Task<PaperOutcome> StoreAsync(Extracted done, Extractor extractor, CancellationToken cancellationToken)
    {
        if (done.Goal is not null)
        {
            return new PaperOutcome(done.Id, done.Paper!.Title, await store.SaveAsync(done.Paper, [done.Goal], extractor, cancellationToken), null);
        }

        if (done.Paper is not null)
        {
            await store.FailAsync(done.Id, extractor, done.Error!, cancellationToken);
        }

        return new PaperOutcome(done.Id, done.Paper?.Title ?? "", null, done.Error);
    }

    private sealed record Extracted(PaperId Id, Paper? Paper, ExtractedGoal? Goal, string? Error, bool IsServerFault);
}
