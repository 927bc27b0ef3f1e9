using System.Globalization;
using CoScientist.Core.Goals;

namespace CoScientist.Tests.Core.Storage;

/// <summary>Goals with rubrics for tests.</summary>
public static class TestLibrary
{
    /// <summary>Adds a goal whose items read "item 0", "item 1", …</summary>
    public static async Task<Goal> AddGoalAsync(
        this TestDatabase database,
        int items = 3,
        string domain = "ml",
        GoalSplit split = GoalSplit.Train,
        string? key = null,
        bool sandbox = true)
    {
        var id = database.NewId<GoalId>();
        var goal = new Goal
        {
            Id = id,
            Domain = domain,
            Text = "the aim is to test",
            Split = split,
            Origin = sandbox ? "sandbox" : "dataset",
            ExternalKey = key,
            IsSandbox = sandbox,
            CreatedAt = database.Time.GetUtcNow(),
            Items = [.. Enumerable.Range(0, items).Select(order => new RubricItem
            {
                Id = database.NewId<RubricItemId>(),
                GoalId = id,
                Order = order,
                Text = string.Create(CultureInfo.InvariantCulture, $"item {order}"),
                ProposedText = string.Create(CultureInfo.InvariantCulture, $"item {order}"),
            })],
        };
        await using var db = database.NewContext();
        db.Goals.Add(goal);
        await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        return goal;
    }
}
