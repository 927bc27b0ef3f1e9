namespace CoScientist.Web.ViewModels;

/// <summary>One line of a chart.</summary>
/// <param name="Name">Its direct label.</param>
/// <param name="Tone">Whose line it is: the same colour and stroke on every page.</param>
/// <param name="Points">Points by ascending x.</param>
public sealed record ChartSeries(string Name, ChartTone Tone, IReadOnlyList<ChartPoint> Points);

/// <summary>A point, with the ends of its interval where it has one.</summary>
public readonly record struct ChartPoint(double X, double Y, double? Low = null, double? High = null);

/// <summary>Whose line it is; app.css gives each a colour and a stroke that can be told apart in grey.</summary>
public enum ChartTone
{
    /// <summary>A measurement that belongs to nobody.</summary>
    Plain,

    /// <summary>The frozen initial policy.</summary>
    SelfGrade,

    /// <summary>A model that is not the training grader.</summary>
    Judge,

    /// <summary>People.</summary>
    Human,

    /// <summary>The exact judge of the sandbox.</summary>
    Oracle,
}

/// <summary>Marks an x, such as the picked checkpoint.</summary>
public sealed record ChartMark(double X, string Label);
