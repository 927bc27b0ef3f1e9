using System.Text.Json;
using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Plans;
using CoScientist.Core.Runs;
using CoScientist.Core.Statistics;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;
using PlanGrading = CoScientist.Core.Grading.Grading;

namespace CoScientist.Tests.Core.Storage;

/// <content>Answers, and what comes of them.</content>
public sealed partial class StudyStoreTests
{
    [Fact]
    public async Task AnswerAsync_Returned_AnswerIsCommitted()
    {
        var id = await CreateAsync(goals: 1);
        var pair = await store.NextAsync(id, "ann", Token);

        var at = await store.AnswerAsync(pair!.Assignment, "ann", PreferenceChoice.A, "  clearer  ", 1234, Token);

        // Another process sees only what is committed.
        var options = new DbContextOptionsBuilder<CoScientistDb>();
        options.UseDatabase(database.Address + (TestPostgres.IsOn ? ";Pooling=false" : ""));
        await using var other = new CoScientistDb(options.Options);
        var stored = await other.Preferences.SingleAsync(Token);
        Assert.Equal((PreferenceChoice.A, "clearer", 1234L, at), (stored.Choice, stored.Reason, stored.ActiveMilliseconds, stored.At));
    }

    [Fact]
    public async Task AnswerAsync_SameAnswerTwice_IsStoredOnceWithItsFirstTime()
    {
        var id = await CreateAsync(goals: 1);
        var pair = await store.NextAsync(id, "ann", Token);

        var first = await store.AnswerAsync(pair!.Assignment, "ann", PreferenceChoice.B, null, 10, Token);
        var second = await store.AnswerAsync(pair.Assignment, "ann", PreferenceChoice.B, " ", 99, Token);

        Assert.Equal(first, second);
        await Assert.ThrowsAsync<StudyException>(() => store.AnswerAsync(pair.Assignment, "ann", PreferenceChoice.A, null, 10, Token));
        await using var db = database.NewContext();
        Assert.Equal(PreferenceChoice.B, (await db.Preferences.SingleAsync(Token)).Choice);
    }

    [Fact]
    public async Task AnswerAsync_NotThisExpertOrTooLong_IsRefusedAndStoresNothing()
    {
        var id = await CreateAsync(goals: 1);
        var pair = await store.NextAsync(id, "ann", Token);

        await Assert.ThrowsAsync<StudyException>(() => store.AnswerAsync(pair!.Assignment, "ben", PreferenceChoice.A, null, 0, Token));
        await Assert.ThrowsAsync<StudyException>(() => store.AnswerAsync(database.NewId<AssignmentId>(), "ann", PreferenceChoice.A, null, 0, Token));
        await Assert.ThrowsAsync<StudyException>(() => store.AnswerAsync(pair!.Assignment, "ann", PreferenceChoice.A, new string('x', StudyStore.MaxReason + 1), 0, Token));
        await using var db = database.NewContext();
        Assert.Empty(await db.Preferences.ToListAsync(Token));
    }

    [Fact]
    public async Task ClosedStudy_AnswersAndUndo_AreRefusedUntilItIsOpenAgain()
    {
        var id = await CreateAsync(goals: 2);
        var first = await store.NextAsync(id, "ann", Token);
        await store.AnswerAsync(first!.Assignment, "ann", PreferenceChoice.A, null, 0, Token);
        var second = await store.NextAsync(id, "ann", Token);
        await store.SetStateAsync(id, StudyState.Closed, Token);

        Assert.Null(await store.NextAsync(id, "ann", Token));
        await Assert.ThrowsAsync<StudyException>(() => store.AnswerAsync(second!.Assignment, "ann", PreferenceChoice.A, null, 0, Token));
        await Assert.ThrowsAsync<StudyException>(() => store.UndoAsync(id, "ann", Token));

        await store.SetStateAsync(id, StudyState.Open, Token);
        Assert.Equal(second, await store.NextAsync(id, "ann", Token));
    }

    [Fact]
    public async Task UndoAsync_LastAnswer_ComesBackWithItsReasonAndKeepsItsTrace()
    {
        var id = await CreateAsync(goals: 3);
        var first = await store.NextAsync(id, "ann", Token);
        await store.AnswerAsync(first!.Assignment, "ann", PreferenceChoice.A, "typo", 5, Token);
        await store.NextAsync(id, "ben", Token);

        Assert.False(await store.UndoAsync(id, "ben", Token));
        Assert.True(await store.UndoAsync(id, "ann", Token));
        Assert.False(await store.UndoAsync(id, "ann", Token));

        var again = await store.NextAsync(id, "ann", Token);
        Assert.Equal((first.Assignment, first.PlanA, PreferenceChoice.A, "typo"), (again!.Assignment, again.PlanA, again.TakenBack, again.TakenBackReason));
        await store.AnswerAsync(again.Assignment, "ann", PreferenceChoice.B, null, 7, Token);
        await using var db = database.NewContext();
        Assert.Equal(2, await db.Preferences.CountAsync(Token));
        Assert.Equal(1, (await store.ForExpertAsync(id, "ann", Token))!.Answered);
    }

    [Fact]
    public async Task ForExpertAsync_TwoExperts_EachSeesOwnProgress()
    {
        var id = await CreateAsync(goals: 3);
        var at = await AnswerAllAsync(id, "ann", _ => PreferenceChoice.Tie, upTo: 2);

        var ann = (await store.ForExpertAsync("ann", Token)).Single();
        Assert.Equal((2, 3, 1, at), (ann.Answered, ann.Total, ann.Left, ann.LastAnswerAt!.Value));
        Assert.Equal((0, null), ((await store.ForExpertAsync(id, "ben", Token))!.Answered, (await store.ForExpertAsync(id, "ben", Token))!.LastAnswerAt));
    }

    /// <summary>Ann always prefers the tuned plan, wherever it stands; graders: self-grade says the same, the oracle the opposite.</summary>
    [Fact]
    public async Task ResultsAsync_ArmOneAlwaysPreferred_WinsWhateverTheSide()
    {
        var id = await CreateAsync(goals: 10);
        await AnswerAllAsync(id, "ann", pair => pair.PlanA.Contains("we never guess", StringComparison.Ordinal) ? PreferenceChoice.A : PreferenceChoice.B);

        var results = await store.ResultsAsync(id, Token);

        Assert.Equal(new WinRate(10, 0, 0), results.Goals);
        Assert.Equal(new Estimate(1, 1, 1), results.WinRate);
        Assert.Equal([(GraderRole.SelfGrade, 1.0), (GraderRole.Oracle, 0.0)], results.Graders.Select(g => (g.Role, g.WinRate.Value)));
        Assert.Equal(0.001953125, results.SignTest, 12);
        Assert.Equal(10, results.Position.Left + results.Position.Right);
        var summary = (await store.ListAsync(Token)).Single();
        Assert.Equal((10, 10, 10, 1), (summary.Pairs, summary.AnsweredPairs, summary.Answers, summary.Experts));
        Assert.Equal(summary, await store.FindAsync("Study", Token));
        Assert.Equal(summary, await store.FindAsync(id.ToString(), Token));
    }

    [Fact]
    public async Task ResultsAsync_UndoneAnswers_DoNotCount()
    {
        var id = await CreateAsync(goals: 2);
        await AnswerAllAsync(id, "ann", _ => PreferenceChoice.BothBad);
        await store.UndoAsync(id, "ann", Token);

        var results = await store.ResultsAsync(id, Token);

        Assert.Equal(1, results.Answers);
        Assert.Equal(new WinRate(0, 0, 0, BothBad: 1), results.Goals);
        Assert.Null(results.WinRate);
    }

    [Fact]
    public async Task ResultsAsync_SecondGradingAfterReview_UsesTheNewestCommonVersion()
    {
        var id = await CreateAsync(goals: 12);
        await AnswerAllAsync(id, "ann", _ => PreferenceChoice.Tie);
        await using (var db = database.NewContext())
        {
            // Version 2 of the rubric was applied to arm 1's plans only: it cannot be compared.
            foreach (var plan in await db.Plans.Where(p => p.Writer == "tuned@40").Select(p => p.Id).ToListAsync(Token))
            {
                db.Gradings.Add(NewGrading(plan, GraderRole.Oracle, 1, version: 2));
            }

            await db.SaveChangesAsync(Token);
        }

        var results = await store.ResultsAsync(id, Token);

        Assert.Equal(0, results.Graders.Single(g => g.Role == GraderRole.Oracle).WinRate.Value);
    }
}
