using System.Collections.Concurrent;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Web.Runs;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.Instances;

/// <summary>Brings what runs of other instances tell to the pages of this one: the news says which run, its folder what it measured last.</summary>
internal sealed class RunNews(RunEvents events, RunHistories histories, IDbContextFactory<CoScientistDb> contexts, ILogger<RunNews> logger)
{
    private readonly ConcurrentDictionary<RunId, string> names = new();

    /// <summary>Another instance tells that a run has changed. Returns at once.</summary>
    public void Hear(RunId run) => _ = HearAsync(run);

    /// <summary>Any run may have changed.</summary>
    public void HearAll() => events.HearAll();

    private async Task HearAsync(RunId run)
    {
        try
        {
            if (!names.TryGetValue(run, out var name))
            {
                await using var db = await contexts.CreateDbContextAsync();
                name = await db.Runs.Where(known => known.Id == run).Select(known => known.Name).SingleOrDefaultAsync();
                if (name is null)
                {
                    return;
                }

                names[run] = name;
            }

            events.Hear(run, histories.Newest(name));
        }
#pragma warning disable CA1031 // Pages that do not hear of one change hear of the next.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            logger.LogWarning(fault, "What run {Run} tells in another instance could not be taken in.", run);
        }
    }
}
