using CoScientist.Core;
using CoScientist.Core.Plans;
using CoScientist.Core.Storage;

namespace CoScientist.Web.Jobs;

/// <summary>What to write.</summary>
/// <param name="Goals">Which goals.</param>
/// <param name="Count">At most so many of them; null for all.</param>
/// <param name="Temperature">Sampling temperature; 0 is greedy.</param>
/// <param name="Seed">Seed.</param>
internal sealed record PlanRequest(GoalFilter Goals, int? Count, double Temperature, long Seed);

/// <summary>What became of it.</summary>
/// <param name="Goals">Goals chosen.</param>
/// <param name="Written">Plans stored.</param>
/// <param name="AlreadyThere">Plans of the same writer, temperature and seed that were stored before.</param>
/// <param name="Faulty">Stored plans that are not in the form asked for.</param>
/// <param name="Failures">Answers without a plan, one sentence each.</param>
internal sealed record PlanResult(int Goals, int Written, int AlreadyThere, int Faulty, IReadOnlyList<string> Failures);

/// <summary>Writes plans for goals of the library, batch after batch, each stored at once: what was done stays done.</summary>
internal sealed class PlanJob(PlanStore plans, LibraryChoice choice, TimeProvider time)
{
    /// <summary>Does it.</summary>
    /// <param name="writer">Who writes.</param>
    /// <param name="request">What.</param>
    /// <param name="progress">Called after each batch with plans done and plans to do.</param>
    /// <param name="cancellationToken">Cancels between batches.</param>
    /// <exception cref="InvalidDataException">No goal is meant; the message says what to do.</exception>
    public async Task<PlanResult> RunAsync(PlanWriter writer, PlanRequest request, Action<int, int> progress, CancellationToken cancellationToken)
    {
        var found = await plans.FindGoalsAsync(request.Goals, cancellationToken);
        if (found.Count == 0)
        {
            throw await choice.NothingAsync("goals", writer.Name, request.Goals, cancellationToken);
        }

        var goals = found.Take(request.Count ?? found.Count).ToList();
        var written = await plans.FindWrittenAsync(writer.Name, cancellationToken);
        var open = goals.FindAll(goal => !written.Contains((goal.Id, request.Temperature, writer.SeedFor(goal, request.Seed))));
        var (stored, done, faulty, failures) = (0, 0, 0, new List<string>());
        foreach (var batch in open.Chunk(writer.BatchSize))
        {
            var answers = await writer.WriteAsync(batch, request.Temperature, request.Seed, cancellationToken);
            var added = new List<Plan>();
            foreach (var (goal, answer) in batch.Zip(answers))
            {
                if (answer.Text is null)
                {
                    failures.Add($"Goal {goal.Id}: no plan was stored, because {answer.Fault}.");
                    continue;
                }

                faulty += answer.Fault is null ? 0 : 1;
                added.Add(new Plan
                {
                    Id = TypedId.New<PlanId>(time),
                    GoalId = goal.Id,
                    CheckpointId = writer.Checkpoint,
                    Writer = writer.Name,
                    Text = answer.Text,
                    PromptVersion = writer.PromptVersion,
                    Temperature = request.Temperature,
                    Seed = writer.SeedFor(goal, request.Seed),
                    Tokens = answer.Tokens,
                    Finished = answer.Finished,
                    CreatedAt = time.GetUtcNow(),
                });
            }

            await plans.AddAsync(added, cancellationToken);
            stored += added.Count;
            done += batch.Length;
            progress(done, open.Count);
        }

        return new PlanResult(goals.Count, stored, goals.Count - open.Count, faulty, failures);
    }
}
