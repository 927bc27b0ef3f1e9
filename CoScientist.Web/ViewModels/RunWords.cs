using System.Globalization;
using CoScientist.Core.Runs;

namespace CoScientist.Web.ViewModels;

/// <summary>Words and colours for runs, the same on every page.</summary>
internal static class RunWords
{
    /// <summary>A duration for people: "42 s", "12 min", "1 h 05 min".</summary>
    public static string Duration(TimeSpan duration) => duration switch
    {
        { TotalSeconds: < 90 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, duration.TotalSeconds):0} s"),
        { TotalMinutes: < 60 } => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMinutes:0} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)duration.TotalHours} h {duration.Minutes:00} min"),
    };

    /// <summary>Whether the oracle judges the run, or a model.</summary>
    public static ChartTone JudgeToneOf(Run run) => run.Spec.Judge == RunSpec.Oracle ? ChartTone.Oracle : ChartTone.Judge;

    /// <summary>Class of the judge's colour.</summary>
    public static string JudgeTone(Run run) => run.Spec.Judge == RunSpec.Oracle ? "tone-oracle" : "tone-judge";

    /// <summary>Name of the judge.</summary>
    public static string JudgeName(Run run) => run.Spec.Judge == RunSpec.Oracle ? "oracle" : "judge";
}
