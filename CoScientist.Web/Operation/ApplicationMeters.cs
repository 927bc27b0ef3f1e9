using System.Diagnostics.Metrics;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.Storage.Backups;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.Operation;

/// <summary>What the application counts of itself, on the meter <c>CoScientist</c>. Counts come from the database, so that they are right after a restart.</summary>
internal sealed class ApplicationMeters
{
    /// <summary>Name of the meter.</summary>
    public const string Name = "CoScientist";

    private readonly IDbContextFactory<CoScientistDb> contexts;
    private readonly RunEvents events;
    private readonly CoScientistOptions options;
    private volatile Reading reading = new([], 0, 0, 0, 0, 0);

    public ApplicationMeters(IMeterFactory factory, IDbContextFactory<CoScientistDb> contexts, RunEvents events, CoScientistOptions options)
    {
        (this.contexts, this.events, this.options) = (contexts, events, options);
        var meter = factory.Create(Name);
        meter.CreateObservableGauge("coscientist.runs", () => reading.Runs.Select(state => new Measurement<long>(state.Count, new KeyValuePair<string, object?>("state", state.State))), description: "Runs by state");
        meter.CreateObservableGauge("coscientist.run.tokens_per_second", () => reading.TokensPerSecond, description: "Tokens per second that the run at work learned from in its last step");
        meter.CreateObservableCounter("coscientist.answers", () => reading.Answers, description: "Answers of experts");
        meter.CreateObservableCounter("coscientist.review_decisions", () => reading.Decisions, description: "Decisions on rubric items");
        meter.CreateObservableCounter("coscientist.model_calls", () => reading.Calls, description: "Calls of model servers");
        meter.CreateObservableGauge("coscientist.disk.free", () => reading.DiskFree, unit: "By", description: "Free on the disk of the data directory");
    }

    /// <summary>Reads the counts that are told until the next reading.</summary>
    public async Task ReadAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var states = await db.Runs.GroupBy(run => run.State).Select(group => new { State = group.Key, Count = group.LongCount() }).ToDictionaryAsync(row => row.State, row => row.Count, cancellationToken);
        var working = await db.Runs.Where(run => run.State == RunState.Running).Select(run => run.Id).ToListAsync(cancellationToken);
        reading = new Reading(
            [.. Enum.GetValues<RunState>().Select(state => (state.ToString().ToLowerInvariant(), states.GetValueOrDefault(state)))],
            working.Sum(run => events.Latest(run).Metrics?.Values.GetValueOrDefault(RunMetricNames.TokensPerSecond) ?? 0),
            await db.Preferences.LongCountAsync(cancellationToken),
            await db.ReviewDecisions.LongCountAsync(cancellationToken),
            await db.ModelCalls.LongCountAsync(cancellationToken),
            DiskRoom.Free(options.DataDirectory));
    }

    private sealed record Reading(IReadOnlyList<(string State, long Count)> Runs, double TokensPerSecond, long Answers, long Decisions, long Calls, long DiskFree);
}
