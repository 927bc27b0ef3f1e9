using System.Security.Cryptography;
using System.Text;
using CoScientist.Core.Goals;
using CoScientist.Core.Runs;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>Takes from the library what a run trains on and is measured with, as the reviewers left it.</summary>
/// <param name="factory">Opens the database.</param>
public sealed partial class RunDataStore(IDbContextFactory<CoScientistDb> factory)
{
    /// <summary>Domains that goals of the sandbox, or real ones, have; sorted.</summary>
    public async Task<IReadOnlyList<string>> DomainsAsync(bool sandbox, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var domains = await db.Goals.Where(goal => goal.IsSandbox == sandbox).Select(goal => goal.Domain).Distinct().ToListAsync(cancellationToken);
        domains.Sort(StringComparer.Ordinal);
        return domains;
    }

    /// <summary>What a run trains on and is measured with: see the other overload; with the experts' preferences when a part of it learns from them.</summary>
    /// <param name="spec">The run.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="InvalidDataException">A part is empty, or there is no preference to learn from; the message names it and the remedy.</exception>
    public async Task<RunData> LoadAsync(RunSpec spec, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var methods = spec.Parts().Select(part => part.Method).ToHashSet(StringComparer.Ordinal);
        var pairs = methods.Contains(PreferenceMethod) ? await PreferencesAsync(spec.Data, cancellationToken) : null;
        if (pairs?.Fault is { } fault)
        {
            throw new InvalidDataException($"The run has no preferences to learn from: data.studies {fault}.");
        }

        var learned = await LearnedArticlesAsync(spec.Model, cancellationToken);
        learned.UnionWith(pairs?.Articles ?? []);
        var data = await LoadAsync(spec.Data, spec.ValidationGoals, spec.TestGoals, learned, methods.Any(method => method != PreferenceMethod), cancellationToken);
        return pairs is null ? data : data with { Preferences = pairs.Pairs, PreferenceSource = new RunPreferenceSource(pairs.Studies, pairs.Answers, pairs.Undecided) };
    }

    /// <summary>
    /// Goals and items in a fixed order: the same library and the same arguments give the same data. Only items count whose
    /// state the specification names, and never rejected ones; goals without such an item are left out and counted.
    /// Evaluation goals cover all domains evenly; a larger number only adds goals to a smaller one.
    /// </summary>
    /// <param name="spec">Which goals and items.</param>
    /// <param name="validationGoals">Validation goals wanted; fewer are given when the library has fewer.</param>
    /// <param name="testGoals">Test goals wanted; fewer are given when the library has fewer.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="InvalidDataException">A part is empty; the message names it and the remedy.</exception>
    public Task<RunData> LoadAsync(RunDataSpec spec, int validationGoals, int testGoals, CancellationToken cancellationToken) =>
        LoadAsync(spec, validationGoals, testGoals, [], needsTraining: true, cancellationToken);

    private async Task<RunData> LoadAsync(RunDataSpec spec, int validationGoals, int testGoals, HashSet<string> learned, bool needsTraining, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentOutOfRangeException.ThrowIfNegative(validationGoals);
        ArgumentOutOfRangeException.ThrowIfNegative(testGoals);
        var goals = await ReadAsync(spec.Sandbox, cancellationToken);
        var heldBack = goals.Where(goal => goal.Split != GoalSplit.Train && learned.Contains(Article(goal))).Select(goal => goal.Id).ToHashSet();
        var usable = goals
            .Where(goal => !heldBack.Contains(goal.Id))
            .Select(goal => (goal.Split, Goal: ToRunGoal(goal, spec.RubricStates)))
            .Where(pair => pair.Goal.Items.Count > 0)
            .OrderBy(pair => pair.Goal.ExternalKey ?? "", StringComparer.Ordinal).ThenBy(pair => pair.Goal.Id, StringComparer.Ordinal)
            .ToLookup(pair => pair.Split, pair => pair.Goal);
        var data = new RunData(
            [.. usable[GoalSplit.Train].Where(goal => spec.Domains.Count == 0 || spec.Domains.Contains(goal.Domain, StringComparer.Ordinal))],
            Balanced([.. usable[GoalSplit.Validation]], validationGoals),
            Balanced([.. usable[GoalSplit.Test]], testGoals))
        {
            LeftOut = goals.Count - heldBack.Count - usable.Sum(split => split.Count()),
            HeldBack = heldBack.Count,
        };
        if (needsTraining)
        {
            Require(data.Train, "train on", GoalSplit.Train, spec, goals, spec.Domains, heldBack);
        }

        if (validationGoals > 0)
        {
            Require(data.Validation, "pick the checkpoint by", GoalSplit.Validation, spec, goals, [], heldBack);
        }

        if (testGoals > 0)
        {
            Require(data.Test, "report on", GoalSplit.Test, spec, goals, [], heldBack);
        }

        return data;
    }

    /// <summary>All test goals that have an item that counts, in the order in which evaluations take them: a smaller number is part of a larger one, and the domains take turns.</summary>
    /// <param name="sandbox">Those of the sandbox, or the real ones.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<IReadOnlyList<RunGoal>> TestGoalsAsync(bool sandbox, CancellationToken cancellationToken)
    {
        var states = new RunDataSpec().RubricStates;
        var goals = await ReadAsync(sandbox, cancellationToken);
        return InTurn(goals.Where(goal => goal.Split == GoalSplit.Test).Select(goal => ToRunGoal(goal, states)).Where(goal => goal.Items.Count > 0));
    }

    /// <summary>A goal with the items in one of the states; rejected ones never count.</summary>
    internal static RunGoal ToRunGoal(Goal goal, List<RubricItemState> states) => new(
        goal.Id.ToString(),
        goal.Domain,
        goal.Text,
        goal.ExternalKey,
        goal.ReferenceSolution,
        goal.RubricVersion,
        [.. goal.Items
            .Where(item => item.State != RubricItemState.Rejected && states.Contains(item.State))
            .OrderBy(item => item.Order).ThenBy(item => item.Id.Value)
            .Select(item => new RunItem(item.Id.ToString(), item.Order, item.Text, item.Weight))]);

    /// <summary>As many goals as wanted, the domains in turn, in their old order.</summary>
    private static List<RunGoal> Balanced(List<RunGoal> goals, int count)
    {
        var chosen = InTurn(goals).Take(count).Select(goal => goal.Id).ToHashSet(StringComparer.Ordinal);
        return [.. goals.Where(goal => chosen.Contains(goal.Id))];
    }

    /// <summary>One goal of each domain in turn. Within a domain the order is that of a hash, so that the first few are not all of one kind.</summary>
    private static List<RunGoal> InTurn(IEnumerable<RunGoal> goals) =>
    [.. goals
        .GroupBy(goal => goal.Domain, StringComparer.Ordinal)
        .SelectMany(domain => domain.OrderBy(Hash, StringComparer.Ordinal).Select((goal, turn) => (goal, turn)))
        .OrderBy(pair => pair.turn).ThenBy(pair => pair.goal.Domain, StringComparer.Ordinal)
        .Select(pair => pair.goal)];

    private static string Hash(RunGoal goal) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(goal.ExternalKey ?? goal.Id)));

    private static void Require(IReadOnlyList<RunGoal> goals, string purpose, GoalSplit split, RunDataSpec spec, List<Goal> library, List<string> domains, HashSet<GoalId> heldBack)
    {
        if (goals.Count > 0)
        {
            return;
        }

        var kind = spec.Sandbox ? "sandbox" : "real";
        var place = domains.Count == 0 ? "" : $" in the domains {string.Join(", ", domains)}";
        var held = library.Count(goal => goal.Split == split && heldBack.Contains(goal.Id));
        var found = library.Count(goal => goal.Split == split && !heldBack.Contains(goal.Id) && (domains.Count == 0 || domains.Contains(goal.Domain, StringComparer.Ordinal)));
        var remedy = held > 0 && found == 0
            ? $"{held} leave the evaluation because experts' answers on them are trained on, and no other is left: name fewer studies in data.studies, or add goals."
            : found > 0
            ? $"{found} are there, but none has a rubric item in a state that counts ({string.Join(", ", spec.RubricStates.Select(ReviewStore.Words))}): review their items, or add states to data.rubricStates."
            : spec.Sandbox
                ? "Start the application once on this data directory, which puts the sandbox's goals in, or name other domains in data.domains."
                : "Import papers or a dataset, or name other domains in data.domains.";
        throw new InvalidDataException($"There are no {kind} goals to {purpose} (split {split.ToString().ToLowerInvariant()}){place}. {remedy}");
    }

    private async Task<List<Goal>> ReadAsync(bool sandbox, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);

        // Goals and items come in two queries: the transaction keeps a decision from falling between them.
        await using var transaction = await db.Database.BeginSnapshotAsync(cancellationToken);
        return await db.Goals.AsNoTracking()
            .Where(goal => goal.IsSandbox == sandbox)
            .Include(goal => goal.Items)
            .AsSplitQuery()
            .ToListAsync(cancellationToken);
    }
}
