using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Claims;
using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;
using Microsoft.AspNetCore.Identity;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace CoScientist.Web.Commands;

/// <summary>What <see cref="AnswerBenchmark"/> measured; statements, commits and processor time are for each answer.</summary>
internal sealed record AnswerBenchmarkResult(
    int Experts, int Goals, int Overlap, double Seconds, int Answers, bool Finished, double AnswersPerSecond, double MedianMilliseconds, double P95Milliseconds, double LongestMilliseconds,
    double ProcessorMilliseconds, double Statements, double Commits, int Doubled, int OverFull, int Unbalanced);

/// <summary>Experts who answer one study at once, over a database of their own in a temporary folder, through what the page of a pair calls.</summary>
internal sealed class AnswerBenchmark
{
    private const int PlanWords = 750;

    /// <summary>Experts at once.</summary>
    public required int Experts { get; init; }

    /// <summary>How long.</summary>
    public required TimeSpan Time { get; init; }

    /// <summary>How long an expert thinks before each answer.</summary>
    public required TimeSpan Think { get; init; }

    /// <summary>Goals of the study.</summary>
    public required int Goals { get; init; }

    /// <summary>Answers wanted for each.</summary>
    public required int Overlap { get; init; }

    /// <summary>Whether every field of the form is filled in, and saved, before an answer.</summary>
    public required bool WholeForm { get; init; }

    /// <summary>Runs it.</summary>
    public async Task<AnswerBenchmarkResult> RunAsync(CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("coscientist-answers-").FullName;
        try
        {
            await using var services = new ServiceCollection().AddLogging().AddCoScientist(new CoScientistOptions { DataDirectory = folder }).BuildServiceProvider();
            await DataDirectory.PrepareAsync(services, cancellationToken);
            return await MeasureAsync(services, cancellationToken);
        }
        finally
        {
            SqliteConnection.ClearAllPools();
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task<AnswerBenchmarkResult> MeasureAsync(ServiceProvider services, CancellationToken cancellationToken)
    {
        var contexts = services.GetRequiredService<IDbContextFactory<CoScientistDb>>();
        var study = await SeedAsync(contexts, services.GetRequiredService<StudyStore>(), cancellationToken);
        var page = new Page(services.GetRequiredService<StudyStore>(), new Sessions(contexts, Options.Create(new IdentityOptions())), study, WholeForm);

        // Everybody opens the page and answers once before anything is measured: what is compiled by then stays so.
        var first = await Task.WhenAll(Enumerable.Range(0, Experts).Select(expert => Task.Run(async () =>
        {
            var pair = await page.OpenAsync(ExpertId(expert), cancellationToken) ?? throw new CommandException($"There are not enough pairs for {Experts} experts: ask for more goals or a larger overlap.");
            await page.FillInAsync(pair, ExpertId(expert), cancellationToken);
            return await page.AnswerAsync(pair, ExpertId(expert), PreferenceChoice.A, cancellationToken);
        }, cancellationToken)));

        var waits = new ConcurrentBag<double>();
        using var counter = new StatementCounter();
        using var subscription = DiagnosticListener.AllListeners.Subscribe(counter);
        var (watch, processor) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
        var finished = await Task.WhenAll(first.Select((pair, expert) => Task.Run(() => AnswerAsync(page, expert, pair, watch, waits, cancellationToken), cancellationToken)));
        var (seconds, used) = (watch.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - processor).TotalMilliseconds);

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var stored = await (
            from p in db.Preferences
            join a in db.Assignments on p.AssignmentId equals a.Id
            where p.UndoneAt == null
            select new { a.ComparisonId, a.ExpertId, a.Arm1IsLeft }).ToListAsync(cancellationToken);
        var sorted = waits.Order().ToList();
        return new AnswerBenchmarkResult(
            Experts, Goals, Overlap, seconds, sorted.Count, finished.All(done => done), sorted.Count / seconds, At(0.5), At(0.95), At(1),
            used / sorted.Count, counter.Statements / (double)sorted.Count, counter.Commits / (double)sorted.Count,
            stored.Count - stored.DistinctBy(a => (a.ComparisonId, a.ExpertId)).Count() + Math.Abs(stored.Count - sorted.Count - Experts),
            stored.GroupBy(a => a.ComparisonId).Count(goal => goal.Count() > Overlap),
            stored.GroupBy(a => a.ComparisonId).Count(goal => goal.Count() == Overlap && Math.Abs(goal.Sum(a => a.Arm1IsLeft ? 1 : -1)) > 1));

        double At(double share) => sorted.Count == 0 ? double.NaN : sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * share))];
    }

    // True when no pair was left.
    private async Task<bool> AnswerAsync(Page page, int expert, BlindPair? pair, Stopwatch watch, ConcurrentBag<double> waits, CancellationToken cancellationToken)
    {
        var pace = new Random(expert);
        await Task.Delay(Think * pace.NextDouble(), cancellationToken);
        for (var answered = 0; pair is not null; answered++)
        {
            await Task.Delay(Think, cancellationToken);
            if (watch.Elapsed > Time)
            {
                return false;
            }

            await page.FillInAsync(pair, ExpertId(expert), cancellationToken);
            var pressed = Stopwatch.GetTimestamp();
            pair = await page.AnswerAsync(pair, ExpertId(expert), (PreferenceChoice)((expert + answered) % 4), cancellationToken);
            waits.Add(Stopwatch.GetElapsedTime(pressed).TotalMilliseconds);
        }

        return true;
    }

    private static string ExpertId(int expert) => $"00000000-0000-0000-0000-{expert:D12}";

    private async Task<StudyId> SeedAsync(IDbContextFactory<CoScientistDb> contexts, StudyStore studies, CancellationToken cancellationToken)
    {
        var time = TimeProvider.System;
        await using (var db = await contexts.CreateDbContextAsync(cancellationToken))
        {
            var role = new IdentityRole(Roles.Expert) { NormalizedName = Roles.Expert.ToUpperInvariant() };
            db.Roles.Add(role);
            for (var expert = 0; expert < Experts; expert++)
            {
                var account = new Account { Id = ExpertId(expert), SecurityStamp = ExpertId(expert), UserName = $"expert{expert}", NormalizedUserName = $"EXPERT{expert}" };
                db.Users.Add(account);
                db.UserRoles.Add(new IdentityUserRole<string> { UserId = account.Id, RoleId = role.Id });
            }

            var text = string.Join(' ', Enumerable.Range(0, PlanWords).Select(word => $"word{word % 97}"));
            for (var i = 0; i < Goals; i++)
            {
                var goal = new Goal { Id = TypedId.New<GoalId>(time), Domain = "ml", Text = $"Find out {i}.", Origin = "dataset", CreatedAt = time.GetUtcNow() };
                goal.Items.AddRange(Enumerable.Range(0, 10).Select(n => new RubricItem { Id = TypedId.New<RubricItemId>(time), GoalId = goal.Id, Order = n, Text = $"says {n}", ProposedText = $"says {n}" }));
                db.Add(goal);
                db.AddRange(new[] { "tuned", "starter" }.Select(writer => new Plan { Id = TypedId.New<PlanId>(time), GoalId = goal.Id, Writer = writer, Text = $"We plan {i}. {text}", CreatedAt = time.GetUtcNow() }));
            }

            await db.SaveChangesAsync(cancellationToken);
        }

        var form = WholeForm ? new StudyForm { Strength = true, Scores = true, Criteria = true } : new StudyForm();
        return await studies.CreateAsync(new StudyDraft { Name = "Answers", Arm1 = "tuned", Arm2 = "starter", IsSandbox = false, Goals = Goals, Overlap = Overlap, Form = form }, cancellationToken);
    }

    /// <summary>What the page of a pair calls for one expert.</summary>
    private sealed class Page(StudyStore studies, Sessions sessions, StudyId study, bool wholeForm)
    {
        private static readonly ClaimsIdentityOptions s_claims = new();

        private static readonly (string Field, string Value)[] s_fields =
        [
            (AnswerField.Choice, nameof(PreferenceChoice.A)), (AnswerField.Strength, "2"), (AnswerField.ScoreA, "7"), (AnswerField.ScoreB, "5"),
            .. Enum.GetValues<Criterion>().Select(criterion => (AnswerField.Of(criterion), nameof(PreferenceChoice.Tie))),
        ];

        public async Task<BlindPair?> OpenAsync(string expert, CancellationToken cancellationToken)
        {
            await RequireAsync(expert, cancellationToken);
            return (await studies.ShowAsync(study, expert, cancellationToken)).Pair;
        }

        public async Task FillInAsync(BlindPair pair, string expert, CancellationToken cancellationToken)
        {
            if (!wholeForm)
            {
                return;
            }

            foreach (var (field, value) in s_fields)
            {
                await RequireAsync(expert, cancellationToken);
                await studies.SaveFieldAsync(pair.Assignment, expert, field, value, cancellationToken);
            }
        }

        public async Task<BlindPair?> AnswerAsync(BlindPair pair, string expert, PreferenceChoice choice, CancellationToken cancellationToken)
        {
            await RequireAsync(expert, cancellationToken);
            var (_, next) = wholeForm
                ? await studies.SubmitAndGoOnAsync(pair.Assignment, expert, 1000, cancellationToken)
                : await studies.AnswerAndGoOnAsync(pair.Assignment, expert, choice, null, 1000, cancellationToken);
            return next.Pair;
        }

        private async Task RequireAsync(string expert, CancellationToken cancellationToken)
        {
            var user = new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, expert), new Claim(s_claims.SecurityStampClaimType, expert)]));
            if (await sessions.CurrentAsync(user, cancellationToken) is not { } now || !now.IsInRole(Roles.Expert))
            {
                throw new CommandException("The expert may not answer.");
            }
        }
    }

    /// <summary>Counts what goes to the database.</summary>
    private sealed class StatementCounter : IObserver<DiagnosticListener>, IObserver<KeyValuePair<string, object?>>, IDisposable
    {
        private readonly List<IDisposable> subscriptions = [];
        private int statements;
        private int commits;

        public int Statements => statements;

        public int Commits => commits;

        public void OnNext(DiagnosticListener value)
        {
            if (value.Name == DbLoggerCategory.Name)
            {
                subscriptions.Add(value.Subscribe(this, static name => name.EndsWith(".CommandExecuted", StringComparison.Ordinal) || name.EndsWith(".TransactionCommitted", StringComparison.Ordinal)));
            }
        }

        public void OnNext(KeyValuePair<string, object?> value)
        {
            if (value.Key.EndsWith(".CommandExecuted", StringComparison.Ordinal))
            {
                Interlocked.Increment(ref statements);
            }
            else if (value.Key.EndsWith(".TransactionCommitted", StringComparison.Ordinal))
            {
                Interlocked.Increment(ref commits);
            }
        }

        public void OnCompleted()
        {
        }

        public void OnError(Exception error)
        {
        }

        public void Dispose() => subscriptions.ForEach(subscription => subscription.Dispose());
    }
}
