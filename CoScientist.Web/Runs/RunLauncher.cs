using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Core.TextModels;
using CoScientist.Training.Engines;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.Runs;

/// <summary>Puts runs into the queue after everything about them that can be known beforehand has been checked.</summary>
internal sealed class RunLauncher(RunStore runs, RunCheckpointStore checkpoints, RunDataStore data, TextModels servers, ClusterRuns clusters, CoScientistOptions options)
{
    /// <summary>Domains of the library that a specification can name.</summary>
    public Task<IReadOnlyList<string>> DomainsAsync(bool sandbox, CancellationToken cancellationToken) => data.DomainsAsync(sandbox, cancellationToken);

    /// <summary>What a specification would learn from experts' answers now, in a sentence; null when no part of it learns from them, or there is none.</summary>
    public async Task<string?> PairsAsync(RunSpec spec, CancellationToken cancellationToken)
    {
        if (spec.Parts().All(part => part.Method != "dpo") || await data.PreferencesAsync(spec.Data, cancellationToken) is not { Fault: null } pairs)
        {
            return null;
        }

        var undecided = pairs.Undecided == 0 ? "" : FormattableString.Invariant($" {pairs.Undecided} more have no majority.");
        return FormattableString.Invariant($"{pairs.Pairs.Count} decided pairs to learn from, by {pairs.Answers} answers in {pairs.Studies.Count} closed {(pairs.Studies.Count == 1 ? "study" : "studies")}.{undecided} Their goals leave the evaluation.");
    }

    /// <summary>How much of the library a choice of data takes.</summary>
    public Task<RunDataCounts> CountAsync(RunDataSpec spec, CancellationToken cancellationToken) => data.CountAsync(spec, cancellationToken);

    /// <summary>Closed studies that a specification can name.</summary>
    public Task<IReadOnlyList<Study>> StudiesAsync(bool sandbox, CancellationToken cancellationToken) => data.ClosedStudiesAsync(sandbox, cancellationToken);

    /// <summary>Every fault of a specification against this library; empty when it can run.</summary>
    public async Task<IReadOnlyList<RunSpecFault>> CheckAsync(RunSpec spec, CancellationToken cancellationToken)
    {
        var faults = RunSpecValidator.Check(spec, await DomainsAsync(spec.Data.Sandbox, cancellationToken)).ToList();
        await CheckModelAsync("model", spec.Model);
        await CheckGraderAsync("grader", spec.Grader);
        await CheckGraderAsync("judge", spec.Judge);
        faults.AddRange(clusters.Faults(spec));
        faults.AddRange(OptionalEngines.Faults(spec));

        if (faults.Count == 0 && spec.Parts().Any(part => part.Method == "dpo") && (await data.PreferencesAsync(spec.Data, cancellationToken)).Fault is { } missing)
        {
            faults.Add(new RunSpecFault("data.studies", missing));
        }

        return faults;

        async Task CheckGraderAsync(string field, string name)
        {
            if (RunSpec.ServerOf(name) is not { } server)
            {
                if (name is not (RunSpec.InitialGrader or RunSpec.Oracle))
                {
                    await CheckModelAsync(field, name);
                }

                return;
            }

            try
            {
                servers.Get(server, field == "judge" ? ModelRole.Judge : ModelRole.Grader);
            }
            catch (ArgumentException fault)
            {
                // Without the parameter's name, which means nothing to people.
                faults.Add(new RunSpecFault(field, $"is \"{name}\". {fault.WithoutParameter().TrimEnd('.')}"));
            }
        }

        async Task CheckModelAsync(string field, string name)
        {
            if (string.IsNullOrWhiteSpace(name))
            {
                return;
            }

            if (await checkpoints.FindAsync(name, cancellationToken) is not { } checkpoint)
            {
                faults.Add(new RunSpecFault(field, $"must name a checkpoint of the library, is \"{name}\"; a folder becomes one by 'model import FOLDER'"));
            }
            else if (checkpoint.DeletedAt is not null)
            {
                faults.Add(new RunSpecFault(field, $"is \"{name}\", which was deleted: choose another checkpoint"));
            }
            else if (checkpoint.IsSandbox != spec.Data.Sandbox)
            {
                faults.Add(new RunSpecFault(field, checkpoint.IsSandbox
                    ? $"is \"{name}\", which only speaks the sandbox's language: set data.sandbox or choose another checkpoint"
                    : $"is \"{name}\", which does not speak the sandbox's language: choose a checkpoint of the sandbox"));
            }
        }
    }

    /// <summary>Puts a run into the queue.</summary>
    /// <param name="spec">The specification.</param>
    /// <param name="source">Where it came from, for the message.</param>
    /// <param name="startedBy">The account that asks; null from the command line.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="RunSpecException">It cannot run; the message names every fault.</exception>
    public async Task<Run> StartAsync(RunSpec spec, string source, string? startedBy, CancellationToken cancellationToken)
    {
        var faults = await CheckAsync(spec, cancellationToken);
        if (faults.Count > 0)
        {
            throw new RunSpecException(source, faults);
        }

        // A folder left behind by another database would be taken for this run's own and resumed.
        return await runs.CreateAsync(spec, startedBy, name => Directory.Exists(options.RunDirectory(name)), cancellationToken);
    }
}
