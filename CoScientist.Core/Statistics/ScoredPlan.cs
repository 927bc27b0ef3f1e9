namespace CoScientist.Core.Statistics;

/// <summary>A plan as the tables of an evaluation see it.</summary>
/// <param name="Goal">Key of its goal.</param>
/// <param name="Domain">Domain of the goal.</param>
/// <param name="Arm">Who wrote it: a checkpoint, or a name that checkpoints of several seeds share, which pools them.</param>
/// <param name="Tokens">Its length.</param>
/// <param name="Scores">Score by scorer (grader, judge, juror, jury), 0–1. A scorer who could not be read has no entry: ungraded is never zero.</param>
public sealed record ScoredPlan(string Goal, string Domain, string Arm, int Tokens, IReadOnlyDictionary<string, double> Scores)
{
    /// <summary>Verdicts by scorer, item by item in the rubric's order, where there are any.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<bool>> Verdicts { get; init; } = new Dictionary<string, IReadOnlyList<bool>>(StringComparer.Ordinal);
}

/// <summary>Mean score of an arm by a scorer.</summary>
/// <param name="Arm">The arm.</param>
/// <param name="Scorer">The scorer.</param>
/// <param name="Goals">Goals with a score.</param>
/// <param name="Plans">Plans with a score.</param>
/// <param name="Ungraded">Plans without one.</param>
/// <param name="Score">Mean over plans, with the interval over goals.</param>
/// <param name="Tokens">Mean length of the plans with a score.</param>
public sealed record ArmScore(string Arm, string Scorer, int Goals, int Plans, int Ungraded, Estimate Score, double Tokens);

/// <summary>An arm against another on the goals that both have, under one scorer.</summary>
/// <param name="Arm">The arm.</param>
/// <param name="Baseline">The other.</param>
/// <param name="Scorer">The scorer.</param>
/// <param name="Domain">Domain of the goals; null for all.</param>
/// <param name="BaselineScore">Mean over goals of the other's mean score.</param>
/// <param name="Score">Mean over goals of the arm's mean score.</param>
/// <param name="Goals">Goals won, tied and lost, by the points of <paramref name="WinRate"/>.</param>
/// <param name="WinRate">Mean over goals of the points that the arm's plans take off the other's, every plan against every plan, ties half.</param>
/// <param name="SignTest">Two-sided p of the sign test over goals.</param>
/// <param name="Gain">Mean difference of scores.</param>
/// <param name="RelativeGain">Ratio of the mean scores minus 1; null when the other scored nothing.</param>
public sealed record ArmComparison(string Arm, string Baseline, string Scorer, string? Domain, double BaselineScore, double Score, WinRate Goals, Estimate WinRate, double SignTest, Estimate Gain, Estimate? RelativeGain);

/// <summary>A cell of the cross-domain matrix.</summary>
/// <param name="Arm">The arm.</param>
/// <param name="TrainedOn">Domain it was trained on.</param>
/// <param name="TestedOn">Domain of the goals.</param>
/// <param name="Comparison">The arm against the base on these goals.</param>
public sealed record CrossDomainCell(string Arm, string TrainedOn, string TestedOn, ArmComparison Comparison)
{
    /// <summary>Whether it was trained on the domain it is tested on.</summary>
    public bool InDomain => string.Equals(TrainedOn, TestedOn, StringComparison.Ordinal);
}
