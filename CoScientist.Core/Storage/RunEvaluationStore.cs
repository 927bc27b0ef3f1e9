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
    /// <param name="run">The run.</param>
    /// <param name="bestStep">Step of the picked checkpoint.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>Number of plans added.</returns>
    /// <exception cref="InvalidDataException">A row names a goal, an item or a writer that is not there; nothing was imported.</exception>
    public async Task<int> ImportAsync(Run run, int bestStep, IReadOnlyList<RunEvaluationRow> rows, CancellationToken cancellationToken)
    {
        var spec = run.Spec;
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginAloneAsync($"run {run.Id.Value}", cancellationToken);
        var goals = await GoalsOfAsync(db, rows, cancellationToken);
        var writers = await WritersAsync(db, run.Name, spec.Model, bestStep, cancellationToken);
        var known = (await db.Plans.Where(plan => plan.RunId == run.Id)
                .Select(plan => new { plan.Writer, plan.GoalId, plan.Temperature, plan.Seed })
                .ToListAsync(cancellationToken))
            .Select(plan => (plan.Writer, plan.GoalId, plan.Temperature, plan.Seed))
            .ToHashSet();
        var (grader, judge) = (NameOf(spec, spec.Grader), NameOf(spec, spec.Judge));
        var now = time.GetUtcNow();
        var added = 0;
        foreach (var (row, index) in rows.Select((row, index) => (row, index)))
        {
            var place = $"{RunFolder.EvaluationFile} of run {run.Name}, line {index + 1}";
            var writer = writers.TryGetValue(row.Writer, out var found) ? found : throw new InvalidDataException($"{place}: the writer \"{row.Writer}\" is neither \"{RunEvaluationRow.Base}\" nor \"{RunEvaluationRow.Best}\".");
            var goal = TypedId.TryParse<GoalId>(row.GoalId, out var goalId) && goals.TryGetValue(goalId, out var rubric)
                ? (Id: goalId, Version: row.RubricVersion ?? rubric.Rubric, rubric.Items)
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
            Add(plan.Id, row.SelfGrade, GraderRole.SelfGrade, grader, spec.ProtocolOf(spec.Grader), goal.Version, goal.Items, place);
            Add(plan.Id, row.Judge, GraderRole.Judge, judge, spec.ProtocolOf(spec.Judge), goal.Version, goal.Items, place);
            Add(plan.Id, row.Oracle, GraderRole.Oracle, "sandbox-oracle", "oracle", goal.Version, goal.Items, place);
            added++;
        }

        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return added;

        void Add(PlanId plan, RunEvaluationGrading? grading, GraderRole role, string name, string protocol, int version, HashSet<RubricItemId> items, string place)
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
                    Failure = grading.Score is null ? grading.Failure ?? "the grading could not be read" : null,
                    At = now,
                    Verdicts = [.. grading.Items.Select(item => Read(item, items, place))],
                });
            }
        }
    }

    // Servers are known by their own name everywhere else.
    private static string NameOf(RunSpec spec, string name) => RunSpec.ServerOf(name) ?? spec.ModelOf(name);

    private static Verdict Read(RunEvaluationVerdict item, HashSet<RubricItemId> items, string place)
    {
        if (!TypedId.TryParse<RubricItemId>(item.Id, out var id))
        {
            throw new InvalidDataException($"{place}: \"{item.Id}\" is not the id of a rubric item.");
        }

        return new Verdict
        {
            ItemId = items.Contains(id) ? id : throw new InvalidDataException($"{place}: the goal has no rubric item {item.Id}. Restore the database from a backup, then resume the run."),
            Met = item.Met,
            Violated = [.. item.Violated ?? []],
            Probability = item.Probability,
            Reason = item.Reason,
        };
    }

    private static async Task<Dictionary<GoalId, (int Rubric, HashSet<RubricItemId> Items)>> GoalsOfAsync(CoScientistDb db, IReadOnlyList<RunEvaluationRow> rows, CancellationToken cancellationToken)
    {
        var ids = new HashSet<GoalId>();
        foreach (var row in rows)
        {
            if (TypedId.TryParse<GoalId>(row.GoalId, out var id))
            {
                ids.Add(id);
            }
        }

        var goals = new Dictionary<GoalId, (int, HashSet<RubricItemId>)>();
        foreach (var part in ids.Chunk(500))
        {
            var found = await db.Goals.Where(goal => part.Contains(goal.Id)).Select(goal => new { goal.Id, goal.RubricVersion, Items = goal.Items.Select(item => item.Id) }).ToListAsync(cancellationToken);
            found.ForEach(goal => goals.Add(goal.Id, (goal.RubricVersion, [.. goal.Items])));
        }

        return goals;
    }

    private static async Task<Dictionary<string, (string Name, CheckpointId? Checkpoint)>> WritersAsync(CoScientistDb db, string run, string model, int bestStep, CancellationToken cancellationToken)
    {
        var best = RunCheckpointStore.NameOf(run, bestStep);
        var ids = await db.Checkpoints
            .Where(checkpoint => checkpoint.Name == best || checkpoint.Name == model)
            .ToDictionaryAsync(checkpoint => checkpoint.Name, checkpoint => checkpoint.Id, cancellationToken);
        CheckpointId? Id(string name) => ids.TryGetValue(name, out var id) ? id : null;
        return new(StringComparer.Ordinal)
        {
            [RunEvaluationRow.Base] = (model, Id(model)),

            // At step 0 the run has no weights of its own: training never beat where it started.
            [RunEvaluationRow.Best] = (best, Id(bestStep == 0 ? model : best)),
        };
    }
}
