using CoScientist.Core.Statistics;

namespace CoScientist.Core.Studies;

/// <content>What the form, the graders and the rubrics add to the headline.</content>
public static partial class StudyAnalysis
{
    private static StudyFindings Find(IReadOnlyList<GoalResult> goals, StudyEvidence evidence, long seed)
    {
        var overlapping = goals.Where(g => g.Answers.Count > 1).ToList();
        return new StudyFindings
        {
            Alpha = Agreement.KrippendorffInterval(overlapping.Select(g => g.Answers.Select(a => (double)a.Outcome).ToList()), AlphaLevel.Nominal, seed: seed),
            StrengthAlpha = Agreement.KrippendorffInterval(goals.Select(g => g.Answers.Select(SignedStrength).OfType<double>().ToList()), AlphaLevel.Ordinal, seed: seed),
            Kappa = Kappa(overlapping),
            Scores = Scores(goals, seed),
            Criteria = [.. Enum.GetValues<Criterion>().Select(c => ByCriterion(goals, c, seed)).OfType<CriterionFinding>()],
            Items = Items(goals, seed),
            Approvals = evidence.Approvals is var (asIs, edited, rejected) && asIs + edited + rejected > 0
                ? new ApprovalFinding(asIs, edited, rejected, BinomialTests.Wilson(asIs + edited, asIs + edited + rejected))
                : null,
            Judges = Judges(goals),
            Calibration = Calibrate(evidence.Judgments),
            Length = Length(goals, evidence.LengthDifference, seed),
            Gold = [.. evidence.Gold.GroupBy(g => g.Answer.Expert, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => (g.Key, g.Count(a => a.Answer.Outcome == a.Expected), g.Count()))],
            Disagreed =
            [
                .. overlapping.Select(g => new DisagreedGoal(g, Disagreement(g), evidence.Adjudicated.TryGetValue(g.Pair.Id, out var outcome) ? outcome : null))
                    .Where(g => g.Disagreement > 0)
                    .OrderByDescending(g => g.Disagreement).ThenBy(g => g.Goal.Pair.Order),
            ],
            AdjudicatedWinRate = Adjudicated(goals, evidence.Adjudicated, seed),
        };
    }

    // A tie is 0; "both bad" says nothing of which is better.
    private static double? SignedStrength(StudyAnswer answer) => answer switch
    {
        { Outcome: PairOutcome.BothBad } => null,
        { Outcome: PairOutcome.Tie } => 0,
        { Details.Strength: null } => null,
        _ => answer.Outcome == PairOutcome.Arm1 ? answer.Details.Strength : -answer.Details.Strength,
    };

    private static (string Name, double Value)? Kappa(List<GoalResult> overlapping)
    {
        var ratings = overlapping.Select(g => g.Answers.Count).Distinct().ToList();
        if (ratings.Count != 1)
        {
            return null;
        }

        var experts = overlapping.SelectMany(g => g.Answers.Select(a => a.Expert)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        var (name, value) = experts.Count == 2
            ? ("Cohen's κ", Agreement.CohenKappa([.. overlapping.Select(g => (g.Answers.First(a => a.Expert == experts[0]).Outcome, g.Answers.First(a => a.Expert == experts[1]).Outcome))]))
            : ("Fleiss' κ", Agreement.FleissKappa([.. overlapping.Select(g => g.Answers.Select(a => a.Outcome).ToList())]));
        return value is { } kappa ? (name, kappa) : null;
    }

    private static ScoreFinding? Scores(IReadOnlyList<GoalResult> goals, long seed)
    {
        var means = goals
            .Select(g => g.Answers.Where(a => a.Details is { ScoreA: not null, ScoreB: not null }).Select(a => a.Arm1IsLeft ? (One: a.Details.ScoreA!.Value, Two: a.Details.ScoreB!.Value) : (One: a.Details.ScoreB!.Value, Two: a.Details.ScoreA!.Value)).ToList())
            .Where(scores => scores.Count > 0)
            .Select(scores => (One: scores.Average(s => s.One), Two: scores.Average(s => s.Two)))
            .ToList();
        return means.Count == 0 ? null : new ScoreFinding(
            means.Count,
            Bootstrap.Mean([.. means.Select(m => m.One)], seed: seed),
            Bootstrap.Mean([.. means.Select(m => m.Two)], seed: seed),
            Bootstrap.Mean([.. means.Select(m => m.One - m.Two)], seed: seed));
    }

    private static CriterionFinding? ByCriterion(IReadOnlyList<GoalResult> goals, Criterion criterion, long seed)
    {
        var points = goals
            .Select(g => g.Answers.Where(a => a.Details.Criteria.ContainsKey(criterion)).Select(a => a.Details.Criteria[criterion] switch
            {
                PreferenceChoice.A => a.Arm1IsLeft ? 1.0 : 0,
                PreferenceChoice.B => a.Arm1IsLeft ? 0.0 : 1,
                _ => 0.5,
            }).ToList())
            .Where(answers => answers.Count > 0)
            .Select(answers => answers.Average())
            .ToList();
        return points.Count == 0 ? null : new CriterionFinding(criterion, points.Count, Bootstrap.Mean(points, seed: seed));
    }

    private static MarksFinding? Items(IReadOnlyList<GoalResult> goals, long seed)
    {
        var marked = goals
            .Select(g => g.Answers.SelectMany(a => a.Details.Items.Where(i => i is { A: not null, B: not null }).Select(i => a.Arm1IsLeft ? (One: Worth(i.A!.Value), Two: Worth(i.B!.Value)) : (One: Worth(i.B!.Value), Two: Worth(i.A!.Value)))).ToList())
            .Where(marks => marks.Count > 0)
            .ToList();
        if (marked.Count == 0)
        {
            return null;
        }

        var needed = goals.SelectMany(g => g.Answers).SelectMany(a => a.Details.Items).Where(i => i.Needed is not null).ToList();
        return new MarksFinding(
            marked.Count,
            2 * marked.Sum(m => m.Count),
            Bootstrap.ClusteredMean([.. marked.Select(IReadOnlyList<double> (m) => [.. m.Select(x => x.One)])], seed: seed),
            Bootstrap.ClusteredMean([.. marked.Select(IReadOnlyList<double> (m) => [.. m.Select(x => x.Two)])], seed: seed),
            needed.Count == 0 ? null : BinomialTests.Wilson(needed.Count(i => i.Needed!.Value), needed.Count),
            needed.Count,
            Agreement.GwetAc1([.. needed.GroupBy(i => i.Item, StringComparer.Ordinal).Select(g => g.Select(i => i.Needed!.Value).ToList())], 2));
    }

    private static double Worth(ItemMark mark) => mark switch { ItemMark.Met => 1, ItemMark.Partly => 0.5, _ => 0 };

    private static List<PreferenceConfusion> Judges(IReadOnlyList<GoalResult> goals) =>
    [
        .. goals.Where(g => g.Points is not null)
            .SelectMany(g => g.Graded, (g, graded) => (graded.Role, graded.Grader, Human: Math.Sign(g.Points!.Value - 0.5), Judge: Math.Sign(WinRate.Points(graded.Score1, graded.Score2) - 0.5)))
            .GroupBy(d => (d.Role, d.Grader)).OrderBy(d => d.Key.Role).ThenBy(d => d.Key.Grader, StringComparer.Ordinal)
            .Select(judge => new PreferenceConfusion(
                judge.Key.Role,
                judge.Key.Grader,
                [.. new[] { 1, 0, -1 }.Select(IReadOnlyList<int> (human) => [.. new[] { 1, 0, -1 }.Select(said => judge.Count(d => d.Human == human && d.Judge == said))])],
                Agreement.CohenKappa([.. judge.Select(d => (d.Human, d.Judge))]))),
    ];

    private static List<CalibrationFinding> Calibrate(IReadOnlyList<ItemJudgment> judgments)
    {
        var findings = new List<CalibrationFinding>();
        foreach (var grader in judgments.GroupBy(j => (j.Role, j.Grader)).OrderBy(g => g.Key.Role).ThenBy(g => g.Key.Grader, StringComparer.Ordinal))
        {
            var all = grader.ToList();
            findings.Add(Finding(null, all));
            findings.AddRange(all.SelectMany(j => j.Violated).Distinct().Order().Select(guideline => Finding(guideline, all.FindAll(j => j.Violated.Contains(guideline)))));

            CalibrationFinding Finding(int? guideline, List<ItemJudgment> of) => new(
                grader.Key.Role,
                grader.Key.Grader,
                guideline,
                of.Count,
                BinomialTests.Wilson(of.Count(j => j.Met == (j.Expert == ItemMark.Met)), of.Count),
                guideline is null ? Confusion.Of(of.Select(j => (j.Expert == ItemMark.Met, j.Met))) : null);
        }

        return findings;
    }

    private static LengthFinding? Length(IReadOnlyList<GoalResult> goals, IReadOnlyDictionary<ComparisonId, int> differences, long seed)
    {
        var known = goals.Where(g => g.Points is not null && differences.ContainsKey(g.Pair.Id)).Select(g => (Points: g.Points!.Value, Difference: differences[g.Pair.Id])).ToList();
        var decided = known.FindAll(g => g.Difference != 0 && g.Points != 0.5);
        if (decided.Count == 0)
        {
            return null;
        }

        var longer = decided.Count(g => g.Difference > 0 == g.Points > 0.5);
        return new LengthFinding(
            decided.Count,
            BinomialTests.Wilson(longer, decided.Count),
            BinomialTests.ExactTwoSided(longer, decided.Count),
            known.Average(g => g.Difference),
            LengthControl.Of([.. known.Select(IReadOnlyList<LengthComparison> (g) => [new LengthComparison(g.Points, g.Points - 0.5, g.Difference)])], seed));
    }

    private static double Disagreement(GoalResult goal)
    {
        var n = goal.Answers.Count;
        return 1 - (goal.Answers.CountBy(a => a.Outcome).Sum(o => o.Value * (o.Value - 1.0)) / (n * (n - 1.0)));
    }

    private static Estimate? Adjudicated(IReadOnlyList<GoalResult> goals, IReadOnlyDictionary<ComparisonId, PairOutcome> decisions, long seed)
    {
        var points = goals.Select(g => decisions.TryGetValue(g.Pair.Id, out var outcome)
            ? outcome switch { PairOutcome.Arm1 => 1.0, PairOutcome.Arm2 => 0.0, PairOutcome.Tie => 0.5, _ => null }
            : g.Points).OfType<double>().ToList();
        return decisions.Count == 0 || points.Count == 0 ? null : Bootstrap.Mean(points, seed: seed);
    }
}
