using System.Globalization;
using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.Storage.Postgres;
using CoScientist.Core.Studies;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;
using Microsoft.AspNetCore.Builder;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Load;

/// <summary>What the database kept of the answers that experts saw taken.</summary>
/// <param name="Stored">Answers in the database.</param>
/// <param name="Lost">Answers seen taken that are not there, or there with another choice.</param>
/// <param name="Doubled">Answers beyond the first of an expert to a pair.</param>
/// <param name="Unseen">Answers stored that nobody saw taken: a fault lay between.</param>
internal sealed record Kept(int Stored, int Lost, int Doubled, int Unseen);

/// <summary>The data folder of a load, seen from beside the server: filled before, checked after, and the one who resumes runs.</summary>
internal sealed class LoadData : IAsyncDisposable
{
    private readonly WebApplication _app;

    public LoadData(string directory)
    {
        Directory = directory;
        // Never started: only its services are used.
        _app = Application.Build(TestData.Options(directory), "http://127.0.0.1:0");
    }

    /// <summary>The folder.</summary>
    public string Directory { get; }

    private RunStore Runs => _app.Services.GetRequiredService<RunStore>();

    /// <summary>Makes the accounts, the goals, plans of the length that models write, and the study; every expert answers every pair.</summary>
    public async Task<StudyId> SeedAsync(LoadPlan plan, CancellationToken cancellationToken)
    {
        await DataDirectory.PrepareAsync(_app.Services, cancellationToken);
        var accounts = _app.Services.GetRequiredService<AccountStore>();
        for (var expert = 0; expert < plan.Experts; expert++)
        {
            await accounts.CreateAsync(SimulatedExpert.NameOf(expert), ServerFixture.Password, [Roles.Expert], cancellationToken);
        }

        var time = TimeProvider.System;
        await using (var db = await OpenAsync(cancellationToken))
        {
            for (var i = 0; i < plan.Goals; i++)
            {
                var goal = new Goal { Id = TypedId.New<GoalId>(time), Domain = "ml", Text = Text($"Goal {i}", paragraphs: 1), Origin = "dataset", CreatedAt = time.GetUtcNow() };
                db.Add(goal);
                db.AddRange(new[] { "tuned", "starter" }.Select(writer => new Plan { Id = TypedId.New<PlanId>(time), GoalId = goal.Id, Writer = writer, Text = Text($"Plan {i}", paragraphs: 8), CreatedAt = time.GetUtcNow() }));
            }

            await db.SaveChangesAsync(cancellationToken);
        }

        return await _app.Services.GetRequiredService<StudyStore>().CreateAsync(new StudyDraft { Name = "Load", Arm1 = "tuned", Arm2 = "starter", IsSandbox = false, Goals = plan.Goals }, cancellationToken);
    }

    /// <summary>Compares the database with what the experts saw.</summary>
    public async Task<Kept> CheckAsync(IReadOnlyCollection<SeenAnswer> seen, CancellationToken cancellationToken)
    {
        await using var db = await OpenAsync(cancellationToken);
        var stored = await (
            from p in db.Preferences
            join a in db.Assignments on p.AssignmentId equals a.Id
            where p.UndoneAt == null
            select new { Assignment = a.Id, a.ComparisonId, a.ExpertId, p.Choice }).ToListAsync(cancellationToken);
        var choices = stored.ToLookup(s => s.Assignment.ToString(), s => s.Choice, StringComparer.Ordinal);
        return new Kept(
            stored.Count,
            seen.Count(answer => !choices[answer.Assignment].Contains(answer.Choice)),
            stored.Count - stored.DistinctBy(s => (s.ComparisonId, s.ExpertId)).Count(),
            stored.Select(s => s.Assignment.ToString()).Except(seen.Select(answer => answer.Assignment), StringComparer.Ordinal).Count());
    }

    /// <summary>What the database says of itself: "ok".</summary>
    public async Task<string> IntegrityAsync(CancellationToken cancellationToken)
    {
        if (TestPostgres.IsOn)
        {
            return string.Join(' ', (await PostgresServer.LookAsync(TestData.Database(Directory), cancellationToken)).Faults.DefaultIfEmpty("ok"));
        }

        await using var connection = new SqliteConnection($"Data Source={Path.Combine(Directory, "coscientist.db")};Pooling=False");
        await connection.OpenAsync(cancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA integrity_check(3)";
        return (string)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Puts the run that a kill interrupted back into the queue, as its page's button does. True when there was one.</summary>
    public async Task<bool> ResumeRunAsync(CancellationToken cancellationToken)
    {
        await _app.Services.GetRequiredService<RunExecutor>().InterruptOrphansAsync(cancellationToken);
        var interrupted = await Runs.InStateAsync(RunState.Interrupted, cancellationToken);
        foreach (var run in interrupted)
        {
            await Runs.ResumeAsync(run.Id, cancellationToken);
        }

        return interrupted.Count > 0;
    }

    /// <summary>Puts a run of the sandbox into the queue when none waits or works. Servers on a PostgreSQL database hear of it, others look at their start.</summary>
    public async Task KeepTrainingAsync(CancellationToken cancellationToken, params string[] settings)
    {
        var runs = await Runs.ListAsync(cancellationToken);
        if (!runs.Any(run => run.State is RunState.Pending or RunState.Running))
        {
            await _app.Services.GetRequiredService<ModelCatalog>().RegisterBuiltInsAsync(cancellationToken);
            var spec = RunPresets.Apply(RunPresets.Find("sandbox-quick")!.Spec, ["steps=24", "evaluateEvery=1", "validationGoals=6", "testGoals=6", string.Create(CultureInfo.InvariantCulture, $"seed={runs.Count + 1}"), .. settings], "load");
            var run = await _app.Services.GetRequiredService<RunLauncher>().StartAsync(spec, "load", startedBy: null, cancellationToken);
            _app.Services.GetRequiredService<RunEvents>().Changed(run.Id);
        }
    }

    /// <summary>All runs.</summary>
    public Task<IReadOnlyList<Run>> RunsAsync(CancellationToken cancellationToken) => Runs.ListAsync(cancellationToken);

    /// <summary>Where each run stands, for the message of a test that waits too long.</summary>
    public async Task<IEnumerable<string>> StandingAsync() =>
        (await Runs.ListAsync(CancellationToken.None)).Select(run => string.Create(CultureInfo.InvariantCulture, $"run {run.Name}: {run.State} at step {run.Step}, worker {run.Worker}"));

    /// <summary>What is told of runs, newest first.</summary>
    public Task<IReadOnlyList<RunNoticeView>> NoticesAsync(CancellationToken cancellationToken) => _app.Services.GetRequiredService<RunNoticeStore>().NewestAsync("", 20, cancellationToken);

    /// <summary>Waits until no run waits or works; all runs then.</summary>
    public async Task<IReadOnlyList<Run>> EndedRunsAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var runs = await Runs.ListAsync(cancellationToken);
            if (!runs.Any(run => run.State is RunState.Pending or RunState.Running))
            {
                return runs;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(250), cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        SqliteConnection.ClearAllPools();
    }

    private Task<CoScientistDb> OpenAsync(CancellationToken cancellationToken) =>
        _app.Services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(cancellationToken);

    private static string Text(string title, int paragraphs) => $"## {title}\n\n" + string.Join("\n\n", Enumerable.Range(1, paragraphs).Select(i => string.Create(
        CultureInfo.InvariantCulture,
        $"### Step {i}\n\nWe **measure** the effect of the change on held-out data, with {i} seeds and a fixed budget, and compare it with the baseline that the literature names. A smaller pilot decides on the sample size; the analysis is written down before the data are seen.\n\n- what is varied: one setting at a time\n- what is kept: data, budget, evaluation\n- what would show us wrong: no difference after {i} weeks")));
}
