using CoScientist.Core.Goals;
using CoScientist.Core.Runs;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <content>How much there is, for the form of a run.</content>
public sealed partial class RunDataStore
{
    /// <summary>Counts what a choice of data takes, without reading it.</summary>
    /// <param name="spec">Which goals and items.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<RunDataCounts> CountAsync(RunDataSpec spec, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginSnapshotAsync(cancellationToken);
        var counting = spec.RubricStates.Where(state => state != RubricItemState.Rejected).ToList();
        var goals = await db.Goals
            .Where(goal => goal.IsSandbox == spec.Sandbox)
            .GroupBy(goal => new { goal.Domain, goal.Split })
            .Select(group => new { group.Key.Domain, group.Key.Split, Count = group.Count(goal => db.RubricItems.Any(item => item.GoalId == goal.Id && counting.Contains(item.State))) })
            .ToListAsync(cancellationToken);
        var items = await db.Goals
            .Where(goal => goal.IsSandbox == spec.Sandbox && goal.Split == GoalSplit.Train && (spec.Domains.Count == 0 || spec.Domains.Contains(goal.Domain)))
            .SelectMany(goal => goal.Items)
            .GroupBy(item => item.State)
            .Select(group => new { State = group.Key, Count = group.Count() })
            .ToDictionaryAsync(group => group.State, group => group.Count, cancellationToken);
        var domains = goals.GroupBy(row => row.Domain, StringComparer.Ordinal).OrderBy(domain => domain.Key, StringComparer.Ordinal).Select(domain =>
        {
            int In(GoalSplit split) => domain.Where(row => row.Split == split).Sum(row => row.Count);
            return new DomainCount(domain.Key, spec.Domains.Count == 0 || spec.Domains.Contains(domain.Key, StringComparer.Ordinal), In(GoalSplit.Train), In(GoalSplit.Validation), In(GoalSplit.Test));
        });
        return new RunDataCounts([.. domains], items);
    }
}
