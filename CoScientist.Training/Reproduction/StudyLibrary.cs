using CoScientist.Core.Goals;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Training.Sandbox;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Training.Reproduction;

/// <summary>
/// A library of its own for each arm of the review study: the sandbox's goals, their training rubrics spoiled, and a simulated
/// reviewer's decisions on them, taken one by one through the same store as a person's. Whatever was interrupted goes on.
/// </summary>
/// <param name="file">The database.</param>
/// <param name="time">The clock.</param>
internal sealed class StudyLibrary(string file, TimeProvider time) : IDbContextFactory<CoScientistDb>, IAsyncDisposable
{
    private readonly DbContextOptions<CoScientistDb> options = Options(file);

    /// <inheritdoc/>
    public CoScientistDb CreateDbContext() => new(options);

    /// <summary>Creates the database where there is none and puts the sandbox's library in.</summary>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await using var db = CreateDbContext();
        await StorageSetup.MigrateAsync(db, cancellationToken);
        await SandboxLibrary.EnsureAsync(this, time, cancellationToken);
    }

    /// <summary>Spoils the training rubrics of a domain, all at once.</summary>
    /// <returns>The items of the domain, and which of them are spoiled.</returns>
    public async Task<(IReadOnlyList<RubricItemId> Items, IReadOnlyList<SpoiledItem> Spoiled)> SpoilAsync(string domain, double share, long seed, CancellationToken cancellationToken)
    {
        await using var db = CreateDbContext();
        var goals = await db.Goals
            .Where(goal => goal.IsSandbox && goal.Split == GoalSplit.Train && goal.Domain == domain)
            .Include(goal => goal.Items)
            .ToListAsync(cancellationToken);
        var spoiled = new RubricSpoiler(seed).Spoil(goals, share);
        var texts = spoiled.ToDictionary(item => item.Item, item => item.Text);
        foreach (var item in goals.SelectMany(goal => goal.Items).Where(item => texts.ContainsKey(item.Id)))
        {
            var entry = db.Entry(item);
            entry.Property(spoilt => spoilt.Text).CurrentValue = texts[item.Id];
            entry.Property(spoilt => spoilt.ProposedText).CurrentValue = texts[item.Id];
        }

        await db.SaveChangesAsync(cancellationToken);
        return ([.. goals.SelectMany(goal => goal.Items).Select(item => item.Id)], spoiled);
    }

    /// <summary>Takes the decisions that have not been taken yet.</summary>
    public async Task ReviewAsync(IReadOnlyList<SimulatedDecision> decisions, CancellationToken cancellationToken)
    {
        HashSet<RubricItemId> open;
        await using (var db = CreateDbContext())
        {
            open = [.. await db.RubricItems.Where(item => item.State == RubricItemState.Proposed).Select(item => item.Id).ToListAsync(cancellationToken)];
        }

        var store = new ReviewStore(this, time);
        foreach (var decision in decisions.Where(decision => open.Contains(decision.Item)))
        {
            var action = decision.Reason is null ? ReviewAction.Approve : ReviewAction.Reject;
            await store.DecideAsync(decision.Item, SimulatedReviewer.ReviewerId, action, decision.Reason, cancellationToken: cancellationToken);
        }
    }

    /// <summary>Goals and items as they stand.</summary>
    public Task<RunData> LoadAsync(RunDataSpec spec, int validationGoals, int testGoals, CancellationToken cancellationToken) =>
        new RunDataStore(this).LoadAsync(spec, validationGoals, testGoals, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await using var db = CreateDbContext();
        SqliteConnection.ClearPool((SqliteConnection)db.Database.GetDbConnection());
    }

    private static DbContextOptions<CoScientistDb> Options(string file)
    {
        var builder = new DbContextOptionsBuilder<CoScientistDb>();
        builder.UseDatabaseFile(file);
        return builder.Options;
    }
}
