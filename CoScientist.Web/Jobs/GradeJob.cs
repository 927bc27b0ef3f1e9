using CoScientist.Core;
using CoScientist.Core.Grading;
using CoScientist.Core.Storage;

namespace CoScientist.Web.Jobs;

/// <summary>What became of a grading job.</summary>
/// <param name="Graded">Plans that now have a score.</param>
/// <param name="Ungraded">Plans whose grading could not be read.</param>
/// <param name="AlreadyGraded">Plans that had a score by this grader and rubric before.</param>
/// <param name="LeftOut">Plans whose goals have no rubric item that counts.</param>
/// <param name="MeanScore">Mean score of the plans graded now; null when there are none.</param>
/// <param name="Failures">Why plans are ungraded, one sentence each.</param>
internal sealed record GradeResult(int Graded, int Ungraded, int AlreadyGraded, int LeftOut, double? MeanScore, IReadOnlyList<string> Failures);

/// <summary>Has plans graded, batch after batch, each stored at once: what was done stays done.</summary>
internal sealed class GradeJob(GradingStore gradings, LibraryChoice choice, TimeProvider time)
{
    /// <summary>Does it.</summary>
    /// <param name="grader">Who grades.</param>
    /// <param name="goals">Goals of the plans.</param>
    /// <param name="writer">Writer of the plans; null for all.</param>
    /// <param name="progress">Called after each batch with plans done and plans to do.</param>
    /// <param name="cancellationToken">Cancels between batches.</param>
    /// <exception cref="InvalidDataException">No plan is meant, or none can be graded; the message says what to do.</exception>
    public async Task<GradeResult> RunAsync(PlanGrader grader, GoalFilter goals, string? writer, Action<int, int> progress, CancellationToken cancellationToken)
    {
        var found = await gradings.FindWaitingAsync(goals, writer, grader.Role, grader.Name, cancellationToken);
        if (found.Waiting.Count + found.Graded == 0)
        {
            throw writer is null
                ? await choice.NothingAsync("plans", grader.Name, goals, cancellationToken)
                : new InvalidDataException($"\"{writer}\" has no plans for {LibraryChoice.Kind(goals)} that match {LibraryChoice.Words(goals)}, which is what {grader.Name} grades: write some with 'plan', or name another writer.");
        }

        var open = found.Waiting.Where(plan => plan.Goal.Items.Count > 0).ToList();
        if (open.Count == 0 && found.Graded == 0)
        {
            throw new InvalidDataException($"Goal {found.Waiting[0].Goal.Id} has no rubric item that counts, so its plans cannot be graded: add items or take back rejections on the Review page.");
        }

        var (scores, failures, done) = (new List<double>(), new List<string>(), 0);
        foreach (var batch in open.Chunk(grader.BatchSize))
        {
            var grades = await grader.GradeAsync([.. batch.Select(plan => new Training.Protocols.PlanToGrade(plan.Goal, plan.Plan.Text))], cancellationToken);
            var now = time.GetUtcNow();
            await gradings.AddAsync([.. batch.Zip(grades, (plan, grade) => Row(plan, grade, grader, now))], cancellationToken);
            scores.AddRange(grades.Where(grade => grade.Score is not null).Select(grade => grade.Score!.Value));
            failures.AddRange(batch.Zip(grades).Where(pair => pair.Second.Score is null).Select(pair => $"Plan {pair.First.Plan.Id}: ungraded, because {pair.Second.Failure}."));
            done += batch.Length;
            progress(done, open.Count);
        }

        return new GradeResult(scores.Count, failures.Count, found.Graded, found.Waiting.Count - open.Count, scores.Count == 0 ? null : scores.Average(), failures);
    }

    private Grading Row(PlanToGrade plan, PlanGrade grade, PlanGrader grader, DateTimeOffset now) => new()
    {
        Id = TypedId.New<GradingId>(time),
        PlanId = plan.Plan.Id,
        Role = grader.Role,
        Grader = grader.Name,
        Protocol = grader.Protocol,
        PromptVersion = grader.PromptVersion,
        RubricVersion = plan.Goal.RubricVersion,
        Score = grade.Score,
        Failure = grade.Failure,
        Weaknesses = grade.Weaknesses,
        At = now,
        Verdicts = [.. grade.Verdicts],
    };
}
