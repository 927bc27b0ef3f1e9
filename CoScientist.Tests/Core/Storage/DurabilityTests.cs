using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Tests.Shared;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Core.Storage;

/// <summary>Ends work on decisions and answers without warning, and looks for what had been reported as saved.</summary>
[Trait("Database", "any")]
public sealed class DurabilityTests
{
    private const int Ends = 10;
    private const int Tasks = 200;

    /// <summary>The kernel keeps what a killed process wrote: database and log as they lie there, without the shared memory.</summary>
    [Fact]
    public async Task FilesLeftBehind_AtTenMoments_HoldEverythingReported()
    {
        await using var database = await TestDatabase.CreateFileAsync();
        var goal = await AddTasksAsync(database);
        var reported = new List<string>();
        var checkedEnds = 0;
        await using var open = database.NewContext();
        await open.Database.OpenConnectionAsync(TestContext.Current.CancellationToken); // closing the last connection would tidy the log away

        await WorkAsync(database, async line =>
        {
            reported.Add(line);
            if (checkedEnds < Ends && reported.Count % 7 == 0) // after a decision and after an answer in turn
            {
                var folder = Directory.CreateTempSubdirectory("coscientist-").FullName;
                File.Copy(database.File, Path.Combine(folder, "coscientist.db"));
                File.Copy(database.File + "-wal", Path.Combine(folder, "coscientist.db-wal"));
                await using var left = TestDatabase.Open(folder);
                Assert.NotEqual(0, new FileInfo(left.File + "-wal").Length);
                await AssertHoldsAsync(left, goal, reported);
                checkedEnds++;
            }
        });

        Assert.Equal(Ends, checkedEnds);
    }

    [Fact]
    public async Task Kill_WhileDecidingAndAnswering_LosesNothingReported()
    {
        var token = TestContext.Current.CancellationToken;
        await using var database = await TestDatabase.CreateFileAsync();
        var goal = await AddTasksAsync(database);
        var reported = new List<string>();
        using var child = ChildProcess.Start(typeof(DurabilityTests), nameof(WorkInAsync), database.Address);
        while (reported.Count < 25)
        {
            reported.Add(await child.StandardOutput.ReadLineAsync(token) ?? throw new InvalidOperationException(await child.StandardError.ReadToEndAsync(token)));
        }

        child.Kill();
        await child.WaitForExitAsync(token);
        reported.AddRange((await child.StandardOutput.ReadToEndAsync(token)).Split('\n')[..^1]); // the last line may be cut off

        await AssertHoldsAsync(database, goal, reported);
    }

    /// <summary>What a server has of a killed process is a connection that goes away: here all of them, at any moment of the work.</summary>
    [Fact]
    public async Task ConnectionsCut_WhileDecidingAndAnswering_LoseNothingReported()
    {
        if (!TestPostgres.IsOn)
        {
            return; // A file has none.
        }

        await using var database = await TestDatabase.CreateAsync();
        var goal = await AddTasksAsync(database);
        var reported = new List<string>();
        for (var cut = 1; cut <= 3; cut++)
        {
            var cutting = Task.CompletedTask;
            var from = reported.Count;
            await Record.ExceptionAsync(() => WorkAsync(database, async line =>
            {
                reported.Add(line);
                if (reported.Count == from + 25)
                {
                    cutting = Task.Run(() => TestPostgres.CutAsync(database.Address), TestContext.Current.CancellationToken);
                }

                if (reported.Count > from + 75)
                {
                    await cutting;
                }
            }));
            await cutting;

            TestPostgres.Forget(database.Address);
            Assert.True(reported.Count >= 25, $"{reported.Count} were reported.");
            await AssertHoldsAsync(database, goal, reported);
        }
    }

    internal static async Task AssertHoldsAsync(TestDatabase database, GoalId goal, List<string> reported)
    {
        var token = TestContext.Current.CancellationToken;
        await using var db = database.NewContext();
        var decided = await db.ReviewDecisions.Select(decision => decision.ItemId).ToListAsync(token);
        var answered = await db.Preferences.Select(preference => preference.Id).ToListAsync(token);
        Assert.Empty(reported.Except([.. decided.Select(id => $"decision {id}"), .. answered.Select(id => $"preference {id}")]));
        Assert.Equal(1 + decided.Count, await db.Goals.Where(row => row.Id == goal).Select(row => row.RubricVersion).SingleAsync(token));
        Assert.Equal(decided.Count, await db.RubricItems.CountAsync(item => item.State == RubricItemState.Approved, token));
        if (db.Database.IsSqlite())
        {
            Assert.Equal("ok", await db.Database.SqlQuery<string>($"SELECT integrity_check AS Value FROM pragma_integrity_check").SingleAsync(token));
        }
    }

    /// <summary>The process that is to be killed.</summary>
    private static Task WorkInAsync(string address) => WorkAsync(TestDatabase.Open(Path.GetTempPath(), address), Console.Out.WriteLineAsync);

    /// <summary>Decides and answers in turn; a report follows each commit.</summary>
    internal static async Task WorkAsync(TestDatabase database, Func<string, Task> report)
    {
        await using var db = database.NewContext();
        var items = await db.RubricItems.Where(item => item.State == RubricItemState.Proposed).OrderBy(item => item.Order).Select(item => item.Id).ToListAsync();
        var assignments = await db.Assignments.Where(row => !db.Preferences.Any(preference => preference.AssignmentId == row.Id)).Select(row => row.Id).ToListAsync();
        foreach (var (item, assignment) in items.Zip(assignments))
        {
            await database.Store<ReviewStore>().DecideAsync(item, "ada", ReviewAction.Approve);
            await report($"decision {item}");
            var preference = new Preference { Id = database.NewId<PreferenceId>(), AssignmentId = assignment, Choice = PreferenceChoice.A, At = database.Time.GetUtcNow() };
            db.Preferences.Add(preference);
            await db.SaveChangesAsync();
            await report($"preference {preference.Id}");
        }
    }

    internal static async Task<GoalId> AddTasksAsync(TestDatabase database)
    {
        var goal = await database.AddGoalAsync(items: Tasks);
        await using var db = database.NewContext();
        var plans = new[] { "base", "best" }.Select(writer => new Plan { Id = database.NewId<PlanId>(), GoalId = goal.Id, Writer = writer, Text = "we test", CreatedAt = database.Time.GetUtcNow() }).ToList();
        var study = new Study { Id = database.NewId<StudyId>(), Name = "test", Arm1 = "best", Arm2 = "base", CreatedAt = database.Time.GetUtcNow() };
        var comparison = new Comparison { Id = database.NewId<ComparisonId>(), StudyId = study.Id, GoalId = goal.Id, Plan1Id = plans[1].Id, Plan2Id = plans[0].Id, Order = 0 };
        db.AddRange(plans);
        db.Add(study);
        db.Add(comparison);
        db.AddRange(Enumerable.Range(0, Tasks).Select(number => new Assignment
        {
            Id = database.NewId<AssignmentId>(),
            ComparisonId = comparison.Id,
            ExpertId = $"expert {number}",
            Arm1IsLeft = true,
            CreatedAt = database.Time.GetUtcNow(),
        }));
        await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        return goal.Id;
    }
}
