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

/// <summary>The models of an extraction.</summary>
/// <param name="Creator">Proposes; recorded as the extractor.</param>
/// <param name="Selector">Selects; may be the same.</param>
public sealed record ExtractionModels(ITextModel Creator, ITextModel Selector);

/// <summary>
/// Papers to goals, the same from a page and from the command line: by a model server where one is set up, else by the drafter.
/// Several papers are under way at once and stored in their order, each in one transaction, so that an extraction that was
/// stopped anywhere and started again ends with the same library as one in a single go.
/// </summary>
public sealed class PaperExtraction(ExtractionStore store, GoalGroupStore groups, ItemJudging judging, TextModels models, ModelCallStore calls)
{
    private const string Purpose = "extract";
    private const int Parallel = 4;

    // A paper that is tried again after a failure asks with seeds of its own, so that no cache answers with what could not be read.
    private const int SeedsOfAnAttempt = 1000;

    /// <summary>Who can extract, the default first: the configured servers, then the drafter, which needs no model.</summary>
    public IReadOnlyList<string> Names => [.. models.Names, ExtractiveDrafter.Name];

    /// <summary>The models of a name, with the selector that plays that role; null means the drafter. No name means whoever plays the creator, else the first of <see cref="Names"/>.</summary>
    /// <exception cref="ArgumentException">No such server, or its settings are incomplete; the message says what to do.</exception>
    public ExtractionModels? Find(string? name)
    {
        name ??= models.NamesOf(ModelRole.Creator).FirstOrDefault() ?? Names[0];
        if (name.Equals(ExtractiveDrafter.Name, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var creator = models.Get(name, ModelRole.Creator, Purpose);
        return new ExtractionModels(creator, models.Of(ModelRole.Selector, Purpose) ?? creator);
    }

    /// <summary>Who is recorded as the extractor.</summary>
    /// <param name="models">The models; null for the drafter.</param>
    /// <param name="pipeline">Its pipeline; the drafter has its own.</param>
    public static Extractor ExtractorOf(ExtractionModels? models, string pipeline) => models is null ? Extractor.Drafter : Extractor.Model(models.Creator.Name, pipeline);

    /// <summary>
    /// Draws a goal from each paper and stores it; goals that people have worked on stay. A failure concerns its paper alone and is
    /// recorded; where the server itself fails, the papers that are left stay as they are. In the end near-duplicates are looked for,
    /// and whoever plays the judge judges what models have extracted.
    /// </summary>
    /// <param name="papers">The papers.</param>
    /// <param name="with">The models; null for the drafter.</param>
    /// <param name="pipeline">See <see cref="ExtractionPipelines"/>; the drafter has its own.</param>
    /// <param name="seed">Seed of the model's sampling.</param>
    /// <param name="cancellationToken">Cancels; what was reported is stored, nothing is half-written.</param>
    /// <returns>An outcome per paper, in their order.</returns>
    public async IAsyncEnumerable<PaperOutcome> RunAsync(IEnumerable<PaperId> papers, ExtractionModels? with, string pipeline, long seed, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(papers);
        var extractor = ExtractorOf(with, pipeline);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var working = new Queue<Task<Extracted>>();
        var left = new Queue<PaperId>(papers);
        try
        {
            while (left.Count + working.Count > 0)
            {
                while (left.Count > 0 && working.Count < (with is null ? 1 : Parallel))
                {
                    // Drafting keeps a processor busy; pages stay free.
                    var paper = left.Dequeue();
                    working.Enqueue(Task.Run(() => ExtractAsync(paper, with, extractor, seed, stop.Token), stop.Token));
                }

                var done = await working.Dequeue();
                if (done.IsServerFault)
                {
                    yield return new PaperOutcome(null, "", null, $"{done.Error} {left.Count + working.Count + 1} papers are left as they are: extract again when that is mended.");
                    yield break;
                }

                yield return await StoreAsync(done, extractor, cancellationToken);
            }

            await groups.RefreshAsync(cancellationToken);
            foreach (var fault in with is null ? [] : await JudgeAsync(seed, cancellationToken))
            {
                yield return new PaperOutcome(null, "", null, fault);
            }
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

    // What went wrong with it; nothing where nobody plays the judge.
    private async Task<IReadOnlyList<string>> JudgeAsync(long seed, CancellationToken cancellationToken)
    {
        try
        {
            return models.Of(ModelRole.Judge, "check") is { } judge ? (await judging.RunAsync(judge, everything: false, seed, cancellationToken)).Failures : [];
        }
        catch (Exception fault) when (fault is TextModelException or ArgumentException)
        {
            return [$"{fault.WithoutParameter()} What was extracted is stored; check --judge has it judged later."];
        }
    }

    private async Task<Extracted> ExtractAsync(PaperId id, ExtractionModels? with, Extractor extractor, long seed, CancellationToken cancellationToken)
    {
        if (await store.FindPaperAsync(id, cancellationToken) is not { } paper)
        {
            return new Extracted(id, null, null, $"There is no paper {id}. List the papers on the Library page.", false);
        }

        try
        {
            var attempts = await store.AttemptsAsync(id, extractor, cancellationToken);
            if (with is not null && attempts > 0)
            {
                // The record of the extraction says that the paper failed; these requests are not sent again.
                await calls.ForgetFailuresAsync([with.Creator.Name, with.Selector.Name], $"{Purpose} {paper.Title}", cancellationToken);
            }

            var goal = with is null ? ExtractiveDrafter.Draft(paper) : await ExtractionPipelines.ExtractAsync(extractor.Pipeline, with.Creator, with.Selector, paper, seed + (attempts * SeedsOfAnAttempt), cancellationToken);
            return new Extracted(id, paper, goal, null, false);
        }
        catch (ExtractionException fault)
        {
            return new Extracted(id, paper, null, fault.Message, false);
        }
        catch (TextModelException fault)
        {
            return new Extracted(id, paper, null, fault.Message, true);
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
