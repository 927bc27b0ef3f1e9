using CoScientist.Core.Runs;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <content>Lists that stay short however many runs there are.</content>
public sealed partial class RunStore
{
    /// <summary>A page of runs, newest first.</summary>
    /// <param name="skip">Runs before the page.</param>
    /// <param name="take">Most runs of the page.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The page, and how many runs there are in all.</returns>
    public async Task<(IReadOnlyList<Run> Runs, int Total)> PageAsync(int skip, int take, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var page = await db.Runs.AsNoTracking().OrderByDescending(run => run.Id).Skip(skip).Take(take).ToListAsync(cancellationToken);
        return (page, page.Count < take && skip == 0 ? page.Count : await db.Runs.CountAsync(cancellationToken));
    }

    /// <summary>Number of runs that wait or are at work.</summary>
    public async Task<int> CountActiveAsync(CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Runs.CountAsync(run => run.State == RunState.Pending || run.State == RunState.Running, cancellationToken);
    }
}
