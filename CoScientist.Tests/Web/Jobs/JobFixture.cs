using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Training.Sandbox;
using CoScientist.Web.Jobs;

namespace CoScientist.Tests.Web.Jobs;

/// <summary>The jobs over a database of their own.</summary>
internal static class JobFixture
{
    public static PlanJob PlanJob(this TestDatabase database) => new(database.Store<PlanStore>(), database.Choice(), database.Time);

    public static GradeJob GradeJob(this TestDatabase database) => new(database.Store<GradingStore>(), database.Choice(), database.Time);

    /// <summary>Adds goals of the sandbox's library.</summary>
    public static async Task<IReadOnlyList<Goal>> AddSandboxGoalsAsync(this TestDatabase database, int count, GoalSplit split = GoalSplit.Test)
    {
        var built = SandboxLibrary.Goals.Where(goal => goal.Split == split).Take(count).Select(goal => SandboxLibrary.Build(goal, database.Time.GetUtcNow())).ToList();
        await using var db = database.NewContext();
        db.Papers.AddRange(built.Select(pair => pair.Paper));
        db.Goals.AddRange(built.Select(pair => pair.Goal));
        await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        return built.ConvertAll(pair => pair.Goal);
    }

    public static async Task<Plan> AddPlanAsync(this TestDatabase database, Goal goal, string text = "we test", string writer = "writer")
    {
        var plan = new Plan { Id = database.NewId<PlanId>(), GoalId = goal.Id, Writer = writer, Text = text, CreatedAt = database.Time.GetUtcNow() };
        await database.Store<PlanStore>().AddAsync([plan], TestContext.Current.CancellationToken);
        return plan;
    }

    public static void NoProgress(int done, int all)
    {
    }

    private static LibraryChoice Choice(this TestDatabase database) => new(database.Store<PlanStore>(), database.Store<RunDataStore>());
}
