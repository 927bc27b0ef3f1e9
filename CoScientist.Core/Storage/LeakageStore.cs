using System.Collections.Concurrent;
using CoScientist.Core.Goals;
using CoScientist.Core.Goals.Checks;
using CoScientist.Core.Statistics;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>Leakage of one pipeline in one domain.</summary>
/// <param name="Domain">Field of research; null for all of the pipeline.</param>
/// <param name="Pipeline">Pipeline of the extraction, else where the goals came from.</param>
/// <param name="Goals">Goals with a checked item.</param>
/// <param name="Items">Checked items, rejected ones included.</param>
/// <param name="Judged">Items of these on which a judge model's word counts; the wording decided on the others.</param>
/// <param name="Leaks">Items that can be read off their goal.</param>
/// <param name="Rate">Leaks / items, with its 95% interval; goals are the clusters.</param>
/// <param name="RateLeft">The same of the items that reviewers have not rejected; null when they rejected all.</param>
public sealed record LeakageRow(string? Domain, string Pipeline, int Goals, int Items, int Judged, int Leaks, Estimate Rate, double? RateLeft);

/// <summary>How often a fault was found in a pipeline's items.</summary>
/// <param name="Pipeline">As in <see cref="LeakageRow"/>.</param>
/// <param name="Fault">The fault.</param>
/// <param name="Items">Items that have it.</param>
public sealed record FaultRow(string Pipeline, ItemFault Fault, int Items);

/// <summary>What a page shows of the checks.</summary>
/// <param name="Rows">Leakage by pipeline and domain.</param>
/// <param name="Faults">All faults by pipeline.</param>
/// <param name="Missing">Items that have not been checked.</param>
public sealed record LeakageOverview(IReadOnlyList<LeakageRow> Rows, IReadOnlyList<FaultRow> Faults, int Missing);

/// <summary>Leakage and other faults of the library, from the checks of its items.</summary>
/// <param name="factory">Opens the database.</param>
/// <param name="checks">The checks.</param>
public sealed class LeakageStore(IDbContextFactory<CoScientistDb> factory, ItemCheckStore checks)
{
    private readonly ConcurrentDictionary<bool, (State State, LeakageOverview Overview)> seen = [];

    /// <summary>All of it. Counting a hundred thousand items takes half a second, so that what was counted is kept until an item, a check or a decision is added or goes.</summary>
    /// <param name="sandbox">The sandbox's goals or the real ones; never both.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<LeakageOverview> OverviewAsync(bool sandbox, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var state = new State(
            await db.RubricItems.CountAsync(cancellationToken),
            await db.ItemChecks.CountAsync(cancellationToken),
            await db.ItemChecks.Select(check => (DateTimeOffset?)check.At).MaxAsync(cancellationToken),
            await db.ReviewDecisions.CountAsync(cancellationToken));
        if (seen.TryGetValue(sandbox, out var known) && known.State == state)
        {
            return known.Overview;
        }

        var overview = new LeakageOverview(await RowsAsync(sandbox, cancellationToken), await FaultsAsync(sandbox, cancellationToken), await checks.MissingAsync(sandbox, cancellationToken));
        seen[sandbox] = (state, overview);
        return overview;
    }

    /// <summary>One row per pipeline and domain, each pipeline's whole first. Where judges differ, the newest word counts; an item's wording counts where no judge spoke.</summary>
    /// <param name="sandbox">The sandbox's goals or the real ones; never both.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<IReadOnlyList<LeakageRow>> RowsAsync(bool sandbox, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var judged = await db.ItemChecks.AnyAsync(check => check.IsJudge, cancellationToken);
        var items =
            from check in db.ItemChecks
            where !check.IsJudge
            join item in db.RubricItems on check.ItemId equals item.Id
            join goal in db.Goals on item.GoalId equals goal.Id
            where goal.IsSandbox == sandbox
            select new
            {
                item.GoalId,
                goal.Domain,
                Pipeline = goal.Pipeline ?? goal.Origin,
                Rejected = item.State == RubricItemState.Rejected,
                check.Leaks,
                Word = judged ? db.ItemChecks.Where(other => other.IsJudge && other.ItemId == item.Id).OrderByDescending(other => other.At).Select(other => (bool?)other.Leaks).FirstOrDefault() : null,
            };
        var goals = await items
            .GroupBy(item => new { item.GoalId, item.Domain, item.Pipeline })
            .Select(goal => new Counted(
                goal.Key.Domain,
                goal.Key.Pipeline,
                goal.Count(),
                goal.Count(item => item.Word != null),
                goal.Count(item => item.Word ?? item.Leaks),
                goal.Count(item => !item.Rejected),
                goal.Count(item => !item.Rejected && (item.Word ?? item.Leaks))))
            .ToListAsync(cancellationToken);
        return
        [
            .. from pipeline in goals.GroupBy(goal => goal.Pipeline).OrderBy(pipeline => pipeline.Key, StringComparer.Ordinal)
               from row in pipeline.GroupBy(goal => goal.Domain).OrderBy(domain => domain.Key, StringComparer.Ordinal).Select(domain => Row(domain.Key, pipeline.Key, [.. domain])).Prepend(Row(null, pipeline.Key, [.. pipeline]))
               select row,
        ];
    }

    /// <summary>How often each fault was found, by pipeline; an item found faulty by several checkers counts once.</summary>
    public async Task<IReadOnlyList<FaultRow>> FaultsAsync(bool sandbox, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var faults = await (
            from finding in db.ItemFindings
            join item in db.RubricItems on finding.ItemId equals item.Id
            join goal in db.Goals on item.GoalId equals goal.Id
            where goal.IsSandbox == sandbox
            group finding by new { Pipeline = goal.Pipeline ?? goal.Origin, finding.Fault } into found
            select new { found.Key.Pipeline, found.Key.Fault, Items = found.Select(finding => finding.ItemId).Distinct().Count() }).ToListAsync(cancellationToken);
        return [.. faults.OrderBy(row => row.Pipeline, StringComparer.Ordinal).ThenBy(row => row.Fault).Select(row => new FaultRow(row.Pipeline, row.Fault, row.Items))];
    }

    private static LeakageRow Row(string? domain, string pipeline, List<Counted> goals) => new(
        domain,
        pipeline,
        goals.Count,
        goals.Sum(goal => goal.Items),
        goals.Sum(goal => goal.Judged),
        goals.Sum(goal => goal.Leaks),
        ClusteredShare.Of(goals.ConvertAll(goal => (goal.Leaks, goal.Items))),
        goals.Sum(goal => goal.Left) is > 0 and var left ? (double)goals.Sum(goal => goal.LeaksLeft) / left : null);

    // Checks are only ever added and removed, and carry the time.
    private sealed record State(int Items, int Checks, DateTimeOffset? LastCheck, int Decisions);

    private sealed record Counted(string Domain, string Pipeline, int Items, int Judged, int Leaks, int Left, int LeaksLeft);
}
