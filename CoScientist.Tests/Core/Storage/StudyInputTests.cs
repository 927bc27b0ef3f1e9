using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Core.Storage;

/// <summary>Studies that cannot be, and texts that people paste.</summary>
[Trait("Database", "any")]
public sealed class StudyInputTests : IAsyncLifetime
{
    private TestDatabase database = null!;
    private StudyStore store = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Three goals: "tuned" and "starter" have plans for the first, "lonely" for the second, nobody for the third.</summary>
    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        store = database.Store<StudyStore>();
        await using var db = database.NewContext();
        foreach (var writers in new string[][] { ["tuned", "starter"], ["lonely"], [] })
        {
            var goal = new Goal { Id = database.NewId<GoalId>(), Domain = "ml", Text = "Goal", Origin = "dataset", CreatedAt = database.Time.GetUtcNow() };
            db.Add(goal);
            db.AddRange(writers.Select(writer => new Plan { Id = database.NewId<PlanId>(), GoalId = goal.Id, Writer = writer, Text = "We plan.", CreatedAt = database.Time.GetUtcNow() }));
        }

        await db.SaveChangesAsync(Token);
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Theory]
    [InlineData("starter", 0, "The number of goals must be from 1 to 1")]
    [InlineData("starter", 2, "The number of goals must be from 1 to 1")]
    [InlineData("lonely", 1, "No research goal has plans of both tuned and lonely: finish a run, import plans, or choose other arms.")]
    [InlineData("nobody", 1, "No research goal has plans of both tuned and nobody: finish a run, import plans, or choose other arms.")]
    public async Task CreateAsync_WithoutGoalsSharedGoalsOrPlans_SaysWhatToDoAndMakesNothing(string arm2, int goals, string message)
    {
        var fault = await Assert.ThrowsAsync<StudyException>(() => store.CreateAsync(Draft(goals) with { Arm2 = arm2 }, Token));

        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
        Assert.Empty(await store.ListAsync(Token));
    }

    [Fact]
    public async Task Reason_OfAMegabyte_IsRefusedWithItsLengthAndTheLastSavedTextStays()
    {
        var study = await store.CreateAsync(Draft(1), Token);
        var pair = (await store.NextAsync(study, "ann", Token))!;
        await store.SaveFieldAsync(pair.Assignment, "ann", AnswerField.Reason, "short", Token);
        var pasted = new string('x', 1 << 20);

        var field = await Assert.ThrowsAsync<StudyException>(() => store.SaveFieldAsync(pair.Assignment, "ann", AnswerField.Reason, pasted, Token));
        var answer = await Assert.ThrowsAsync<StudyException>(() => store.AnswerAsync(pair.Assignment, "ann", PreferenceChoice.A, pasted, 1, Token));

        Assert.All(new[] { field, answer }, fault => Assert.Contains("1048576 characters; 4000 is the most", fault.Message, StringComparison.Ordinal));
        Assert.Equal("short", (await store.DraftAsync(pair.Assignment, "ann", Token)).Reason);
        Assert.Equal(0, (await store.ResultsAsync(study, Token)).Answers);
    }

    [Theory]
    [InlineData("a\u0000b\u0007c\r\nd\te", "abc\nd\te")]
    [InlineData("שלום, עדיף \u200Fהשני", "שלום, עדיף \u200Fהשני")]
    [InlineData("∑ᵢ xᵢ² ≤ 𝔼[‖x‖]", "∑ᵢ xᵢ² ≤ 𝔼[‖x‖]")]
    public async Task Reason_WithControlCharactersRightToLeftOrMathematics_IsKeptAsText(string pasted, string kept)
    {
        var study = await store.CreateAsync(Draft(1), Token);
        var pair = (await store.NextAsync(study, "ann", Token))!;
        await store.SaveFieldAsync(pair.Assignment, "ann", AnswerField.Reason, pasted, Token);
        Assert.Equal(kept, (await store.DraftAsync(pair.Assignment, "ann", Token)).Reason);

        await store.AnswerAsync(pair.Assignment, "ann", PreferenceChoice.A, pasted, 1, Token);

        await using var db = database.NewContext();
        Assert.Equal(kept, (await db.Preferences.SingleAsync(Token)).Reason);
    }

    private static StudyDraft Draft(int goals) => new() { Name = "Study", Arm1 = "tuned", Arm2 = "starter", IsSandbox = false, Goals = goals };
}
