using CoScientist.Core.Studies;

namespace CoScientist.Web.ViewModels;

/// <content>Several studies side by side.</content>
internal static partial class StudyFigures
{
    /// <summary>Win rates of the studies that are decided somewhere, and the ratings of all their arms where there are three or more.</summary>
    public static IReadOnlyList<StudyFigure> Of(IReadOnlyList<(StudySummary Study, StudyResults Results)> studies)
    {
        var decided = studies.Where(s => s.Results.WinRate is not null).ToList();
        var systems = Systems(studies);
        return
        [
            .. decided.Count == 0 ? Array.Empty<StudyFigure>() : [Drawn(
                "win-rates",
                "Win rate of the first arm, study by study",
                $"n = {string.Join(", ", decided.Select(s => s.Results.Goals.Decided))} goals; ties half, 95% bootstrap over goals.",
                [.. decided.Select(s => new IntervalRow($"{s.Study.Name}: {s.Study.Arm1} over {s.Study.Arm2}", "tone-human", s.Results.WinRate!.Value, s.Results.Goals.Decided))])],
            .. systems.Count == 0 ? Array.Empty<StudyFigure>() : [new StudyFigure(
                "ratings",
                "Ratings of all arms",
                systems[0].Rating is null
                    ? "Bradley–Terry ratings are not estimable: some arms were never compared with the others, or never took a point off them."
                    : $"n = {studies.SelectMany(s => s.Results.PerGoal).Where(g => g.Points is not null).Select(g => g.Pair.GoalId).Distinct().Count()} goals; Bradley–Terry, ties half: 400 points are odds of ten to one, 1000 is the average; 95% bootstrap over goals.",
                ["Arm", "Rating", "Low", "High", "Goals"],
                [.. systems.Select(IReadOnlyList<object?> (s) => [s.Name, Whole(s.Rating?.Value), Whole(s.Rating?.Low), Whole(s.Rating?.High), s.Goals])])],
        ];
    }

    /// <summary>Ratings of all arms of the studies, best first; empty for fewer than three.</summary>
    public static IReadOnlyList<SystemRating> Systems(IReadOnlyList<(StudySummary Study, StudyResults Results)> studies) =>
        StudySystems.Rate([.. studies.SelectMany(s => s.Results.PerGoal.Where(g => g.Points is not null), (s, g) => (g.Pair.GoalId, s.Study.Arm1, s.Study.Arm2, g.Points!.Value))]);

    private static object? Whole(double? points) => points is { } value ? (int)Math.Round(value) : null;
}
