using System.Globalization;
using CoScientist.Core.Grading;
using CoScientist.Core.Statistics;
using CoScientist.Core.Studies;

namespace CoScientist.Web.ViewModels;

/// <summary>The results page of a study as Markdown, a table and a document.</summary>
internal static class StudyReport
{
    /// <summary>Makes the report.</summary>
    public static Report Of(StudySummary study, StudyResults results)
    {
        var graders = results.PerGoal.SelectMany(g => g.Graded, (_, g) => (g.Role, g.Grader)).Distinct().OrderBy(g => g.Role).ThenBy(g => g.Grader, StringComparer.Ordinal).ToList();
        return new Report(
            [.. Markdown(study, results), .. Figures(study, results)],
            Document(study, results),
            ["goal", "text", "preferred", "points", "wins", "ties", "losses", "both_bad", .. graders.SelectMany(g => new[] { $"{Words.For(g.Role)} {g.Grader}: arm 1", $"{Words.For(g.Role)} {g.Grader}: arm 2" })],
            [.. results.PerGoal.Select(goal => Row(study, goal, graders))]);
    }

    /// <summary>Several studies one after the other, and the ratings of their systems where there are three or more.</summary>
    public static Report Of(IReadOnlyList<(StudySummary Study, StudyResults Results)> studies)
    {
        var systems = StudyFigures.Systems(studies);
        var parts = studies.Select(s => (s.Study, Report: Of(s.Study, s.Results))).ToList();
        return new Report(
            [.. parts.SelectMany(p => p.Report.Markdown.Append("")), .. Ratings(systems)],
            new { Studies = parts.Select(p => p.Report.Document), Systems = systems },
            ["study", "goal", "text", "preferred", "points", "wins", "ties", "losses", "both_bad"],
            [.. parts.SelectMany(p => p.Report.Rows, IReadOnlyList<object?> (p, row) => [p.Study.Name, .. row.Take(8)])]);
    }

    private static IEnumerable<string> Ratings(IReadOnlyList<SystemRating> systems)
    {
        if (systems.Count == 0)
        {
            yield break;
        }

        yield return "# All systems";
        yield return "";
        yield return systems[0].Rating is null
            ? "Bradley–Terry ratings are not estimable: some systems were never compared with the others, or never took a point off them."
            : "Bradley–Terry ratings, ties half: 400 points are odds of ten to one, 1000 is the average; 95% bootstrap over goals.";
        yield return "";
        yield return Report.Row("System", "Rating", "Low", "High", "Goals");
        yield return Report.Rule(5);
        foreach (var system in systems)
        {
            yield return Report.Row(system.Name, Points(system.Rating?.Value), Points(system.Rating?.Low), Points(system.Rating?.High), Count(system.Goals));
        }

        static string Points(double? value) => value?.ToString("0", CultureInfo.InvariantCulture) ?? "–";
    }

    private static IReadOnlyList<object?> Row(StudySummary study, GoalResult goal, List<(GraderRole Role, string Grader)> graders) =>
    [
        goal.Pair.Order + 1,
        goal.Pair.Goal,
        StudyWords.Outcome(goal, study),
        goal.Points,
        goal.Tally.Wins,
        goal.Tally.Ties,
        goal.Tally.Losses,
        goal.Tally.BothBad,
        .. graders.SelectMany(g => goal.Graded.FirstOrDefault(x => x.Role == g.Role && x.Grader == g.Grader) is { } scores ? new object?[] { scores.Score1, scores.Score2 } : [null, null]),
    ];

    private static IEnumerable<string> Markdown(StudySummary study, StudyResults results)
    {
        yield return $"# {study.Name}";
        yield return "";
        yield return $"{study.Arm1} against {study.Arm2}, {study.AnsweredPairs} of {study.Pairs} goals answered, {study.Answers} answers by {study.Experts} {(study.Experts == 1 ? "expert" : "experts")}; the study is {StudyWords.State(study.State)}.{(study.IsSandbox ? " " + Report.SandboxNote : "")}";
        yield return "";
        if (results.WinRate is { } rate)
        {
            yield return $"**Win rate of {study.Arm1}: {Interval(rate)}**, n = {results.Goals.Decided} goals, ties half, 95% bootstrap interval over goals.";
            yield return $"Goals won {results.Goals.Wins}, tied {results.Goals.Ties}, lost {results.Goals.Losses}; neither acceptable {results.Goals.BothBad} (not counted). Sign test p = {StudyWords.PValue(results.SignTest)}.";
        }
        else
        {
            yield return "No goal is decided yet.";
        }

        yield return "";
        yield return Report.Row("On the same goals", "Win rate", "Won", "Tied", "Lost", "Same as experts", "Cohen's κ");
        yield return Report.Rule(7);
        yield return Report.Row("Experts", results.WinRate is { } experts ? Interval(experts) : "–", Count(results.Goals.Wins), Count(results.Goals.Ties), Count(results.Goals.Losses), "", "");
        foreach (var grader in results.Graders)
        {
            yield return Report.Row(StudyWords.Grader(grader.Role, grader.Grader), Interval(grader.WinRate), Count(grader.Goals.Wins), Count(grader.Goals.Ties), Count(grader.Goals.Losses), StudyWords.Number(grader.Agreement), StudyWords.Number(grader.Kappa));
        }

        yield return "";
        var position = results.Position;
        yield return position.LeftShare is { } left
            ? $"Left plan chosen: {Interval(left)}, {position.Left} of {position.Left + position.Right}, exact p = {StudyWords.PValue(position.PValue)}."
            : "Left plan chosen: no such answer yet.";
        yield return results.Alpha is { } alpha
            ? $"Agreement of experts: Krippendorff's α = {StudyWords.Number(alpha)}, {results.OverlappingGoals} goals with several answers."
            : "Agreement of experts: not estimable.";
        yield return "";
        yield return Report.Row("Goal", "Preferred", "Points", "Won", "Tied", "Lost", "Neither");
        yield return Report.Rule(7);
        foreach (var goal in results.PerGoal.Where(g => g.Answers.Count > 0))
        {
            yield return Report.Row($"{Count(goal.Pair.Order + 1)}. {Short(goal.Pair.Goal)}", StudyWords.Outcome(goal, study), StudyWords.Number(goal.Points), Count(goal.Tally.Wins), Count(goal.Tally.Ties), Count(goal.Tally.Losses), Count(goal.Tally.BothBad));
        }

        yield return "";
        yield return Report.Row("Expert", "Win rate", "Won", "Tied", "Lost", "Neither", "Left", "Right", "Median s");
        yield return Report.Rule(9);
        foreach (var expert in results.PerExpert)
        {
            yield return Report.Row(expert.Expert, StudyWords.Number(expert.Tally.Rate), Count(expert.Tally.Wins), Count(expert.Tally.Ties), Count(expert.Tally.Losses), Count(expert.Tally.BothBad), Count(expert.Left), Count(expert.Right), expert.MedianSeconds.ToString("0", CultureInfo.InvariantCulture));
        }
    }

    // What the lines above do not say already.
    private static IEnumerable<string> Figures(StudySummary study, StudyResults results)
    {
        foreach (var figure in StudyFigures.Of(study, results).Where(f => f.Key is not ("win-rate" or "goals" or "experts" or "position")))
        {
            yield return "";
            yield return $"## {figure.Title}";
            yield return "";
            yield return figure.Note;
            yield return "";
            yield return Report.Row(figure.Header);
            yield return Report.Rule(figure.Header.Count);
            foreach (var row in figure.Rows)
            {
                yield return Report.Row(row.Select(cell => Short(StudyFigures.Cell(cell))));
            }
        }
    }

    private static object Document(StudySummary study, StudyResults results) => new
    {
        Study = study.Name,
        Id = study.Id.ToString(),
        study.Arm1,
        study.Arm2,
        State = study.State,
        Sandbox = study.IsSandbox,
        study.Pairs,
        study.AnsweredPairs,
        study.Answers,
        study.Experts,
        results.Goals.Wins,
        results.Goals.Ties,
        results.Goals.Losses,
        results.Goals.BothBad,
        results.WinRate,
        results.DecidedShare,
        results.SignTest,
        Position = new { results.Position.Left, results.Position.Right, results.Position.LeftShare, results.Position.PValue },
        results.Alpha,
        results.OverlappingGoals,
        Graders = results.Graders.Select(g => new { g.Role, g.Grader, g.Goals.Wins, g.Goals.Ties, g.Goals.Losses, g.WinRate, g.Agreement, g.Kappa }),
        PerGoal = results.PerGoal.Select(g => new
        {
            Goal = g.Pair.GoalId.ToString(),
            g.Pair.Order,
            Text = g.Pair.Goal,
            g.Points,
            g.Tally.Wins,
            g.Tally.Ties,
            g.Tally.Losses,
            g.Tally.BothBad,
            Answers = g.Answers.Select(a => new { a.Expert, a.Outcome, a.Arm1IsLeft, a.Reason, a.At }),
            Graders = g.Graded.Select(x => new { x.Role, x.Grader, x.Score1, x.Score2 }),
        }),
        Figures = StudyFigures.Of(study, results).Select(f => new { f.Key, f.Title, f.Note, f.Header, f.Rows }),
        PerExpert = results.PerExpert.Select(e => new { e.Expert, e.Tally.Wins, e.Tally.Ties, e.Tally.Losses, e.Tally.BothBad, WinRate = e.Tally.Rate, e.Left, e.Right, e.MedianSeconds }),
    };

    private static string Interval(Estimate estimate) => $"{StudyWords.Number(estimate.Value)} ({StudyWords.Number(estimate.Low)} to {StudyWords.Number(estimate.High)})";

    private static string Count(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Short(string text) => text.Length <= 80 ? text : text[..79] + "…";
}
