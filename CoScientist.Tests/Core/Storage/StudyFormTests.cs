using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Tests.Core.Storage;

/// <summary>Studies with overlap, a full form, invitations and an audit trail.</summary>
[Trait("Database", "any")]
public sealed class StudyFormTests : IAsyncLifetime
{
    private static readonly StudyForm Full = new() { Strength = true, Scores = true, Criteria = true, Items = true, ReasonRequired = true };

    private TestDatabase database = null!;
    private StudyStore store = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        store = database.Store<StudyStore>();
        await using var db = database.NewContext();
        for (var i = 0; i < 6; i++)
        {
            var goal = new Goal { Id = database.NewId<GoalId>(), Domain = "ml", Text = $"Goal {i}", Origin = "dataset", CreatedAt = database.Time.GetUtcNow() };
            goal.Items.AddRange(Enumerable.Range(0, 3).Select(n => new RubricItem { Id = database.NewId<RubricItemId>(), GoalId = goal.Id, Order = n, Text = $"item {n}", ProposedText = $"item {n}", State = n == 2 ? RubricItemState.Rejected : RubricItemState.Approved }));
            db.Add(goal);
            db.AddRange(new[] { "tuned", "starter" }.Select(writer => new Plan { Id = database.NewId<PlanId>(), GoalId = goal.Id, Writer = writer, Text = "We plan.", CreatedAt = database.Time.GetUtcNow() }));
        }

        await db.SaveChangesAsync(Token);
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task NextAsync_TwentyExpertsAtOnce_FillTheOverlapExactlyWithBalancedSides()
    {
        var study = await CreateAsync(new StudyForm(), overlap: 3);

        await Task.WhenAll(Enumerable.Range(0, 20).Select(expert => Task.Run(
            async () =>
            {
                while (await store.NextAsync(study, $"expert {expert}", Token) is { } pair)
                {
                    await store.AnswerAsync(pair.Assignment, $"expert {expert}", PreferenceChoice.A, null, 1, Token);
                }
            },
            Token)));

        await using var db = database.NewContext();
        var perGoal = await db.Preferences.Join(db.Assignments, p => p.AssignmentId, a => a.Id, (_, a) => a).GroupBy(a => a.ComparisonId).Select(g => new { Answers = g.Count(), Left = g.Count(a => a.Arm1IsLeft) }).ToListAsync(Token);
        Assert.Equal(6, perGoal.Count);
        Assert.All(perGoal, goal => Assert.Equal(3, goal.Answers));
        Assert.All(perGoal, goal => Assert.InRange(goal.Left, 1, 2));
    }

    /// <summary>What a server keeps in memory is never older than the database: two of them hand out one study as one would.</summary>
    [Fact]
    public async Task NextAsync_TwoServersOverOneDatabase_FillTheOverlapExactlyWithBalancedSides()
    {
        using var other = new StudyStore(database.Factory, database.Time);
        var study = await CreateAsync(new StudyForm(), overlap: 2);
        var given = new List<PreferenceChoice>();
        for (var round = 0; round < 6; round++)
        {
            foreach (var (server, expert) in new[] { (store, "ann"), (other, "ben"), (store, "cay"), (other, "ann") })
            {
                if (await server.NextAsync(study, expert, Token) is { } pair)
                {
                    var (_, next) = await server.AnswerAndGoOnAsync(pair.Assignment, expert, PreferenceChoice.A, null, 1, Token);
                    given.Add(PreferenceChoice.A);
                    Assert.Equal(next.Study!.Answered, (await (server == store ? other : store).ForExpertAsync(study, expert, Token))!.Answered);
                    Assert.NotEqual(pair.Assignment, next.Pair?.Assignment);
                }
            }
        }

        // Taken back by one server, seen by the other.
        await other.UndoAsync(study, "ann", Token);
        Assert.NotNull((await store.ShowAsync(study, "ann", Token)).Pair!.TakenBack);

        await using var db = database.NewContext();
        var perGoal = await db.Preferences.Join(db.Assignments, p => p.AssignmentId, a => a.Id, (_, a) => a).GroupBy(a => a.ComparisonId).Select(g => new { Answers = g.Count(), Left = g.Count(a => a.Arm1IsLeft) }).ToListAsync(Token);
        Assert.Equal((6, 12), (perGoal.Count, given.Count));
        Assert.All(perGoal, goal => Assert.Equal((2, 1), (goal.Answers, goal.Left)));
    }

    [Fact]
    public async Task RemindAsync_PairsLeft_IsToldUntilTheNextAnswer()
    {
        var study = await CreateAsync(new StudyForm(), goals: 3);
        var pair = (await store.NextAsync(study, "ann", Token))!;
        await store.AnswerAsync(pair.Assignment, "ann", PreferenceChoice.A, null, 1, Token);
        Assert.Equal([("ann", 1, 2)], (await store.ExpertsAsync(study, Token)).Select(e => (e.Name, e.Answered, e.Left)));
        Assert.False((await store.ForExpertAsync("ann", Token)).Single().IsReminded);

        await store.RemindAsync(study, "olga", Token);

        Assert.True((await store.ForExpertAsync("ann", Token)).Single().IsReminded);
        Assert.Contains((await store.SetupAsync(study, Token))!.Trail, entry => entry.By == "olga" && entry.What.StartsWith("reminded", StringComparison.Ordinal));
        await store.AnswerAsync((await store.NextAsync(study, "ann", Token))!.Assignment, "ann", PreferenceChoice.B, null, 1, Token);
        Assert.False((await store.ForExpertAsync("ann", Token)).Single().IsReminded);
        await store.SetStateAsync(study, StudyState.Closed, Token);
        await Assert.ThrowsAsync<StudyException>(() => store.RemindAsync(study, "olga", Token));
    }

    [Fact]
    public async Task NextAsync_ExpiredReservation_GoesToTheNextAndTheLateAnswerStillCounts()
    {
        var study = await CreateAsync(new StudyForm(), goals: 1, overlap: 1);
        var late = (await store.NextAsync(study, "ann", Token))!;
        Assert.Null(await store.NextAsync(study, "ben", Token));
        Assert.True((await store.ForExpertAsync(study, "ben", Token))!.MayComeFree);

        database.Time.Advance(TimeSpan.FromMinutes(61));
        var next = (await store.NextAsync(study, "ben", Token))!;
        await store.AnswerAsync(next.Assignment, "ben", PreferenceChoice.B, null, 1, Token);
        await store.AnswerAsync(late.Assignment, "ann", PreferenceChoice.A, null, 1, Token);

        Assert.Equal(2, (await store.ResultsAsync(study, Token)).Answers);
    }

    [Fact]
    public async Task SaveFieldAsync_EveryField_ComesBackAfterRestartAndIsSubmittedWhole()
    {
        var study = await CreateAsync(Full);
        var pair = (await store.NextAsync(study, "ann", Token))!;
        var draft = await store.DraftAsync(pair.Assignment, "ann", Token);
        Assert.Equal(["item 0", "item 1"], draft.Items.Select(i => i.Text));

        // Items wait for the preference.
        await Assert.ThrowsAsync<StudyException>(() => SaveAsync(AnswerField.Of(draft.Items[0].Id, "A"), "Met"));
        var incomplete = await Assert.ThrowsAsync<StudyException>(() => store.SubmitAsync(pair.Assignment, "ann", 5, Token));
        Assert.Contains("which plan is better", incomplete.Message, StringComparison.Ordinal);
        await SaveAsync(AnswerField.Choice, "B");
        await SaveAsync(AnswerField.Choice, "A");
        await SaveAsync(AnswerField.Strength, "3");
        await SaveAsync(AnswerField.ScoreA, "9");
        await SaveAsync(AnswerField.ScoreB, "10");
        foreach (var criterion in Enum.GetValues<Criterion>())
        {
            await SaveAsync(AnswerField.Of(criterion), "Tie");
        }

        var missing = await Assert.ThrowsAsync<StudyException>(() => store.SubmitAsync(pair.Assignment, "ann", 5, Token));
        Assert.Contains("the marks of 2 rubric items, a reason", missing.Message, StringComparison.Ordinal);
        foreach (var item in draft.Items)
        {
            await SaveAsync(AnswerField.Of(item.Id, "A"), "Met");
            await SaveAsync(AnswerField.Of(item.Id, "B"), "Partly");
            await SaveAsync(AnswerField.Of(item.Id, "needed"), "no");
        }

        var at = await SaveAsync(AnswerField.Reason, "clear \u0007‏עברית‏ and ∑xᵢ ≥ 0\r\nnext line");

        // Another process sees all of it.
        var restarted = new StudyStore(database.Factory, database.Time);
        var back = await restarted.DraftAsync(pair.Assignment, "ann", Token);
        Assert.Equal((PreferenceChoice.A, "clear ‏עברית‏ and ∑xᵢ ≥ 0\nnext line", at), (back.Choice!.Value, back.Reason, back.SavedAt!.Value));
        Assert.Equal(pair, await restarted.NextAsync(study, "ann", Token));
        await restarted.SubmitAsync(pair.Assignment, "ann", 5, Token);

        await using var db = database.NewContext();
        var stored = await db.Preferences.SingleAsync(Token);
        var details = stored.Details;
        Assert.Equal((3, 9, 10, 5, 2, 1), (details.Strength!.Value, details.ScoreA!.Value, details.ScoreB!.Value, details.Criteria.Count, details.Items.Count, details.RubricVersion!.Value));
        Assert.All(details.Items, item => Assert.Equal((ItemMark.Met, ItemMark.Partly, false), (item.A!.Value, item.B!.Value, item.Needed!.Value)));
        Assert.Equal(2, await db.AnswerEvents.CountAsync(e => e.Field == AnswerField.Choice, Token)); // nothing was overwritten

        Task<DateTimeOffset> SaveAsync(string field, string value) => store.SaveFieldAsync(pair.Assignment, "ann", field, value, Token);
    }

    [Fact]
    public async Task SaveFieldAsync_NotAskedOrNotTheirsOrTooLong_IsRefusedAndStoresNothing()
    {
        var study = await CreateAsync(new StudyForm { Scores = true });
        var pair = (await store.NextAsync(study, "ann", Token))!;

        foreach (var (field, value) in new[] { ("strength", "2"), ("scoreA", "11"), ("scoreA", "0"), ("choice", "Arm1"), ("choice", "0"), ("undo", ""), ("skip", "x"), ("criterion:GoalAlignment", "A"), ("item:x:A", "Met"), ("reason", new string('x', 1_000_000)) })
        {
            await Assert.ThrowsAsync<StudyException>(() => store.SaveFieldAsync(pair.Assignment, "ann", field, value, Token));
        }

        await Assert.ThrowsAsync<StudyException>(() => store.SaveFieldAsync(pair.Assignment, "ben", AnswerField.ScoreA, "3", Token));
        await Assert.ThrowsAsync<StudyException>(() => store.DraftAsync(pair.Assignment, "ben", Token));
        await using var db = database.NewContext();
        Assert.Empty(await db.AnswerEvents.ToListAsync(Token));
    }

    [Fact]
    public async Task SkipAsync_WithReason_IsPassedOverUntilTakenBack()
    {
        var study = await CreateAsync(new StudyForm(), goals: 2);
        var first = (await store.NextAsync(study, "ann", Token))!;
        await Assert.ThrowsAsync<StudyException>(() => store.SkipAsync(first.Assignment, "ann", " ", Token));

        await store.SkipAsync(first.Assignment, "ann", "not my field", Token);

        Assert.NotEqual(first.Assignment, (await store.NextAsync(study, "ann", Token))!.Assignment);
        Assert.True(await store.UndoAsync(study, "ann", Token));
        Assert.Equal(first.Assignment, (await store.NextAsync(study, "ann", Token))!.Assignment);
    }

    [Fact]
    public async Task SetStateAsync_PauseCloseLock_TakeWhatTheyShould()
    {
        var study = await CreateAsync(new StudyForm { Scores = true });
        var pair = (await store.NextAsync(study, "ann", Token))!;
        await store.SetStateAsync(study, StudyState.Paused, Token, "org");
        Assert.Null(await store.NextAsync(study, "ben", Token));
        await store.SaveFieldAsync(pair.Assignment, "ann", AnswerField.Choice, "A", Token);
        await Assert.ThrowsAsync<StudyException>(() => store.SubmitAsync(pair.Assignment, "ann", 0, Token));
        await Assert.ThrowsAsync<StudyException>(() => store.SetStateAsync(study, StudyState.Locked, Token, "org"));

        await store.SetStateAsync(study, StudyState.Closed, Token, "org");
        await Assert.ThrowsAsync<StudyException>(() => store.SaveFieldAsync(pair.Assignment, "ann", AnswerField.Choice, "B", Token));
        await store.SetStateAsync(study, StudyState.Locked, Token, "org");
        await Assert.ThrowsAsync<StudyException>(() => store.SetStateAsync(study, StudyState.Open, Token, "org"));

        var setup = (await store.SetupAsync(study, Token))!;
        Assert.Equal(["locked it", "closed it", "paused it", "made it and opened it"], setup.Trail.Select(entry => entry.What));
    }

    [Fact]
    public async Task Draft_GoldAndPractice_AreSetUpBeforeTheFirstAnswerOnly()
    {
        var study = await store.CreateAsync(Draft(6) with { Practice = 1, Open = false }, Token);
        Assert.Empty(await store.ForExpertAsync("ann", Token));
        Assert.Null(await store.NextAsync(study, "ann", Token));
        var pairs = (await store.SetupAsync(study, Token))!.Pairs;
        await Assert.ThrowsAsync<StudyException>(() => store.SetKindAsync(pairs[1].Pair.Id, ComparisonKind.Gold, null, "org", Token));
        await store.SetKindAsync(pairs[1].Pair.Id, ComparisonKind.Gold, PairOutcome.Arm1, "org", Token);
        await store.SetOverlapAsync(study, 2, "org", Token);
        await store.SetStateAsync(study, StudyState.Open, Token, "org");

        var first = (await store.NextAsync(study, "ann", Token))!;
        Assert.True(first.IsPractice);
        await store.AnswerAsync(first.Assignment, "ann", PreferenceChoice.Tie, null, 0, Token);

        await Assert.ThrowsAsync<StudyException>(() => store.SetOverlapAsync(study, 3, "org", Token));
        await Assert.ThrowsAsync<StudyException>(() => store.SetKindAsync(pairs[2].Pair.Id, ComparisonKind.Practice, null, "org", Token));
    }

    [Fact]
    public async Task InviteAsync_Links_LetInWhomTheyShould()
    {
        var study = await store.CreateAsync(Draft(2) with { InvitedOnly = true }, Token);
        var single = await store.InviteAsync(study, "Ann", 1, TimeSpan.FromDays(7), "org", Token);
        var shared = await store.InviteAsync(study, "the group", null, TimeSpan.FromDays(1), "org", Token);
        Assert.Null(await store.ForExpertAsync(study, "ann", Token));

        Assert.Equal("Study", await store.InvitedToAsync(single, Token));
        Assert.Equal(study, await store.JoinAsync(single, "ann", Token));
        Assert.Equal(study, await store.JoinAsync(single, "ann", Token));
        Assert.NotNull(await store.NextAsync(study, "ann", Token));
        Assert.Contains("has been used", (await Assert.ThrowsAsync<StudyException>(() => store.JoinAsync(single, "ben", Token))).Message, StringComparison.Ordinal);
        await store.JoinAsync(shared, "ben", Token);
        Assert.Contains("not known", (await Assert.ThrowsAsync<StudyException>(() => store.JoinAsync("guess", "cay", Token))).Message, StringComparison.Ordinal);

        database.Time.Advance(TimeSpan.FromDays(2));
        Assert.Contains("expired", (await Assert.ThrowsAsync<StudyException>(() => store.JoinAsync(shared, "cay", Token))).Message, StringComparison.Ordinal);
        var setup = (await store.SetupAsync(study, Token))!;
        Assert.Equal([1, 1], setup.Invitations.Select(i => i.Uses));
        Assert.DoesNotContain(setup.Invitations, i => i.Invitation.TokenHash.Contains(single, StringComparison.Ordinal) || single.Contains(i.Invitation.TokenHash, StringComparison.Ordinal));
        await store.RevokeAsync(setup.Invitations.First(i => i.Invitation.MaxUses is null).Invitation.Id, "org", Token);
        Assert.Contains("called back", (await Assert.ThrowsAsync<StudyException>(() => store.InvitedToAsync(shared, Token))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Migrate_StudyOfTheEarlierSchema_KeepsItsAnswersAndAsksThePreferenceOnly()
    {
        await using var old = TestDatabase.Open(Directory.CreateTempSubdirectory("coscientist-").FullName);
        await using (var db = old.NewContext())
        {
            var before = db.Database.GetMigrations().TakeWhile(id => !id.EndsWith("_StudyForms", StringComparison.Ordinal)).Last();
            await db.GetService<IMigrator>().MigrateAsync(before, Token);
            await db.Database.ExecuteSqlRawAsync(
                """
                PRAGMA foreign_keys=OFF;
                INSERT INTO Studies VALUES ('00000000-0000-0000-0000-000000000001', 'Old', 'tuned', 'starter', '', 'Open', 0, 1);
                INSERT INTO Comparisons VALUES ('00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000003', '00000000-0000-0000-0000-000000000003', '00000000-0000-0000-0000-000000000003', 0);
                INSERT INTO Assignments VALUES ('00000000-0000-0000-0000-000000000004', '00000000-0000-0000-0000-000000000002', 'ann', 1, 1);
                INSERT INTO Preferences VALUES ('00000000-0000-0000-0000-000000000005', '00000000-0000-0000-0000-000000000004', 'A', 'kept', 7, 1, NULL);
                """,
                Token);
            await StorageSetup.MigrateAsync(db, Token);
        }

        await using var now = old.NewContext();
        var study = await now.Studies.Include(s => s.Comparisons).SingleAsync(Token);
        Assert.Equal((null, 60, false, true, ComparisonKind.Counts), (study.Overlap, study.ReservationMinutes, study.InvitedOnly, study.Form.IsQuick, study.Comparisons.Single().Kind));
        Assert.Equal(("kept", 7, 0), ((await now.Preferences.SingleAsync(Token)).Reason, (await now.Preferences.SingleAsync(Token)).ActiveMilliseconds, (await now.Preferences.SingleAsync(Token)).Details.Items.Count));
    }

    private static StudyDraft Draft(int goals) => new() { Name = "Study", Arm1 = "tuned", Arm2 = "starter", IsSandbox = false, Goals = goals };

    private Task<StudyId> CreateAsync(StudyForm form, int goals = 6, int? overlap = null) => store.CreateAsync(Draft(goals) with { Form = form, Overlap = overlap }, Token);
}
