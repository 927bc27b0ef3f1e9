using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Shared;

/// <summary>Studies of a running server: as many goals as the draft asks for, each with a plan of "tuned" and one of "starter".</summary>
internal static class StudySeed
{
    /// <summary>A draft over such goals.</summary>
    public static StudyDraft Draft(string name, int goals) => new() { Name = name, Arm1 = "tuned", Arm2 = "starter", IsSandbox = false, Goals = goals };

    /// <summary>Adds the goals, each with so many rubric items, and makes the study.</summary>
    public static async Task<StudyId> AddAsync(IServiceProvider services, StudyDraft draft, int items = 0, Func<int, string, string>? plan = null)
    {
        var token = TestContext.Current.CancellationToken;
        var time = TimeProvider.System;
        await using (var db = await services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(token))
        {
            for (var i = 0; i < draft.Goals; i++)
            {
                var goal = new Goal { Id = TypedId.New<GoalId>(time), Domain = "ml", Text = $"Find out {i}.", Origin = "dataset", CreatedAt = time.GetUtcNow() };
                goal.Items.AddRange(Enumerable.Range(0, items).Select(n => new RubricItem { Id = TypedId.New<RubricItemId>(time), GoalId = goal.Id, Order = n, Text = $"says {n}", ProposedText = $"says {n}" }));
                db.Add(goal);
                foreach (var writer in new[] { draft.Arm1, draft.Arm2 })
                {
                    db.Add(new Plan { Id = TypedId.New<PlanId>(time), GoalId = goal.Id, Writer = writer, Text = plan?.Invoke(i, writer) ?? $"We plan {i}.", CreatedAt = time.GetUtcNow() });
                }
            }

            await db.SaveChangesAsync(token);
        }

        return await services.GetRequiredService<StudyStore>().CreateAsync(draft, token);
    }
}
