using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Plans;
using CoScientist.Core.Runs;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>Brings the closing evaluation of a run into the library: its plans, and both gradings of each.</summary>
/// <param name="factory">Opens the database.</param>
/// <param name="time">The clock.</param>
public sealed class RunEvaluationStore(IDbContextFactory<CoScientistDb> factory, TimeProvider time)
{
    /// <summary>Imports the rows in one transaction. Rows that are there already are left alone, so that it can be repeated.</summary>
    /// <param name="run">The run; <see cref="Run.BestStep"/> or <paramref name="bestStep"/> names the best checkpoint.</param>
    /// <param name="spec">Its specification.</param>
    /// <param name="bestStep">Step of the picked checkpoint.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>Number of plans added.</returns>
    /// <exception cref="InvalidDataException">A row names a goal, an item or a writer that is not there; nothing was imported.</exception>
    public async Task<int> ImportAsync(Run run, RunSpec spec, int bestStep, IReadOnlyList<RunEvaluationRow> rows, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var goals = await GoalsOfAsync(db, rows, cancellationToken);
        var writers = await WritersAsync(db, spec, RunCheckpointStore.NameOf(run.Name, bestStep), cancellationToken);
        var known = (await db.Plans.Where(plan => plan.RunId == run.Id)
                .Select(plan => new { plan.Writer, plan.GoalId, plan.Temperature, plan.Seed })
                .ToListAsync(cancellationToken))
            .Select(plan => (plan.Writer, plan.GoalId, plan.Temperature, plan.Seed))
            .ToHashSet();
        var grader = spec.Grader == "initial" ? spec.Model : spec.Grader;
        var now = time.GetUtcNow();
        var added = 0;
        foreach (var (row, index) in rows.Select((row, index) => (row, index)))
        {
            var place = $"{RunFolder.EvaluationFile} of run {run.Name}, line {index + 1}";
            var writer = writers.TryGetValue(row.Writer, out var found) ? found : throw new InvalidDataException($"{place}: the writer \"{row.Writer}\" is neither \"{RunEvaluationRow.Base}\" nor \"{RunEvaluationRow.Best}\".");
            var goal = TypedId.TryParse<GoalId>(row.GoalId, out var goalId) && goals.TryGetValue(goalId, out var version)
                ? (Id: goalId, Version: row.RubricVersion ?? version)
                : throw new InvalidDataException($"{place}: the library has no goal {row.GoalId}. Import it again, then resume the run.");
            if (!known.Add((writer.Name, goal.Id, row.Temperature, row.Seed)))
            {
                continue;
            }

            var plan = new Plan
            {
                Id = TypedId.New<PlanId>(time),
                GoalId = goal.Id,
                CheckpointId = writer.Checkpoint,
                RunId = run.Id,
                Writer = writer.Name,
                Text = row.Plan,
                Temperature = row.Temperature,
                Seed = row.Seed,
                Tokens = row.Tokens,
                Finished = row.Finished,
                CreatedAt = now,
            };
            db.Plans.Add(plan);
            Add(plan.Id, row.SelfGrade, GraderRole.SelfGrade, grader, "compact", goal.Version, place);
            Add(plan.Id, row.Oracle, GraderRole.Oracle, "sandbox-oracle", "oracle", goal.Version, place);
            added++;
        }

        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return added;

        void Add(PlanId plan, RunEvaluationGrading? grading, GraderRole role, string name, string protocol, int version, string place)
        {
            if (grading is not null)
            {
                db.Gradings.Add(new Grading.Grading
                {
                    Id = TypedId.New<GradingId>(time),
                    PlanId = plan,
                    Role = role,
                    Grader = name,
                    Protocol = protocol,
                    RubricVersion = version,
                    Score = grading.Score,
                    Failure = grading.Score is null ? "the grading could not be read" : null,
                    At = now,
                    Verdicts = [.. grading.Items.Select(item => Read(item, place))],
                });
            }
        }
    }

    private static Verdict Read(RunEvaluationVerdict item, string place) => new()
    {
        ItemId = TypedId.TryParse<RubricItemId>(item.Id, out var id) ? id : throw new InvalidDataException($"{place}: \"{item.Id}\" is not the id of a rubric item."),
        Met = item.Met,
        Violated = [.. item.Violated ?? []],
        Probability = item.Probability,
        Reason = item.Reason,
    };

    private static async Task<Dictionary<GoalId, int>> GoalsOfAsync(CoScientistDb db, IReadOnlyList<RunEvaluationRow> rows, CancellationToken cancellationToken)
    {
        var ids = new HashSet<GoalId>();
        foreach (var row in rows)
        {
            if (TypedId.TryParse<GoalId>(row.GoalId, out var id))
            {
                ids.Add(id);
            }
        }

        var goals = new Dictionary<GoalId, int>();
        foreach (var part in ids.Chunk(500))
        {
            var found = await db.Goals.Where(goal => part.Contains(goal.Id)).Select(goal => new { goal.Id, goal.RubricVersion }).ToListAsync(cancellationToken);
            found.ForEach(goal => goals.Add(goal.Id, goal.RubricVersion));
        }

        return goals;
    }

    private static async Task<Dictionary<string, (string Name, CheckpointId? Checkpoint)>> WritersAsync(CoScientistDb db, RunSpec spec, string best, CancellationToken cancellationToken)
    {
        var ids = await db.Checkpoints
            .Where(checkpoint => checkpoint.Name == best || checkpoint.Name == spec.Model)
            .ToDictionaryAsync(checkpoint => checkpoint.Name, checkpoint => checkpoint.Id, cancellationToken);
        CheckpointId? Id(string name) => ids.TryGetValue(name, out var id) ? id : null;
        return new(StringComparer.Ordinal)
        {
            [RunEvaluationRow.Base] = (spec.Model, Id(spec.Model)),
            [RunEvaluationRow.Best] = (best, Id(best)),
        };
    }
}
