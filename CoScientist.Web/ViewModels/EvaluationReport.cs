using System.Globalization;
using CoScientist.Core.Evaluations;
using CoScientist.Core.Grading;
using CoScientist.Core.Statistics;
using CoScientist.Core.Storage;

namespace CoScientist.Web.ViewModels;

/// <summary>The tables of an evaluation as Markdown, a table of all plans, and a document.</summary>
internal static class EvaluationReport
{
    /// <summary>Makes the report.</summary>
    /// <param name="name">Name of the evaluation.</param>
    /// <param name="result">Its tables.</param>
    /// <param name="costs">Calls of model servers that it took.</param>
    public static Report Of(string name, EvaluationResult result, IReadOnlyList<CallTotal> costs)
    {
        var scorers = result.Plans.Concat(result.GreedyPlans).SelectMany(plan => plan.Scores.Keys).Distinct(StringComparer.Ordinal).ToList();
        return new Report(
            [.. Markdown(name, result, costs)],
            Document(name, result, costs),
            ["model", "goal", "domain", "greedy", "tokens", .. scorers],
            [.. Rows(result.Plans, greedy: false, scorers), .. Rows(result.GreedyPlans, greedy: true, scorers)]);
    }

    private static IEnumerable<IReadOnlyList<object?>> Rows(IReadOnlyList<ScoredPlan> plans, bool greedy, List<string> scorers) =>
        plans.Select(IReadOnlyList<object?> (plan) => [plan.Arm, plan.Goal, plan.Domain, greedy, plan.Tokens, .. scorers.Select(scorer => plan.Scores.TryGetValue(scorer, out var score) ? score : (object?)null)]);

    private static IEnumerable<string> Markdown(string name, EvaluationResult result, IReadOnlyList<CallTotal> costs)
    {
        var spec = result.Spec;
        yield return $"# {name}";
        yield return "";
        yield return $"{result.Data.Goals.Count} held-out test goals, {spec.Plans} plans each per model at temperature {Text(spec.Temperature)}, seed {spec.Seed}. Judge: {spec.Judge}. Grader: {spec.Grader ?? "none"}.{(spec.Jury.Count == 0 ? "" : $" Jury: {string.Join(", ", spec.Jury)}.")}{(result.Data.Sandbox ? " " + Report.SandboxNote : "")}";
        yield return "Brackets hold 95% bootstrap intervals over goals.";
        if (result.Data.LeftOut > 0)
        {
            yield return $"{result.Data.LeftOut} test goals are left out because a model trained on them.";
        }

        if (result.Missing > 0)
        {
            yield return $"**Not finished**: {result.Missing} plans and scores are missing. The same command goes on with it.";
        }

        foreach (var warning in spec.Warnings())
        {
            yield return $"**Warning**: {warning}";
        }

        IEnumerable<string>[] sections =
        [
            Scores("Scores, sampled plans", result.Scores),
            Scores("Scores, greedy plans", result.GreedyScores),
            Comparisons($"Against {spec.Models[0]}, sampled plans", result.Comparisons),
            Comparisons($"Against {spec.Models[0]}, greedy plans", result.GreedyComparisons),
            EqualLength(result),
            Pairwise(result.Pairwise.Judges),
            PairJuries(result.Pairwise.Juries),
            RubricGaps(result.Pairwise.RubricGaps),
            Domains(result),
            EvaluationWords.CrossDomain(result.CrossDomain),
            .. result.Curves.Select(Curve),
            Agreement(result.Agreement),
            Jury(result.Jury),
            Cost(costs),
        ];
        foreach (var line in sections.SelectMany(section => section))
        {
            yield return line;
        }
    }

    private static IEnumerable<string> Scores(string title, IReadOnlyList<ArmScore> scores) => EvaluationWords.Table(
        title,
        ["Model", "By", "Score", "Goals", "Plans", "Unscored", "Mean tokens"],
        scores.Select(row => new[] { row.Arm, row.Scorer, Text(row.Score), Text(row.Goals), Text(row.Plans), Text(row.Ungraded), row.Tokens.ToString("0.0", CultureInfo.InvariantCulture) }));

    private static IEnumerable<string> Comparisons(string title, IReadOnlyList<ArmComparison> rows) => EvaluationWords.Table(
        title,
        ["Model", "By", "Win rate", "Goals won", "Tied", "Lost", "Sign test p", "Gain", "Relative gain"],
        rows.Select(row => new[] { row.Arm, row.Scorer, Text(row.WinRate), Text(row.Goals.Wins), Text(row.Goals.Ties), Text(row.Goals.Losses), StudyWords.PValue(row.SignTest), Text(row.Gain), EvaluationWords.Percent(row.RelativeGain) }));

    private static IEnumerable<string> EqualLength(EvaluationResult result) => EvaluationWords.EqualLength(
        "At equal lengths, by the judge",
        result.EqualLength.Select(row => (row.Arm, result.Comparisons.FirstOrDefault(raw => raw.Arm == row.Arm && raw.Scorer == EvaluationResult.Judge), row.Controlled)));

    private static IEnumerable<string> Pairwise(IReadOnlyList<PairwiseRow> rows) => EvaluationWords.Table(
        "Judged in pairs, both orders",
        ["Model", "By", "Rubric", "Win rate", "Won", "Tied", "Lost", "Unread", "Place decided", "First place", "Second place", "Place p"],
        rows.Select(row => new[]
        {
            row.Arm, row.Judge, Shown(row.Rubric), row.WinRate is { } rate ? Text(rate) : "–", Text(row.Pairs.Tally.Wins), Text(row.Pairs.Tally.Ties), Text(row.Pairs.Tally.Losses), Text(row.Pairs.Unread),
            row.Pairs.PositionBias is { } bias ? Text(bias) : "–", Text(row.Pairs.FirstPlace), Text(row.Pairs.SecondPlace), StudyWords.PValue(row.Pairs.PlacePValue),
        }),
        "A plan wins only if it is preferred in both orders. 'Place decided' is the share of pairs in which the same place won both times.");

    private static IEnumerable<string> PairJuries(IReadOnlyList<PairJuryRow> rows) => rows.Count == 0 ? [] :
    [
        .. EvaluationWords.Table(
            "The jury on pairs",
            ["Model", "Rubric", "Majority's win rate", "Mean", "Won", "Tied", "Lost", "No majority", "Disagreement", "Pairs", "Krippendorff's α"],
            rows.Select(row => new[]
            {
                row.Arm, Shown(row.Rubric), row.Majority is { } majority ? Text(majority) : "–", row.Mean is { } mean ? Text(mean) : "–", Text(row.Tally.Wins), Text(row.Tally.Ties), Text(row.Tally.Losses),
                Text(row.Jury.Split), StudyWords.Number(row.Jury.Disagreement), Text(row.Jury.Shared), StudyWords.Number(row.Jury.Alpha),
            }),
            "Pairs on which no choice has most votes count as ties. Disagreement is the share of pairs read by two jurors or more on which they are not all of one mind."),
        .. EvaluationWords.Table(
            "Jurors on pairs",
            ["Model", "Rubric", "Juror", "Pairs", "Unread", "Compared", "Agrees with the others", "Cohen's κ"],
            rows.SelectMany(row => row.Jury.Jurors.Select(juror => new[] { row.Arm, Shown(row.Rubric), juror.Juror, Text(juror.Pairs), Text(juror.Unread), Text(juror.Compared), StudyWords.Number(juror.Agreement), StudyWords.Number(juror.Kappa) }))),
    ];

    private static IEnumerable<string> RubricGaps(IReadOnlyList<RubricGapRow> rows) => EvaluationWords.Table(
        "What seeing the rubric changes",
        ["Model", "By", "Win rate with it", "Without", "Gap"],
        rows.Select(row => new[] { row.Arm, row.Judge, Text(row.With), Text(row.Without), Text(row.Gap) }),
        "On pairs read both ways. A gap whose interval lies above zero says that the model pleases the rubric more than a reader who does not know it.");

    private static IEnumerable<string> Cost(IReadOnlyList<CallTotal> costs) => EvaluationWords.Table(
        "Calls of model servers",
        ["Server", "Model", "Role", "Answered", "Known", "Failed tries", "Tokens read", "Tokens written", "Seconds", "Cost"],
        costs.Select(total => new[]
        {
            total.Server, total.Model, total.Role.ToString(), Text(total.Answered), Text(total.Cached), Text(total.Failed), total.PromptTokens.ToString(CultureInfo.InvariantCulture), total.CompletionTokens.ToString(CultureInfo.InvariantCulture),
            total.Seconds.ToString("0.0", CultureInfo.InvariantCulture), ServerWords.Money(total.CostMicros),
        }));

    private static string Shown(bool rubric) => rubric ? "shown" : "not shown";

    private static IEnumerable<string> Domains(EvaluationResult result) => EvaluationWords.Table(
        "By domain, by the judge",
        ["Model", "Domain", "Goals", $"{result.Spec.Models[0]}", "Score", "Relative gain", "Win rate"],
        result.Domains.Select(row => new[] { row.Arm, row.Domain!, Text(row.Goals.Decided), Text(row.BaselineScore), Text(row.Score), EvaluationWords.Percent(row.RelativeGain), Text(row.WinRate) }));

    private static IEnumerable<string> Curve(BestOfNCurve curve) => EvaluationWords.BestOfN($"Best of N, {curve.Arm}", curve.Points, curve.Bias);

    private static IEnumerable<string> Jury(JuryResult? jury) => jury is null ? [] : EvaluationWords.Table(
        "Jury",
        ["Juror", "Plans", "Unread", "Calls met", "Items", "Agrees with the others", "Cohen's κ"],
        jury.Jurors.Select(row => new[] { row.Juror, Text(row.Plans), Text(row.Ungraded), StudyWords.Number(row.MetShare), Text(row.Items), StudyWords.Number(row.Agreement), StudyWords.Number(row.Kappa) }),
        $"Not unanimous: {StudyWords.Number(jury.Disagreement)} of {jury.SharedItems} items; without a majority: {jury.Ties}; Krippendorff's α {StudyWords.Number(jury.Alpha)}. Each juror is compared with the majority of the others.");

    private static IEnumerable<string> Agreement(GraderAgreement? agreement) => agreement is null ? [] : EvaluationWords.Table(
        "The grader's verdicts against the judge's",
        ["Judge finds violated", "Items", "Not passed by the grader", "Balanced accuracy"],
        [
            .. agreement.Guidelines.Select(row => new[] { $"{row.Guideline}: {Guidelines.Names[row.Guideline - 1]}", Text(row.Items), StudyWords.Number(row.TrueNegativeRate), StudyWords.Number(row.BalancedAccuracy) }),
            ["any", Text(agreement.Verdicts.TrueNegatives + agreement.Verdicts.FalsePositives), StudyWords.Number(agreement.Verdicts.TrueNegativeRate), StudyWords.Number(agreement.Verdicts.BalancedAccuracy)],
        ],
        $"Of {Text(agreement.Verdicts.TruePositives + agreement.Verdicts.FalseNegatives)} items that the judge calls met the grader passes {StudyWords.Number(agreement.Verdicts.TruePositiveRate)}; balanced accuracy is the mean of this and of the share not passed."
            + (agreement.Best is { } best ? $" With the threshold {Text(best.Threshold)} on its probabilities it would be {Text(best.BalancedAccuracy)} on these plans." : ""));

    private static object Document(string name, EvaluationResult result, IReadOnlyList<CallTotal> costs) => new
    {
        Evaluation = name,
        result.Spec,
        result.Data.Sandbox,
        Goals = result.Data.Goals.Count,
        result.Data.LeftOut,
        result.Data.TrainedOn,
        result.Missing,
        Warnings = result.Spec.Warnings(),
        result.Scores,
        result.GreedyScores,
        result.Comparisons,
        result.GreedyComparisons,
        result.EqualLength,
        result.Pairwise,
        result.Domains,
        result.CrossDomain,
        BestOfN = result.Curves,
        result.Agreement,
        Jury = result.Jury is { } jury ? new { jury.Disagreement, jury.Ties, jury.SharedItems, jury.Alpha, jury.Jurors } : null,
        Calls = costs.Select(total => new { total.Server, total.Model, total.Role, total.Answered, total.Cached, total.Failed, total.PromptTokens, total.CompletionTokens, total.Seconds, Cost = total.CostMicros / 1e6 }),
    };

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Text(double value) => EvaluationWords.Number(value);

    private static string Text(Estimate value) => EvaluationWords.Interval(value);
}
