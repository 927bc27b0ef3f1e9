namespace CoScientist.Web.ViewModels;

/// <summary>One line of a chart.</summary>
/// <param name="Name">Its direct label.</param>
/// <param name="Tone">Whose line it is: the same colour and stroke on every page.</param>
/// <param name="Points">Points by ascending x.</param>
public sealed record ChartSeries(string Name, ChartTone Tone, IReadOnlyList<ChartPoint> Points)
{
    /// <summary>Number of colours that runs are told apart by where several are on one chart.</summary>
    public const int RunColours = 8;

    /// <summary>Colour of a run, from 0; null where the tone says whose line it is.</summary>
    public int? Run { get; init; }

    /// <summary>Its class in the style sheets.</summary>
    public string Class => Run is { } run ? FormattableString.Invariant($"tone-run-{run % RunColours}") : Tone switch
    {
        ChartTone.SelfGrade => "tone-self",
        ChartTone.Judge => "tone-judge",
        ChartTone.Human => "tone-human",
        ChartTone.Oracle => "tone-oracle",
        _ => "tone-plain",
    };
}

/// <summary>A point, with the ends of its interval where it has one.</summary>
public readonly record struct ChartPoint(double X, double Y, double? Low = null, double? High = null);

/// <summary>Whose line it is; the style sheets give each a colour and a stroke that can be told apart in grey.</summary>
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

/// <summary>How the charts of a page are looked at.</summary>
/// <param name="Smoothing">Weight of what came before in the running mean, 0 (none) to below 1.</param>
/// <param name="From">First x shown; null for the first there is.</param>
/// <param name="To">Last x shown; null for the last there is.</param>
/// <param name="Logarithmic">Whether equal factors are equally far apart; points that are not above 0 are left out.</param>
public sealed record ChartView(double Smoothing = 0, double? From = null, double? To = null, bool Logarithmic = false);
