using System.Globalization;
using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;

namespace CoScientist.Tests.Core.Storage;

[Trait("Database", "any")]
public sealed class RunDataStoreTests : IAsyncLifetime
{
    private TestDatabase database = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private ReviewStore Review => database.Store<ReviewStore>();

    private RunDataStore Store => database.Store<RunDataStore>();

    public async ValueTask InitializeAsync() => database = await TestDatabase.CreateAsync();

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task Load_AfterReview_GivesOnlyItemsThatCountInTheirWordingAndVersion()
    {
        var goal = await database.AddGoalAsync(items: 3, key: "b");
        var other = await database.AddGoalAsync(items: 1, key: "a");
        await Review.DecideAsync(goal.Items[0].Id, "ada", ReviewAction.Reject, RejectionReason.Wrong, cancellationToken: Token);
        await Review.DecideAsync(goal.Items[1].Id, "ada", ReviewAction.Edit, newText: "sharper", cancellationToken: Token);

        var data = await Store.LoadAsync(new RunDataSpec(), 0, 0, Token);

        Assert.Equal([other.Id.ToString(), goal.Id.ToString()], data.Train.Select(row => row.Id));
        Assert.Equal(3, data.Train[1].RubricVersion);
        Assert.Equal([(1, "sharper"), (2, "item 2")], data.Train[1].Items.Select(item => (item.Order, item.Text)));
        Assert.Equal(0, data.LeftOut);
    }

    [Fact]
    public async Task Load_RejectedNamedInTheSpecification_StillLeavesThemOut()
    {
        var goal = await database.AddGoalAsync(items: 2);
        await Review.DecideAsync(goal.Items[0].Id, "ada", ReviewAction.Reject, RejectionReason.Wrong, cancellationToken: Token);

        var data = await Store.LoadAsync(new RunDataSpec { RubricStates = [RubricItemState.Proposed, RubricItemState.Rejected] }, 0, 0, Token);

        Assert.Equal(1, Assert.Single(Assert.Single(data.Train).Items).Order);
    }

    [Fact]
    public async Task Load_SandboxAndReal_AreNeverMixed()
    {
        var sandbox = await database.AddGoalAsync();
        var real = await database.AddGoalAsync(sandbox: false);

        Assert.Equal(sandbox.Id.ToString(), Assert.Single((await Store.LoadAsync(new RunDataSpec(), 0, 0, Token)).Train).Id);
        Assert.Equal(real.Id.ToString(), Assert.Single((await Store.LoadAsync(new RunDataSpec { Sandbox = false }, 0, 0, Token)).Train).Id);
    }

    [Fact]
    public async Task Load_DomainsNamed_RestrictTrainingOnly()
    {
        await database.AddGoalAsync(domain: "ml");
        await database.AddGoalAsync(domain: "medicine");
        await database.AddGoalAsync(domain: "medicine", split: GoalSplit.Test);

        var data = await Store.LoadAsync(new RunDataSpec { Domains = ["ml"] }, 0, 5, Token);

        Assert.Equal(["ml"], data.Train.Select(goal => goal.Domain));
        Assert.Equal(["medicine"], data.Test.Select(goal => goal.Domain));
        Assert.Equal(["medicine", "ml"], await Store.DomainsAsync(sandbox: true, Token));
    }

    [Fact]
    public async Task Load_EvaluationGoals_AreBalancedStableAndNested()
    {
        await database.AddGoalAsync();
        foreach (var (domain, count) in new[] { ("ml", 12), ("medicine", 6), ("physics", 2) })
        {
            for (var i = 0; i < count; i++)
            {
                await database.AddGoalAsync(items: 1, domain, GoalSplit.Test, string.Create(CultureInfo.InvariantCulture, $"{domain}-{i:D2}"));
            }
        }

        var few = (await Store.LoadAsync(new RunDataSpec(), 0, 9, Token)).Test;
        var again = (await Store.LoadAsync(new RunDataSpec(), 0, 9, Token)).Test;
        var more = (await Store.LoadAsync(new RunDataSpec(), 0, 14, Token)).Test;
        var all = (await Store.LoadAsync(new RunDataSpec(), 0, 500, Token)).Test;

        Assert.Equal([("medicine", 4), ("ml", 3), ("physics", 2)], few.CountBy(goal => goal.Domain).Select(pair => (pair.Key, pair.Value)));
        Assert.Equal(few.Select(goal => goal.Id), again.Select(goal => goal.Id));
        Assert.Subset(more.Select(goal => goal.Id).ToHashSet(), few.Select(goal => goal.Id).ToHashSet());
        Assert.Equal(20, all.Count);
        Assert.Equal(few.Select(goal => goal.ExternalKey).Order(StringComparer.Ordinal), few.Select(goal => goal.ExternalKey));
        Assert.NotEqual(["ml-00", "ml-01", "ml-02"], few.Where(goal => goal.Domain == "ml").Select(goal => goal.ExternalKey));
    }

    [Fact]
    public async Task Load_GoalWithoutCountableItems_IsLeftOutAndCounted()
    {
        await database.AddGoalAsync();
        await database.AddGoalAsync(items: 0);
        var goal = await database.AddGoalAsync(items: 1);
        await Review.DecideAsync(goal.Items[0].Id, "ada", ReviewAction.Reject, RejectionReason.Wrong, cancellationToken: Token);

        var data = await Store.LoadAsync(new RunDataSpec(), 0, 0, Token);

        Assert.Single(data.Train);
        Assert.Equal(2, data.LeftOut);
    }

    [Fact]
    public async Task Load_NothingLeft_NamesThePartAndTheRemedy()
    {
        var empty = await Assert.ThrowsAsync<InvalidDataException>(() => Store.LoadAsync(new RunDataSpec(), 0, 0, Token));
        await database.AddGoalAsync();
        var unreviewed = await Assert.ThrowsAsync<InvalidDataException>(() => Store.LoadAsync(new RunDataSpec { RubricStates = [RubricItemState.Approved] }, 0, 0, Token));
        var domain = await Assert.ThrowsAsync<InvalidDataException>(() => Store.LoadAsync(new RunDataSpec { Domains = ["law"] }, 0, 0, Token));
        var test = await Assert.ThrowsAsync<InvalidDataException>(() => Store.LoadAsync(new RunDataSpec(), 0, 5, Token));
        var real = await Assert.ThrowsAsync<InvalidDataException>(() => Store.LoadAsync(new RunDataSpec { Sandbox = false }, 0, 0, Token));

        Assert.Contains("puts the sandbox's goals in", empty.Message, StringComparison.Ordinal);
        Assert.Contains("1 are there, but none has a rubric item in a state that counts (approved)", unreviewed.Message, StringComparison.Ordinal);
        Assert.Contains("in the domains law", domain.Message, StringComparison.Ordinal);
        Assert.Contains("split test", test.Message, StringComparison.Ordinal);
        Assert.Contains("Import papers", real.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reward_OfTheSamePlan_ChangesWhenAnItemIsRejectedAndComesBackWithUndo()
    {
        var goal = await database.AddGoalAsync(items: 4);
        var verdicts = goal.Items.ToDictionary(item => item.Id.ToString(), item => (bool?)(item.Order != 3)); // item 3 unmet
        async Task<double> RewardAsync()
        {
            var rubric = (await Store.LoadAsync(new RunDataSpec(), 0, 0, Token)).Train.Single();
            return Reward.Of([.. rubric.Items.Select(item => verdicts[item.Id] is { } met ? ItemOutcome.Of(met) : (ItemOutcome?)null)], new PlanForm(Finished: true), new RewardSpec())!.Total;
        }

        var before = await RewardAsync();
        await Review.DecideAsync(goal.Items[3].Id, "ada", ReviewAction.Reject, RejectionReason.NotCheckable, cancellationToken: Token);
        var without = await RewardAsync();
        await Review.UndoAsync("ada", Token);

        Assert.Equal((0.75, 1.0, 0.75), (before, without, await RewardAsync()));
    }

    [Fact]
    public async Task Reward_OfTheSamePlan_FollowsTheWeightThatAReviewerSets()
    {
        var goal = await database.AddGoalAsync(items: 3);
        async Task<double> RewardAsync()
        {
            var rubric = (await Store.LoadAsync(new RunDataSpec(), 0, 0, Token)).Train.Single();
            return Reward.Of([.. rubric.Items.Select(item => (ItemOutcome?)(ItemOutcome.Of(item.Order == 0) with { Weight = item.Weight }))], new PlanForm(Finished: true), new RewardSpec())!.Total;
        }

        var before = await RewardAsync();
        await Review.WeighAsync(goal.Items[0].Id, "ada", 4, cancellationToken: Token);
        var heavy = await RewardAsync();
        await Review.UndoAsync("ada", Token);

        Assert.Equal((1 / 3.0, 4 / 6.0, 1 / 3.0), (before, heavy, await RewardAsync()));
    }

    [Fact]
    public async Task Fingerprint_ChangesWithEveryDecisionAndOnlyThen()
    {
        var goal = await database.AddGoalAsync();
        async Task<string> FingerprintAsync() => RubricFingerprint.Of(await Store.LoadAsync(new RunDataSpec(), 0, 0, Token));

        var start = await FingerprintAsync();
        Assert.Equal(start, await FingerprintAsync());
        await Review.DecideAsync(goal.Items[0].Id, "ada", ReviewAction.Edit, newText: "new", cancellationToken: Token);
        var edited = await FingerprintAsync();
        await Review.UndoAsync("ada", Token);

        Assert.Equal(64, start.Length);
        Assert.NotEqual(start, edited);
        Assert.NotEqual(start, await FingerprintAsync()); // the wording is back, the version is not
    }
}
