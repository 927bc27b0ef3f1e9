using CoScientist.Core.Goals;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.ViewModels;

/// <summary>What waits for the person who looks, in numbers. Sandbox and real data are counted apart.</summary>
public sealed record Waiting
{
    /// <summary>Real rubric items that nobody has decided on.</summary>
    public int ProposedItems { get; init; }

    /// <summary>The sandbox's undecided items.</summary>
    public int ProposedSandboxItems { get; init; }

    /// <summary>Pairs of open studies that are free for the person and not answered.</summary>
    public int OpenComparisons { get; init; }

    /// <summary>Real papers in the library.</summary>
    public int Papers { get; init; }

    /// <summary>Real papers without a goal.</summary>
    public int PapersWithoutGoals { get; init; }

    /// <summary>Runs at work or waiting for the worker.</summary>
    public int ActiveRuns { get; init; }

    /// <summary>Runs that stopped before their end and can go on.</summary>
    public int StoppedRuns { get; init; }

    /// <summary>Runs that did all their steps.</summary>
    public int FinishedRuns { get; init; }

    /// <summary>Studies that take answers.</summary>
    public int OpenStudies { get; init; }

    /// <summary>People with an account.</summary>
    public int Accounts { get; init; }
}

/// <summary>Counts what waits.</summary>
public sealed class HomeStore(IDbContextFactory<CoScientistDb> databases, StudyStore studies)
{
    /// <summary>Everything the start page tells the account.</summary>
    public async Task<Waiting> CountAsync(string accountId, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var proposed = db.RubricItems.Where(item => item.State == RubricItemState.Proposed);
        var open = db.Studies.Where(study => study.State == StudyState.Open);
        return new Waiting
        {
            ProposedItems = await proposed.CountAsync(item => db.Goals.Any(goal => goal.Id == item.GoalId && !goal.IsSandbox), cancellationToken),
            ProposedSandboxItems = await proposed.CountAsync(item => db.Goals.Any(goal => goal.Id == item.GoalId && goal.IsSandbox), cancellationToken),
            OpenComparisons = (await studies.ForExpertAsync(accountId, cancellationToken)).Where(study => study.State == StudyState.Open).Sum(study => study.Left),
            Papers = await db.Papers.CountAsync(paper => !paper.IsSandbox && paper.NewestVersion == null, cancellationToken),
            PapersWithoutGoals = await db.Papers.CountAsync(paper => !paper.IsSandbox && paper.NewestVersion == null && !db.Goals.Any(goal => goal.PaperId == paper.Id), cancellationToken),
            ActiveRuns = await db.Runs.CountAsync(run => run.State == RunState.Pending || run.State == RunState.Running, cancellationToken),
            StoppedRuns = await db.Runs.CountAsync(run => run.State == RunState.Paused || run.State == RunState.Interrupted || run.State == RunState.Failed, cancellationToken),
            FinishedRuns = await db.Runs.CountAsync(run => run.State == RunState.Finished, cancellationToken),
            OpenStudies = await open.CountAsync(cancellationToken),
            Accounts = await db.Users.CountAsync(cancellationToken),
        };
    }
}
