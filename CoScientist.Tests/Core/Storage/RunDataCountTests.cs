using CoScientist.Core.Goals;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;

namespace CoScientist.Tests.Core.Storage;

[Trait("Database", "any")]
public sealed class RunDataCountTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Count_DomainsSplitsAndStates_AgreesWithWhatARunWouldRead()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using (var db = database.NewContext())
        {
            foreach (var (domain, split, state) in from domain in (string[])["ml", "law"] from split in Enum.GetValues<GoalSplit>() from state in Enum.GetValues<RubricItemState>() select (domain, split, state))
            {
                var id = database.NewId<GoalId>();
                db.Goals.Add(new Goal
                {
                    Id = id,
                    Domain = domain,
                    Text = $"{domain} {split} {state}",
                    Split = split,
                    Origin = "test",
                    CreatedAt = database.Time.GetUtcNow(),
                    Items = [new RubricItem { Id = database.NewId<RubricItemId>(), GoalId = id, Order = 0, Text = "x", ProposedText = "x", State = state }],
                });
            }

            await db.SaveChangesAsync(Cancellation);
        }

        var store = database.Store<RunDataStore>();
        var spec = new RunDataSpec { Sandbox = false, Domains = ["ml"], RubricStates = [RubricItemState.Approved, RubricItemState.Edited] };

        var counts = await store.CountAsync(spec, Cancellation);
        var data = await store.LoadAsync(spec, 100, 100, Cancellation);

        Assert.Equal([new DomainCount("law", false, 2, 2, 2), new DomainCount("ml", true, 2, 2, 2)], counts.Domains);
        Assert.Equal((data.Train.Count, data.Validation.Count, data.Test.Count), (2, counts.Domains.Sum(row => row.Validation), counts.Domains.Sum(row => row.Test)));
        Assert.All(Enum.GetValues<RubricItemState>(), state => Assert.Equal(1, counts.Items[state]));
        Assert.Equal([3, 3], (await store.CountAsync(new RunDataSpec { Sandbox = false }, Cancellation)).Domains.Select(row => row.Train));
    }
}
