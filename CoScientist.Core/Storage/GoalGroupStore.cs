using CoScientist.Core.Goals;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>What a look for near-duplicates changed.</summary>
/// <param name="Duplicates">Goals that repeat a goal of another article.</param>
/// <param name="Moved">Goals that changed their part of the data to stand with what they repeat.</param>
public sealed record GroupingResult(int Duplicates, int Moved);

/// <summary>Finds near-duplicate goals in the library and keeps them on one side of the split; see <see cref="GoalGroups"/>.</summary>
/// <param name="factory">Opens the database.</param>
public sealed class GoalGroupStore(IDbContextFactory<CoScientistDb> factory)
{
    /// <summary>Looks at all real goals. Doing it again, or after having been stopped, gives the same.</summary>
    public async Task<GroupingResult> RefreshAsync(CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginAloneAsync(Transactions.Library, cancellationToken);
        var goals = await (
            from goal in db.Goals
            where !goal.IsSandbox
            orderby goal.Id
            select new
            {
                goal.Id,
                goal.Text,
                goal.Split,
                goal.ExternalKey,
                goal.DuplicateOf,
                Article = db.Papers.Where(paper => paper.Id == goal.PaperId).Select(paper => paper.FirstVersionHash ?? paper.ContentHash).FirstOrDefault(),
            }).ToListAsync(cancellationToken);
        var places = GoalGroups.Of([.. goals.Select(goal => new GroupedGoal(goal.Article ?? ArticleOf(goal.ExternalKey) ?? goal.Id.ToString(), goal.Text, goal.Split))], cancellationToken);
        var moved = 0;
        foreach (var (goal, place) in goals.Zip(places))
        {
            GoalId? duplicateOf = place.DuplicateOf is { } index ? goals[index].Id : null;
            double? resemblance = duplicateOf is null ? null : place.Resemblance;
            if (duplicateOf != goal.DuplicateOf || place.Split != goal.Split)
            {
                moved += place.Split != goal.Split ? 1 : 0;
                await db.Goals.Where(row => row.Id == goal.Id).ExecuteUpdateAsync(row => row.SetProperty(g => g.DuplicateOf, duplicateOf).SetProperty(g => g.Resemblance, resemblance).SetProperty(g => g.Split, place.Split), cancellationToken);
            }
        }

        await transaction.CommitAsync(cancellationToken);
        return new GroupingResult(places.Count(place => place.DuplicateOf is not null), moved);
    }

    // "article/question", as imports of datasets write it.
    private static string? ArticleOf(string? externalKey) => externalKey?.LastIndexOf('/') is > 0 and var slash ? externalKey[..slash] : null;
}
