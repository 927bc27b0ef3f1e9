namespace CoScientist.Core.Statistics;

/// <summary>
/// The tables of an evaluation, from its rows. Rows of one arm and goal are pooled (samples, seeds); intervals are bootstrapped
/// over goals; plans that a scorer could not read are left out of what that scorer says.
/// </summary>
public static class EvaluationTables
{
    /// <summary>Mean score of every arm by every scorer; arms and scorers in the order of their first rows.</summary>
    public static IReadOnlyList<ArmScore> Scores(IReadOnlyList<ScoredPlan> plans)
    {
        ArgumentNullException.ThrowIfNull(plans);
        var scorers = plans.SelectMany(plan => plan.Scores.Keys).Distinct(StringComparer.Ordinal).ToList();
        return [..
            from arm in plans.GroupBy(plan => plan.Arm, StringComparer.Ordinal)
            from scorer in scorers
            let scored = arm.Where(plan => plan.Scores.ContainsKey(scorer)).ToList()
            where scored.Count > 0
            let goals = scored.GroupBy(plan => plan.Goal, StringComparer.Ordinal).OrderBy(goal => goal.Key, StringComparer.Ordinal).Select(IReadOnlyList<double> (goal) => [.. goal.Select(plan => plan.Scores[scorer])]).ToList()
            select new ArmScore(arm.Key, scorer, goals.Count, scored.Count, arm.Count() - scored.Count, Bootstrap.ClusteredMean(goals), scored.Average(plan => plan.Tokens))];
    }

    /// <summary>An arm against another under a scorer; null when they have no goal in common.</summary>
    /// <param name="plans">All rows.</param>
    /// <param name="arm">The arm.</param>
    /// <param name="baseline">The other.</param>
    /// <param name="scorer">The scorer.</param>
    /// <param name="domain">Only goals of this domain; null for all.</param>
    public static ArmComparison? Compare(IReadOnlyList<ScoredPlan> plans, string arm, string baseline, string scorer, string? domain = null)
    {
        var goals = Paired(plans, arm, baseline, scorer, domain);
        if (goals.Count == 0)
        {
            return null;
        }

        var means = goals.ConvertAll(goal => (Base: goal.Baseline.Average(plan => plan.Scores[scorer]), Other: goal.Arm.Average(plan => plan.Scores[scorer])));
        var points = goals.ConvertAll(goal => Pairs(goal, scorer).Average(pair => pair.Points));
        var counts = WinRate.FromPoints(points.Select(point => WinRate.Points(point, 0.5)));
        return new ArmComparison(
            arm,
            baseline,
            scorer,
            domain,
            means.Average(goal => goal.Base),
            means.Average(goal => goal.Other),
            counts,
            Bootstrap.Mean(points),
            BinomialTests.SignTest(counts.Wins, counts.Losses),
            Bootstrap.Mean(means.ConvertAll(goal => goal.Other - goal.Base)),
            Bootstrap.RelativeGain(means));
    }

    /// <summary>The comparison at equal lengths, every plan of the arm against every plan of the other for the same goal; null when they have no goal in common or differ in length always by the same.</summary>
    public static LengthControlled? AtEqualLength(IReadOnlyList<ScoredPlan> plans, string arm, string baseline, string scorer)
    {
        var goals = Paired(plans, arm, baseline, scorer, domain: null);
        return goals.Count == 0 ? null : LengthControl.Of(goals.ConvertAll(IReadOnlyList<LengthComparison> (goal) => [.. Pairs(goal, scorer)]));
    }

    /// <summary>
    /// Trained on one domain, tested on all: one row of cells per arm, its cells by the domain tested on. Checkpoints that
    /// share an arm's name (seeds) are pooled goal by goal.
    /// </summary>
    /// <param name="plans">All rows.</param>
    /// <param name="baseline">The arm that the gains are relative to.</param>
    /// <param name="trainedOn">For each arm of the matrix the domain it was trained on, in the order of the rows.</param>
    /// <param name="scorer">The scorer: the judge, never the grader.</param>
    public static IReadOnlyList<CrossDomainCell> CrossDomain(IReadOnlyList<ScoredPlan> plans, string baseline, IReadOnlyList<(string Arm, string Domain)> trainedOn, string scorer)
    {
        ArgumentNullException.ThrowIfNull(plans);
        ArgumentNullException.ThrowIfNull(trainedOn);
        return [..
            from arm in trainedOn
            from domain in Domains(plans)
            let comparison = Compare(plans, arm.Arm, baseline, scorer, domain)
            where comparison is not null
            select new CrossDomainCell(arm.Arm, arm.Domain, domain, comparison)];
    }

    /// <summary>Domains of the rows, sorted.</summary>
    public static IReadOnlyList<string> Domains(IReadOnlyList<ScoredPlan> plans)
    {
        ArgumentNullException.ThrowIfNull(plans);
        return [.. plans.Select(plan => plan.Domain).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    /// <summary>The best-of-N curve of an arm when one scorer picks and another judges; empty when no plan has both scores.</summary>
    /// <param name="plans">All rows.</param>
    /// <param name="arm">The arm; its plans for a goal are taken as drawn from one writer.</param>
    /// <param name="selector">Who picks: the grader.</param>
    /// <param name="judge">Whose score counts.</param>
    public static IReadOnlyList<BestOfNPoint> Curve(IReadOnlyList<ScoredPlan> plans, string arm, string selector, string judge)
    {
        var goals = Goals(plans, arm, plan => plan.Scores.ContainsKey(selector) && plan.Scores.ContainsKey(judge));
        return goals.Count == 0 ? [] : BestOfN.Curve(goals.ConvertAll(IReadOnlyList<(double, double)> (goal) => [.. goal.Select(plan => (plan.Scores[selector], plan.Scores[judge]))]));
    }

    /// <summary>The upward bias of the highest of N scores of a scorer, by split halves of its items (see <see cref="MaximumBias.OfHalves"/>); empty when there are no verdicts.</summary>
    /// <exception cref="ArgumentException">Plans of one goal were judged by different numbers of items.</exception>
    public static IReadOnlyList<MaximumBiasPoint> Bias(IReadOnlyList<ScoredPlan> plans, string arm, string scorer) =>
        MaximumBias.OfHalves(Goals(plans, arm, plan => plan.Verdicts.ContainsKey(scorer)).ConvertAll(IReadOnlyList<IReadOnlyList<bool>> (goal) => [.. goal.Select(plan => plan.Verdicts[scorer])]));

    /// <summary>The same by two scorings that are independent (two jurors, or one grader asked twice at a temperature above 0).</summary>
    public static IReadOnlyList<MaximumBiasPoint> Bias(IReadOnlyList<ScoredPlan> plans, string arm, string scorer, string otherScorer)
    {
        var goals = Goals(plans, arm, plan => plan.Scores.ContainsKey(scorer) && plan.Scores.ContainsKey(otherScorer));
        return goals.Count == 0 ? [] : MaximumBias.Of(goals.ConvertAll(IReadOnlyList<(double, double)> (goal) => [.. goal.Select(plan => (plan.Scores[scorer], plan.Scores[otherScorer]))]));
    }

    private static List<List<ScoredPlan>> Goals(IReadOnlyList<ScoredPlan> plans, string arm, Func<ScoredPlan, bool> complete)
    {
        ArgumentNullException.ThrowIfNull(plans);
        return [.. plans.Where(plan => plan.Arm == arm && complete(plan)).GroupBy(plan => plan.Goal, StringComparer.Ordinal).OrderBy(goal => goal.Key, StringComparer.Ordinal).Select(goal => goal.ToList())];
    }

    private static List<(List<ScoredPlan> Arm, List<ScoredPlan> Baseline)> Paired(IReadOnlyList<ScoredPlan> plans, string arm, string baseline, string scorer, string? domain)
    {
        bool Counts(ScoredPlan plan) => plan.Scores.ContainsKey(scorer) && (domain is null || plan.Domain == domain);
        return [.. Goals(plans, arm, Counts).Join(Goals(plans, baseline, Counts), goal => goal[0].Goal, goal => goal[0].Goal, (first, second) => (first, second), StringComparer.Ordinal)];
    }

    private static IEnumerable<LengthComparison> Pairs((List<ScoredPlan> Arm, List<ScoredPlan> Baseline) goal, string scorer) =>
        from plan in goal.Arm
        from other in goal.Baseline
        let difference = plan.Scores[scorer] - other.Scores[scorer]
        select new LengthComparison(WinRate.Points(difference, 0), difference, plan.Tokens - other.Tokens);
}
