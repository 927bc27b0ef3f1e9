using CoScientist.Core.Grading;
using CoScientist.Core.Statistics;

namespace CoScientist.Core.Evaluations;

/// <summary>A model at equal lengths with the first one.</summary>
/// <param name="Arm">The model.</param>
/// <param name="Baseline">The first one.</param>
/// <param name="Controlled">What is left; null when length cannot be told from the models.</param>
public sealed record EqualLengthRow(string Arm, string Baseline, LengthControlled? Controlled);

/// <summary>Best-of-N of a model's plans, picked by the grader and judged by the judge.</summary>
/// <param name="Arm">The model.</param>
/// <param name="Points">One point per N.</param>
/// <param name="Bias">By how much the grader's highest score overstates itself, one point per N; empty without verdicts.</param>
public sealed record BestOfNCurve(string Arm, IReadOnlyList<BestOfNPoint> Points, IReadOnlyList<MaximumBiasPoint> Bias);

/// <summary>All tables of an evaluation.</summary>
public sealed record EvaluationResult
{
    /// <summary>Scorer: whoever picks the best of N.</summary>
    public const string Grader = "grader";

    /// <summary>Scorer: whose word counts.</summary>
    public const string Judge = "judge";

    /// <summary>Scorer: the jury's mean.</summary>
    public const string JuryMean = "jury";

    /// <summary>Not a scorer, but shown among them: share of plans in the form asked for.</summary>
    public const string WellFormed = "well formed";

    /// <summary>What was asked for.</summary>
    public required EvaluationSpec Spec { get; init; }

    /// <summary>Goals and what is known of the models.</summary>
    public required EvaluationData Data { get; init; }

    /// <summary>Sampled plans with their scores.</summary>
    public required IReadOnlyList<ScoredPlan> Plans { get; init; }

    /// <summary>Greedy plans with their scores; empty unless asked for.</summary>
    public required IReadOnlyList<ScoredPlan> GreedyPlans { get; init; }

    /// <summary>Plans still to be written or scored; 0 when the evaluation is complete.</summary>
    public required int Missing { get; init; }

    /// <summary>Mean scores of sampled plans.</summary>
    public required IReadOnlyList<ArmScore> Scores { get; init; }

    /// <summary>Mean scores of greedy plans.</summary>
    public required IReadOnlyList<ArmScore> GreedyScores { get; init; }

    /// <summary>Every other model against the first, by every scorer.</summary>
    public required IReadOnlyList<ArmComparison> Comparisons { get; init; }

    /// <summary>The same with greedy plans.</summary>
    public required IReadOnlyList<ArmComparison> GreedyComparisons { get; init; }

    /// <summary>The judge's comparison at equal lengths.</summary>
    public required IReadOnlyList<EqualLengthRow> EqualLength { get; init; }

    /// <summary>Every other model against the first, domain by domain, by the judge.</summary>
    public required IReadOnlyList<ArmComparison> Domains { get; init; }

    /// <summary>Models trained on one domain, tested on all.</summary>
    public required IReadOnlyList<CrossDomainCell> CrossDomain { get; init; }

    /// <summary>Best-of-N, model by model.</summary>
    public required IReadOnlyList<BestOfNCurve> Curves { get; init; }

    /// <summary>The jury; null without one.</summary>
    public JuryResult? Jury { get; init; }

    /// <summary>How the grader's verdicts stand to the judge's, on all plans; null without a grader that is not the judge, or without verdicts.</summary>
    public GraderAgreement? Agreement { get; init; }

    /// <summary>Judgments in pairs; empty tables unless asked for.</summary>
    public required PairwiseTables Pairwise { get; init; }

    /// <summary>A juror among the scorers.</summary>
    public static string Juror(string name) => $"juror {name}";

    /// <summary>Makes the tables of whatever is in the folder.</summary>
    /// <exception cref="InvalidDataException">A file is damaged, or nothing was written yet.</exception>
    public static EvaluationResult Read(EvaluationFolder folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        var (spec, data, plans, gradings) = (folder.ReadSpec(), folder.ReadData(), folder.ReadPlans(), folder.ReadGradings());
        if (plans.Count == 0)
        {
            throw new InvalidDataException($"{folder.Path} has no plans yet: evaluate again with the same name to go on.");
        }

        var goals = data.Goals.ToDictionary(goal => goal.Id, goal => goal.Domain, StringComparer.Ordinal);
        if (plans.FirstOrDefault(plan => !spec.Models.Contains(plan.Model, StringComparer.Ordinal) || !goals.ContainsKey(plan.Goal)) is { } stranger)
        {
            throw new InvalidDataException($"{folder.File(EvaluationFolder.PlansFile)} holds a plan by {stranger.Model} for goal {stranger.Goal}, which is none of this evaluation's: delete the line.");
        }

        var weights = data.Goals.ToDictionary(goal => goal.Id, IReadOnlyList<double> (goal) => [.. goal.Items.Select(item => item.Weight)], StringComparer.Ordinal);
        var scored = gradings.Where(grading => grading.Score is not null).ToDictionary(grading => (grading.Plan, grading.Scorer));
        var place = spec.Models.Index().ToDictionary(model => model.Item, model => model.Index, StringComparer.Ordinal);
        var ordered = plans.OrderBy(plan => place[plan.Model]).ThenBy(plan => plan.Goal, StringComparer.Ordinal).ThenBy(plan => plan.Sample).ToList();
        JuryResult? jury = spec.Jury.Count == 0 ? null : Grading.Jury.Aggregate(spec.Jury, [.. ordered.Select(IReadOnlyList<IReadOnlyList<bool>?> (plan) => [.. spec.Jury.Select(juror => scored.GetValueOrDefault((plan.Key, juror))?.Met)])], [.. ordered.Select(plan => weights[plan.Goal])]);
        var rows = ordered.Select((plan, i) => (plan.Sample, Row: Row(spec, plan, goals[plan.Goal], scored, jury?.Plans[i].Mean))).ToList();
        List<ScoredPlan> sampled = [.. rows.Where(row => row.Sample is not null).Select(row => row.Row)];
        List<ScoredPlan> greedy = [.. rows.Where(row => row.Sample is null).Select(row => row.Row)];
        var (first, others) = (spec.Models[0], spec.Models.Skip(1).ToList());
        return new EvaluationResult
        {
            Spec = spec,
            Data = data,
            Plans = sampled,
            GreedyPlans = greedy,
            Missing = CountMissing(spec, data, plans.Count, gradings.Count),
            Scores = EvaluationTables.Scores(sampled),
            GreedyScores = EvaluationTables.Scores(greedy),
            Comparisons = Against(sampled),
            GreedyComparisons = Against(greedy),
            EqualLength = [.. others.Select(arm => new EqualLengthRow(arm, first, EvaluationTables.AtEqualLength(sampled, arm, first, Judge)))],
            Domains = [.. others.SelectMany(arm => EvaluationTables.Domains(sampled).Select(domain => EvaluationTables.Compare(sampled, arm, first, Judge, domain))).OfType<ArmComparison>()],
            CrossDomain = EvaluationTables.CrossDomain(sampled, first, [.. others.Where(data.TrainedOn.ContainsKey).Select(arm => (arm, data.TrainedOn[arm]))], Judge),
            Curves = spec.Grader is null ? [] : [.. spec.Models.Select(arm => new BestOfNCurve(arm, EvaluationTables.Curve(sampled, arm, Grader, Judge), EvaluationTables.Bias(sampled, arm, Grader)))],
            Jury = jury,
            Agreement = spec.Grader is null || spec.Grader == spec.Judge ? null : GraderAgreement.Of([.. ordered.SelectMany(plan => Agreements(scored.GetValueOrDefault((plan.Key, spec.Judge)), scored.GetValueOrDefault((plan.Key, spec.Grader))))]),
            Pairwise = PairwiseTables.Of(spec, folder.ReadPairs()),
        };

        ArmComparison[] Against(List<ScoredPlan> of) =>
            [.. from scorer in new[] { Judge, Grader, JuryMean } from arm in others let row = EvaluationTables.Compare(of, arm, first, scorer) where row is not null select row];
    }

    private static ScoredPlan Row(EvaluationSpec spec, EvaluationPlan plan, string domain, Dictionary<((string, string, int?), string), EvaluationGrading> scored, double? jury)
    {
        var scores = new Dictionary<string, double>(StringComparer.Ordinal) { [WellFormed] = plan.WellFormed ? 1 : 0 };
        var verdicts = new Dictionary<string, IReadOnlyList<bool>>(StringComparer.Ordinal);
        Add(Judge, spec.Judge);
        if (spec.Grader is { } grader)
        {
            Add(Grader, grader);
        }

        if (jury is { } mean)
        {
            scores[JuryMean] = mean;
        }

        foreach (var juror in spec.Jury)
        {
            Add(Juror(juror), juror);
        }

        return new ScoredPlan(plan.Goal, domain, plan.Model, plan.Tokens, scores) { Verdicts = verdicts };

        void Add(string scorer, string name)
        {
            if (scored.TryGetValue((plan.Key, name), out var grading))
            {
                scores[scorer] = grading.Score!.Value;
                if (grading.Met is { } met)
                {
                    verdicts[scorer] = met;
                }
            }
        }
    }

    private static IEnumerable<ItemAgreement> Agreements(EvaluationGrading? judge, EvaluationGrading? grader) =>
        judge?.Met is { } truth && grader?.Met is { } said && truth.Count == said.Count
            ? truth.Select((met, k) => new ItemAgreement(met, judge.Violated?[k] ?? [], said[k], grader.Probabilities?[k]))
            : [];

    private static int CountMissing(EvaluationSpec spec, EvaluationData data, int plans, int gradings)
    {
        var wanted = spec.Models.Count * data.Goals.Count * (spec.Plans + (spec.Greedy ? 1 : 0));
        return wanted - plans + ((wanted * spec.Scorers().Count()) - gradings);
    }
}
