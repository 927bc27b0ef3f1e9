using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Plans;
using CoScientist.Core.Runs;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>A plan that waits for a grading.</summary>
/// <param name="Plan">The plan.</param>
/// <param name="Goal">Its goal with the rubric items that count; none when there are none.</param>
public sealed record PlanToGrade(Plan Plan, RunGoal Goal);

/// <summary>What there is to grade.</summary>
/// <param name="Waiting">Plans without a score by the grader, oldest first.</param>
/// <param name="Graded">Plans that have one.</param>
public sealed record PlansToGrade(IReadOnlyList<PlanToGrade> Waiting, int Graded);

/// <summary>Gradings of plans.</summary>
/// <param name="factory">Opens the database.</param>
public sealed class GradingStore(IDbContextFactory<CoScientistDb> factory)
{
    /// <summary>
    /// Plans that a grader has not scored by the current version of their rubric. Gradings that could not be read count as not
    /// made: asking again is their remedy.
    /// </summary>
    /// <param name="filter">Goals of the plans.</param>
    /// <param name="writer">Writer of the plans; null for all.</param>
    /// <param name="role">Capacity of the grader.</param>
    /// <param name="grader">Name of the grader.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<PlansToGrade> FindWaitingAsync(GoalFilter filter, string? writer, GraderRole role, string grader, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);

        // Several queries: the transaction keeps a review from falling between them.
        await using var transaction = await db.Database.BeginSnapshotAsync(cancellationToken);
        var goals = filter.Apply(db.Goals.AsNoTracking());
        var plans = db.Plans.AsNoTracking().Where(plan => goals.Any(goal => goal.Id == plan.GoalId) && (writer == null || plan.Writer == writer));
        var found = await plans.OrderBy(plan => plan.Id).ToListAsync(cancellationToken);
        var states = new RunDataSpec().RubricStates;
        var rubrics = (await goals.Where(goal => plans.Any(plan => plan.GoalId == goal.Id)).Include(goal => goal.Items).AsSplitQuery().ToListAsync(cancellationToken))
            .ToDictionary(goal => goal.Id, goal => RunDataStore.ToRunGoal(goal, states));
        var graded = (await db.Gradings
                .Where(grading => grading.Role == role && grading.Grader == grader && grading.Score != null && plans.Any(plan => plan.Id == grading.PlanId))
                .Select(grading => new { grading.PlanId, grading.RubricVersion })
                .ToListAsync(cancellationToken))
            .Select(grading => (grading.PlanId, grading.RubricVersion))
            .ToHashSet();
        List<PlanToGrade> waiting = [.. found
            .Select(plan => new PlanToGrade(plan, rubrics[plan.GoalId]))
            .Where(plan => !graded.Contains((plan.Plan.Id, plan.Goal.RubricVersion)))];
        return new PlansToGrade(waiting, found.Count - waiting.Count);
    }

    /// <summary>A goal; null when there is none.</summary>
    public async Task<Goal?> FindGoalAsync(GoalId id, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Goals.AsNoTracking().Include(goal => goal.Items).SingleOrDefaultAsync(goal => goal.Id == id, cancellationToken);
    }

    /// <summary>A goal as graders see it: with the items that count for those who say nothing else.</summary>
    public static RunGoal Rubric(Goal goal) => RunDataStore.ToRunGoal(goal, new RunDataSpec().RubricStates);

    /// <summary>Adds gradings in one transaction. Each takes the place of an unreadable one by the same grader in the same role and of the same rubric.</summary>
    public async Task AddAsync(IReadOnlyList<Grading.Grading> gradings, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(gradings);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        foreach (var grading in gradings)
        {
            await db.Gradings
                .Where(old => old.PlanId == grading.PlanId && old.Role == grading.Role && old.Grader == grading.Grader && old.RubricVersion == grading.RubricVersion && old.Score == null)
                .ExecuteDeleteAsync(cancellationToken);
        }

        db.Gradings.AddRange(gradings);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }
}
