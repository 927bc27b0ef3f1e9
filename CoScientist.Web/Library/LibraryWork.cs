using System.Runtime.CompilerServices;
using CoScientist.Core.Extraction.Pipelines;
using CoScientist.Core.Interchange;
using CoScientist.Core.Jobs;
using CoScientist.Core.Papers;
using CoScientist.Core.Storage;
using CoScientist.Web.Extraction;

namespace CoScientist.Web.Library;

/// <summary>What became of a step.</summary>
/// <param name="Done">Whether it did its work.</param>
/// <param name="Message">In one sentence; for a failure with the remedy.</param>
/// <param name="Paper">The paper it brought in.</param>
internal sealed record StepOutcome(bool Done, string Message, PaperId? Paper = null);

/// <summary>Does the steps of library jobs. Each may be done again: what is in the library already stays as it is.</summary>
internal sealed class LibraryWork(PaperImportStore papers, DatasetImportStore datasets, ItemCheckStore checks, GoalGroupStore groups, PaperExtraction extraction, ImportSpool spool)
{
    private const int FaultsNamed = 5;

    /// <summary>Imports the file of a step.</summary>
    public async Task<StepOutcome> ImportAsync(LibraryJob job, LibraryJobStep step, CancellationToken cancellationToken)
    {
        var options = LibraryJobOptions.Of(job.Options);
        try
        {
            var outcome = job.Kind switch
            {
                LibraryJobKind.ImportPapers => await ImportPaperAsync(step, options, cancellationToken),
                _ => await ImportDatasetAsync(step, options, cancellationToken),
            };
            if (outcome.Done)
            {
                spool.Drop(step.JobId, step.Order);
            }

            return outcome;
        }
        catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException)
        {
            return new StepOutcome(false, $"{step.Name}: the file that was sent is gone from the data directory. Send it again.");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return new StepOutcome(false, $"{step.Name}: it cannot be read in the data directory ({fault.Message}) Mend that and try again.");
        }
    }

    private async Task<StepOutcome> ImportPaperAsync(LibraryJobStep step, LibraryJobOptions options, CancellationToken cancellationToken)
    {
        var content = await File.ReadAllBytesAsync(spool.PathOf(step.JobId, step.Order), cancellationToken);
        var import = await papers.ImportAsync(step.Name, content, options.Domain, cancellationToken);
        return new StepOutcome(import.IsThere, import.Message, import.PaperId);
    }

    private async Task<StepOutcome> ImportDatasetAsync(LibraryJobStep step, LibraryJobOptions options, CancellationToken cancellationToken)
    {
        await using var content = File.OpenRead(spool.PathOf(step.JobId, step.Order));
        try
        {
            var import = await datasets.ImportGoalsAsync(step.Name, content, new DatasetImportOptions { Domain = options.Domain }, cancellationToken);
            await checks.CheckMissingAsync(cancellationToken);
            await groups.RefreshAsync(cancellationToken);
            return import.Skipped.Count == 0
                ? new StepOutcome(true, $"{step.Name}: {import.Imported:N0} goals imported, {import.AlreadyThere:N0} already there.")
                : new StepOutcome(false, $"{step.Name}: nothing was imported, because {import.Skipped.Count:N0} rows are faulty. {string.Join(" ", import.Skipped.Take(FaultsNamed).Select(fault => $"Line {fault.Line}: {fault.Message}"))}{(import.Skipped.Count > FaultsNamed ? " …" : "")} Mend the file and send it again.");
        }
        catch (DatasetFormatException fault)
        {
            return new StepOutcome(false, fault.Message);
        }
    }

    /// <summary>Draws goals from the papers of steps, several at once.</summary>
    /// <returns>Steps with their outcomes as they are stored; without a step, what went wrong beside them: further steps are left.</returns>
    /// <exception cref="ArgumentException">The job names a model server that is not there any more.</exception>
    public async IAsyncEnumerable<(LibraryJobStep? Step, StepOutcome Outcome)> ExtractAsync(LibraryJob job, IReadOnlyList<LibraryJobStep> steps, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var options = LibraryJobOptions.Of(job.Options);
        var open = steps.ToList();
        await foreach (var outcome in extraction.RunAsync(steps.Select(step => step.PaperId).OfType<PaperId>(), extraction.Find(options.Extractor), options.Pipeline ?? ExtractionPipelines.LeakResistant, seed: 1, cancellationToken))
        {
            var step = open.Find(step => step.PaperId == outcome.Paper && outcome.Paper is not null);
            open.RemoveAll(other => other.Id == step?.Id);
            yield return (step, new StepOutcome(outcome.Error is null, PaperExtraction.Describe(outcome)));
        }
    }
}
