using CoScientist.Core.Extraction.Pipelines;
using CoScientist.Core.Goals;
using CoScientist.Core.Goals.Checks;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>
/// Checks of rubric items. Whatever comes into the library is checked by its wording (<see cref="CheckMissingAsync"/>, which may
/// be stopped and called again); an edit checks the rubric again in its own transaction; judges' words come beside.
/// </summary>
/// <param name="factory">Opens the database.</param>
/// <param name="time">The clock.</param>
public sealed class ItemCheckStore(IDbContextFactory<CoScientistDb> factory, TimeProvider time)
{
    // A commit waits for the disk.
    private const int GoalsOfACommit = 1000;

    // Whoever reads items and stores what was found in them, see Transactions.
    private const string Checks = "item checks";

    /// <summary>How many items have no check by wording yet.</summary>
    /// <param name="sandbox">The sandbox's items or the real ones.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<int> MissingAsync(bool sandbox, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await Unchecked(db).CountAsync(item => db.Goals.Any(goal => goal.Id == item.GoalId && goal.IsSandbox == sandbox), cancellationToken);
    }

    /// <summary>Checks by wording every item that has not been, the sandbox's too, with all of its rubric.</summary>
    /// <param name="cancellationToken">Cancels between batches; what was checked stays.</param>
    /// <returns>Number of items checked.</returns>
    public async Task<int> CheckMissingAsync(CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var goals = await Unchecked(db).Select(item => item.GoalId).Distinct().ToListAsync(cancellationToken);
        return await CheckAsync(db, goals, cancellationToken);
    }

    /// <summary>Checks all of the library by wording, whatever was there.</summary>
    /// <returns>Number of items checked.</returns>
    public async Task<int> CheckAllAsync(CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await CheckAsync(db, await db.Goals.OrderBy(goal => goal.Id).Select(goal => goal.Id).ToListAsync(cancellationToken), cancellationToken);
    }

    /// <summary>What is wrong with the items of a goal; checks them first where that has not been done.</summary>
    public async Task<ILookup<RubricItemId, ItemFinding>> FindingsAsync(GoalId goalId, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        if (await Unchecked(db).AnyAsync(item => item.GoalId == goalId, cancellationToken))
        {
            await CheckAsync(db, [goalId], cancellationToken);
        }

        var findings = await (
            from finding in db.ItemFindings.AsNoTracking()
            join item in db.RubricItems on finding.ItemId equals item.Id
            where item.GoalId == goalId
            orderby finding.Id
            select finding).ToListAsync(cancellationToken);
        return findings.ToLookup(finding => finding.ItemId);
    }

    /// <summary>Real goals whose items the judge has not judged yet, with their items in order; the oldest first.</summary>
    /// <param name="judge">Name of the judge.</param>
    /// <param name="everything">Whether all real goals are meant, or only those that models extracted from papers.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<IReadOnlyList<Goal>> UnjudgedAsync(string judge, bool everything, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Goals.AsNoTracking()
            .Where(goal => !goal.IsSandbox && (everything || (goal.Pipeline != null && goal.Pipeline != ExtractionPipelines.Drafter)) && goal.Items.Any(item => !db.ItemChecks.Any(check => check.ItemId == item.Id && check.Checker == judge)))
            .Include(goal => goal.Items.OrderBy(item => item.Order))
            .OrderBy(goal => goal.Id)
            .ToListAsync(cancellationToken);
    }

    /// <summary>Stores a judge's word on the items of a goal; items that were edited or removed meanwhile are left out.</summary>
    /// <param name="goal">The goal as the judge saw it.</param>
    /// <param name="judge">Name of the judge.</param>
    /// <param name="words">What the judge found, one entry per item in order.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task SaveJudgmentAsync(Goal goal, string judge, IReadOnlyList<IReadOnlyList<FoundFault>> words, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(goal);
        ArgumentNullException.ThrowIfNull(words);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginAloneAsync(Checks, cancellationToken);
        var now = await db.RubricItems.Where(item => item.GoalId == goal.Id).ToDictionaryAsync(item => item.Id, item => item.Text, cancellationToken);
        var same = goal.Items.Zip(words).Where(pair => now.GetValueOrDefault(pair.First.Id) == pair.First.Text).ToList();
        var ids = same.ConvertAll(pair => pair.First.Id);
        await db.ItemChecks.Where(check => check.Checker == judge && ids.Contains(check.ItemId)).ExecuteDeleteAsync(cancellationToken);
        await InsertAsync(db, same.ConvertAll(pair => NewCheck(pair.First.Id, judge, isJudge: true, goalShare: null, pair.Second, time.GetUtcNow())), cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>Checks a rubric again after one of its items got other words, within the caller's transaction; what judges said of the old words is dropped.</summary>
    internal static async Task RecheckAsync(CoScientistDb db, GoalId goalId, RubricItemId changed, DateTimeOffset at, CancellationToken cancellationToken)
    {
        await db.Database.WaitForTurnAsync(Checks, cancellationToken);
        await db.ItemChecks.Where(check => check.ItemId == changed && check.IsJudge).ExecuteDeleteAsync(cancellationToken);
        await CheckAsync(db, [goalId], at, cancellationToken);
    }

    private static IQueryable<RubricItem> Unchecked(CoScientistDb db) =>
        db.RubricItems.Where(item => !db.ItemChecks.Any(check => check.ItemId == item.Id && check.Checker == ItemLint.Name));

    private async Task<int> CheckAsync(CoScientistDb db, List<GoalId> goals, CancellationToken cancellationToken)
    {
        var items = 0;
        foreach (var batch in goals.Chunk(GoalsOfACommit))
        {
            await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
            items += await CheckAsync(db, batch, time.GetUtcNow(), cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }

        return items;
    }

    /// <summary>Checks goals by wording within the caller's transaction, so that nobody changes the items between reading them and storing what was found.</summary>
    internal static async Task<int> CheckAsync(CoScientistDb db, IReadOnlyCollection<GoalId> goals, DateTimeOffset at, CancellationToken cancellationToken)
    {
        await db.Database.WaitForTurnAsync(Checks, cancellationToken);
        var texts = await db.Goals.Where(goal => goals.Contains(goal.Id)).Select(goal => new { goal.Id, goal.Text }).ToListAsync(cancellationToken);
        var items = (await db.RubricItems.Where(item => goals.Contains(item.GoalId)).OrderBy(item => item.Order).Select(item => new { item.Id, item.GoalId, item.Text }).ToListAsync(cancellationToken)).ToLookup(item => item.GoalId);
        var checks = ByWording(texts.Select(goal => (goal.Text, items[goal.Id].Select(item => (item.Id, item.Text)))), at, cancellationToken);

        // Also what an earlier version of the check has said.
        var checkedBefore = db.RubricItems.Where(item => goals.Contains(item.GoalId)).Select(item => item.Id);
        await db.ItemChecks.Where(check => !check.IsJudge && checkedBefore.Contains(check.ItemId)).ExecuteDeleteAsync(cancellationToken);
        await InsertAsync(db, checks, cancellationToken);
        return checks.Count;
    }

    /// <summary>Checks new goals by wording as they come in, within the caller's transaction; their items are there and have no check yet.</summary>
    internal static Task CheckNewAsync(CoScientistDb db, IEnumerable<Goal> goals, DateTimeOffset at, CancellationToken cancellationToken) =>
        InsertAsync(db, ByWording(goals.Select(goal => (goal.Text, goal.Items.Select(item => (item.Id, item.Text)))), at, cancellationToken), cancellationToken);

    private static List<ItemCheck> ByWording(IEnumerable<(string Text, IEnumerable<(RubricItemId Id, string Text)> Items)> goals, DateTimeOffset at, CancellationToken cancellationToken) =>
    [
        .. goals.AsParallel().AsOrdered().WithCancellation(cancellationToken).SelectMany(goal =>
        {
            var items = goal.Items.ToList();
            return items.Zip(ItemLint.Check(goal.Text, items.ConvertAll(item => item.Text)), (item, found) => NewCheck(item.Id, ItemLint.Name, isJudge: false, found.GoalShare, found.Faults, at));
        }),
    ];

    private static async Task InsertAsync(CoScientistDb db, List<ItemCheck> checks, CancellationToken cancellationToken)
    {
        await db.InsertRowsAsync(checks, cancellationToken);
        await db.InsertRowsAsync(checks.SelectMany(check => check.Findings), cancellationToken);
    }

    private static ItemCheck NewCheck(RubricItemId item, string checker, bool isJudge, double? goalShare, IReadOnlyList<FoundFault> faults, DateTimeOffset at) => new()
    {
        ItemId = item,
        Checker = checker,
        IsJudge = isJudge,
        GoalShare = goalShare,
        Leaks = faults.Any(fault => fault.Fault == ItemFault.LeaksFromGoal),
        At = at,
        Findings = [.. faults.Select(fault => new ItemFinding { ItemId = item, Checker = checker, Fault = fault.Fault, Reason = fault.Reason })],
    };
}
