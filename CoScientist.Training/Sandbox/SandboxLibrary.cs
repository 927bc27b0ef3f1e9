using System.Security.Cryptography;
using System.Text;
using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Core.Papers;
using CoScientist.Core.Storage;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Training.Sandbox;

/// <summary>The sandbox's part of the library: always the same papers, goals and rubrics, balanced over domains, labelled as sandbox.</summary>
public static class SandboxLibrary
{
    /// <summary>Seed of the draw; another one would be another library.</summary>
    private const long Seed = 7;

    /// <summary>Number of goals per split: 400 to train on, 160 to pick checkpoints by, 320 to report on.</summary>
    private static readonly IReadOnlyList<(GoalSplit Split, int Count)> Sizes = [(GoalSplit.Train, 400), (GoalSplit.Validation, 160), (GoalSplit.Test, 320)];

    /// <summary>The goals of the library, split after split, domains in turn; no two mean the same.</summary>
    public static IReadOnlyList<SandboxGoal> Goals { get; } = Draw();

    /// <summary>Adds whatever of the library the database lacks, in one transaction; what is there stays as reviewers left it.</summary>
    /// <param name="contexts">The database.</param>
    /// <param name="time">Clock for the time of entry.</param>
    /// <param name="cancellationToken">Cancels; nothing is added then.</param>
    /// <returns>Number of goals added.</returns>
    public static async Task<int> EnsureAsync(IDbContextFactory<CoScientistDb> contexts, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(contexts);
        ArgumentNullException.ThrowIfNull(time);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);

        // Looked at twice: without a lock, because nothing is missing at almost every start; then under the write lock,
        // because a second process may be filling the same database.
        if ((await MissingAsync(db, cancellationToken)).Count == 0)
        {
            return 0;
        }

        await using var transaction = await db.Database.BeginAloneAsync(Transactions.Library, cancellationToken);
        var missing = await MissingAsync(db, cancellationToken);
        var papers = (await db.Papers.Where(paper => paper.IsSandbox).Select(paper => paper.Id).ToListAsync(cancellationToken)).ToHashSet();
        var now = time.GetUtcNow();
        List<(Paper Paper, Goal Goal)> added = [.. missing.Select(specification => Build(specification, now))];
        List<Paper> newPapers = [.. added.Select(pair => pair.Paper).Where(paper => !papers.Contains(paper.Id))];
        await db.InsertRowsAsync(newPapers, cancellationToken);
        await db.InsertRowsAsync(newPapers.SelectMany(paper => paper.Sections), cancellationToken);
        await db.InsertRowsAsync(added.Select(pair => pair.Goal), cancellationToken);
        await db.InsertRowsAsync(added.SelectMany(pair => pair.Goal.Items), cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return missing.Count;
    }

    /// <summary>Paper and goal of a specification, as the library holds them: same specification, same ids and texts.</summary>
    /// <param name="specification">The goal's meaning and wording.</param>
    /// <param name="at">Time of entry.</param>
    public static (Paper Paper, Goal Goal) Build(SandboxGoal specification, DateTimeOffset at)
    {
        ArgumentNullException.ThrowIfNull(specification);
        var world = SandboxWorld.Default;
        var key = specification.ToKey();
        var source = new SandboxPaper(world, specification, at);
        var id = DeriveId<GoalId>("goal", key);
        var goal = new Goal
        {
            Id = id,
            PaperId = source.Paper.Id,
            Domain = specification.DomainName,
            Text = world.GoalText(specification),
            ReferenceSolution = source.Reference,
            Split = specification.Split,
            Origin = "sandbox",
            ExternalKey = key,
            IsSandbox = true,
            CreatedAt = at,
            Items =
            [
                .. world.ItemTexts(specification).Select((text, order) => new RubricItem
                {
                    Id = DeriveId<RubricItemId>($"item {order}", key),
                    GoalId = id,
                    Order = order,
                    Text = text,
                    ProposedText = text,
                    SourceSection = source.Passages[order].SectionOrder,
                    SourceStart = source.Passages[order].Start,
                    SourceLength = source.Passages[order].Length,
                }),
            ],
        };
        return (source.Paper, goal);
    }

    /// <summary>An id that follows from what it stands for (a version 8 UUID, from SHA-256).</summary>
    internal static TId DeriveId<TId>(string kind, string key)
        where TId : struct, ITypedId<TId>
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{kind} {key}"), hash);
        hash[6] = (byte)((hash[6] & 0x0F) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return TId.From(new Guid(hash[..16], bigEndian: true));
    }

    private static async Task<List<SandboxGoal>> MissingAsync(CoScientistDb db, CancellationToken cancellationToken)
    {
        var present = (await db.Goals.Where(goal => goal.IsSandbox).Select(goal => goal.ExternalKey).ToListAsync(cancellationToken)).ToHashSet(StringComparer.Ordinal);
        return [.. Goals.Where(goal => !present.Contains(goal.ToKey()))];
    }

    private static List<SandboxGoal> Draw()
    {
        var goals = new List<SandboxGoal>();
        var random = new SeededRandom(Seed);
        foreach (var (split, count) in Sizes)
        {
            var meanings = new HashSet<SandboxGoal>();
            while (meanings.Count < count)
            {
                var goal = SandboxWorld.Default.SampleGoal(random, split, [SandboxWorld.Domains[meanings.Count % SandboxWorld.Domains.Count]]);
                if (meanings.Add(goal with { WordingSeed = 0 }))
                {
                    goals.Add(goal);
                }
            }
        }

        return goals;
    }
}
