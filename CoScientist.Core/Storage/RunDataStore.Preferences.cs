using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using CoScientist.Core.Runs;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <content>
/// Experts' answers as something to train on. Only closed studies count: an open one would make the data depend on the hour.
/// A pair of plans goes to the majority of those who preferred one of them, each expert's newest answer counting once; ties and
/// "both bad" are for neither, and a pair without a majority is left out. Pairs of every split are used. What they make unfit
/// for a test is taken from the run's validation and test goals instead: the goals of the pairs and all others drawn from the
/// same articles, for the split is drawn by article. A run on top of such a checkpoint leaves out the same goals.
/// </content>
public sealed partial class RunDataStore
{
    private const string PreferenceMethod = "dpo";

    /// <summary>The pairs that a run would learn from now.</summary>
    /// <param name="spec">Studies, domains and world.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The pairs; with <see cref="PreferencePairs.Fault"/> when there are none.</returns>
    public async Task<PreferencePairs> PreferencesAsync(RunDataSpec spec, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginSnapshotAsync(cancellationToken);
        var (studies, fault) = await ChooseAsync(db, spec, cancellationToken);
        if (fault is not null)
        {
            return new PreferencePairs { Fault = fault };
        }

        var ids = studies.Select(study => study.Id).ToList();
        var comparisons = db.Comparisons.AsNoTracking().Where(comparison => ids.Contains(comparison.StudyId) && comparison.Kind == ComparisonKind.Counts);
        var answers = (await (
                from preference in db.Preferences.AsNoTracking()
                join assignment in db.Assignments on preference.AssignmentId equals assignment.Id
                join comparison in comparisons on assignment.ComparisonId equals comparison.Id
                where preference.UndoneAt == null
                select new Answer(comparison.GoalId, comparison.Plan1Id, comparison.Plan2Id, assignment.ExpertId, preference.Choice, assignment.Arm1IsLeft, preference.At))
            .ToListAsync(cancellationToken));
        var goals = await db.Goals.AsNoTracking().Where(goal => comparisons.Any(comparison => comparison.GoalId == goal.Id)).ToDictionaryAsync(goal => goal.Id, cancellationToken);
        var plans = await db.Plans.AsNoTracking()
            .Where(plan => comparisons.Any(comparison => comparison.Plan1Id == plan.Id || comparison.Plan2Id == plan.Id))
            .ToDictionaryAsync(plan => plan.Id, plan => plan.Text, cancellationToken);
        answers.RemoveAll(answer => spec.Domains.Count > 0 && !spec.Domains.Contains(goals[answer.GoalId].Domain, StringComparer.Ordinal));

        var pairs = new List<RunPreference>();
        var (learned, undecided) = (new HashSet<string>(StringComparer.Ordinal), 0);
        foreach (var pair in answers.GroupBy(answer => answer.Pair).OrderBy(pair => pair.First().GoalId.Value).ThenBy(pair => pair.Key))
        {
            var votes = pair.GroupBy(answer => answer.ExpertId, StringComparer.Ordinal).Select(expert => expert.MaxBy(answer => answer.At)!.Preferred).OfType<PlanId>().ToList();
            var (first, second) = (new PlanId(pair.Key.First), new PlanId(pair.Key.Second));
            var margin = votes.Count(vote => vote == first) - votes.Count(vote => vote == second);

            // Two writers can have written the same words: nothing is to be learnt from a choice between them.
            if (margin == 0 || string.Equals(plans[first], plans[second], StringComparison.Ordinal))
            {
                undecided++;
                continue;
            }

            var goal = goals[pair.First().GoalId];
            var (chosen, rejected) = margin > 0 ? (first, second) : (second, first);
            pairs.Add(new RunPreference(goal.Id.ToString(), goal.Text, plans[chosen], plans[rejected]));
            learned.Add(Article(goal));
        }

        return new PreferencePairs
        {
            Studies = [.. studies.Select(study => study.Name).Order(StringComparer.Ordinal)],
            Answers = answers.Count,
            Undecided = undecided,
            Pairs = pairs,
            Articles = [.. learned],
            Fault = pairs.Count > 0 ? null : NoPairs(spec, answers.Count),
        };
    }

    /// <summary>Closed studies whose answers a run can learn from, newest first.</summary>
    public async Task<IReadOnlyList<Study>> ClosedStudiesAsync(bool sandbox, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Studies.AsNoTracking().Where(study => study.IsSandbox == sandbox && (study.State == StudyState.Closed || study.State == StudyState.Locked)).OrderByDescending(study => study.Id).ToListAsync(cancellationToken);
    }

    /// <summary>What goals share that must not be split between training and test: their article, or, without one, nothing.</summary>
    private static string Article(Goal goal)
    {
        if (goal.PaperId is { } paper)
        {
            return paper.ToString();
        }

        // Rows of a dataset are keyed "article/question".
        var slash = goal.Origin == "dataset" ? goal.ExternalKey?.LastIndexOf('/') ?? -1 : -1;
        return slash > 0 ? goal.ExternalKey![..slash] : goal.Id.ToString();
    }

    private static string NoPairs(RunDataSpec spec, int answers)
    {
        var place = spec.Domains.Count == 0 ? "" : $" on goals of {string.Join(", ", spec.Domains)}";
        return answers == 0
            ? $"must lead to answers, and there are none{place}: name other studies, or have experts answer one and close it"
            : FormattableString.Invariant($"must lead to a decided pair, and none of {answers} answers{place} gives one (ties, or as many for one plan as for the other): name other studies, or collect more answers");
    }

    private static async Task<(List<Study> Studies, string? Fault)> ChooseAsync(CoScientistDb db, RunDataSpec spec, CancellationToken cancellationToken)
    {
        var (all, kind) = (await db.Studies.AsNoTracking().ToListAsync(cancellationToken), spec.Sandbox ? "sandbox" : "real");
        var closed = all.FindAll(study => study.IsSandbox == spec.Sandbox && study.State is StudyState.Closed or StudyState.Locked);
        if (closed.Count == 0 && spec.Studies.Count == 0)
        {
            return ([], $"must lead to a closed study, and there is no {kind} one: close a study on its page when its experts have answered, or make one under Studies");
        }

        var named = new List<Study>();
        foreach (var name in spec.Studies)
        {
            if (all.Find(study => study.Name == name || study.Id.ToString() == name) is not { } study)
            {
                return ([], $"names \"{name}\", which is no study: {(closed.Count == 0 ? $"no {kind} study is closed" : $"closed are {string.Join(", ", closed.Select(other => $"\"{other.Name}\""))}")}");
            }

            if (study.IsSandbox != spec.Sandbox)
            {
                return ([], $"names \"{study.Name}\", which is no {kind} study: the sandbox and real goals are never mixed");
            }

            if (study.State is not (StudyState.Closed or StudyState.Locked))
            {
                return ([], $"names \"{study.Name}\", which is still open: close it on its page first, so that its answers stand still");
            }

            named.Add(study);
        }

        return (named.Count == 0 ? closed : [.. named.DistinctBy(study => study.Id)], null);
    }

    /// <summary>
    /// Articles with goals that a checkpoint, or one it came from, may have learnt from by experts' answers. Wider than what was
    /// used, for studies can have changed since: every goal of the studies its run named, or of all studies made before it ended.
    /// </summary>
    private async Task<HashSet<string>> LearnedArticlesAsync(string model, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var learned = new HashSet<string>(StringComparer.Ordinal);
        var checkpoint = await db.Checkpoints.AsNoTracking().FirstOrDefaultAsync(row => row.Name == model, cancellationToken);
        for (var seen = new HashSet<CheckpointId>(); checkpoint is not null && seen.Add(checkpoint.Id);)
        {
            if (checkpoint.RunId is { } id && await db.Runs.AsNoTracking().FirstOrDefaultAsync(row => row.Id == id, cancellationToken) is { } run && run.Spec.Parts().Any(part => part.Method == PreferenceMethod))
            {
                var (sandbox, named, created) = (run.Spec.Data.Sandbox, run.Spec.Data.Studies, checkpoint.CreatedAt);
                var studies = (await db.Studies.AsNoTracking().Where(study => study.IsSandbox == sandbox).ToListAsync(cancellationToken))
                    .Where(study => named.Count == 0 ? study.CreatedAt <= created : named.Contains(study.Name) || named.Contains(study.Id.ToString()))
                    .Select(study => study.Id)
                    .ToList();
                var goals = await db.Goals.AsNoTracking().Where(goal => db.Comparisons.Any(comparison => comparison.GoalId == goal.Id && studies.Contains(comparison.StudyId))).ToListAsync(cancellationToken);
                learned.UnionWith(goals.Select(Article));
            }

            var parent = checkpoint.ParentId;
            checkpoint = parent is null ? null : await db.Checkpoints.AsNoTracking().FirstOrDefaultAsync(row => row.Id == parent, cancellationToken);
        }

        return learned;
    }

    private sealed record Answer(GoalId GoalId, PlanId Plan1, PlanId Plan2, string ExpertId, PreferenceChoice Choice, bool Arm1IsLeft, DateTimeOffset At)
    {
        /// <summary>The two plans, whichever was arm 1: the same pair can stand in several studies.</summary>
        public (Guid First, Guid Second) Pair => Plan1.Value.CompareTo(Plan2.Value) < 0 ? (Plan1.Value, Plan2.Value) : (Plan2.Value, Plan1.Value);

        /// <summary>The plan preferred; null for ties and "both bad".</summary>
        public PlanId? Preferred => Choice switch
        {
            PreferenceChoice.A => Arm1IsLeft ? Plan1 : Plan2,
            PreferenceChoice.B => Arm1IsLeft ? Plan2 : Plan1,
            _ => null,
        };
    }
}
