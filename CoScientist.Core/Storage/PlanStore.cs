using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>Which goals of the library are meant.</summary>
/// <param name="Sandbox">Those of the sandbox, or the real ones: never both.</param>
/// <param name="Split">Part of the data; null for all.</param>
/// <param name="Domain">Field of research; null for all.</param>
public sealed record GoalFilter(bool Sandbox, GoalSplit? Split = null, string? Domain = null)
{
    internal IQueryable<Goal> Apply(IQueryable<Goal> goals)
    {
        goals = goals.Where(goal => goal.IsSandbox == Sandbox);
        goals = Split is { } split ? goals.Where(goal => goal.Split == split) : goals;
        return Domain is { } domain ? goals.Where(goal => goal.Domain == domain) : goals;
    }
}

/// <summary>Plans of the library.</summary>
/// <param name="factory">Opens the database.</param>
public sealed class PlanStore(IDbContextFactory<CoScientistDb> factory)
{
    /// <summary>Goals to write plans for, one of each domain in turn: the first few are a fair choice, and always the same.</summary>
    public async Task<IReadOnlyList<Goal>> FindGoalsAsync(GoalFilter filter, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var goals = await filter.Apply(db.Goals.AsNoTracking()).ToListAsync(cancellationToken);
        return [.. goals
            .GroupBy(goal => goal.Domain, StringComparer.Ordinal)
            .SelectMany(domain => domain.OrderBy(goal => goal.Id.Value).Select((goal, turn) => (goal, turn)))
            .OrderBy(pair => pair.turn).ThenBy(pair => pair.goal.Domain, StringComparer.Ordinal)
            .Select(pair => pair.goal)];
    }

    /// <summary>Plans that a writer wrote outside of runs: goal, temperature and seed tell them apart.</summary>
    public async Task<IReadOnlySet<(GoalId Goal, double? Temperature, long? Seed)>> FindWrittenAsync(string writer, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var plans = await db.Plans
            .Where(plan => plan.Writer == writer && plan.RunId == null)
            .Select(plan => new { plan.GoalId, plan.Temperature, plan.Seed })
            .ToListAsync(cancellationToken);
        return plans.Select(plan => (plan.GoalId, plan.Temperature, plan.Seed)).ToHashSet();
    }

    /// <summary>Adds plans in one transaction.</summary>
    public async Task AddAsync(IReadOnlyList<Plan> plans, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        db.Plans.AddRange(plans);
        await db.SaveChangesAsync(cancellationToken);
    }
}
