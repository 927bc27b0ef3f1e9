using System.Collections;

namespace CoScientist.Web.ViewModels;

/// <summary>A metric of a run as the points of a line. Nothing is copied: ten long runs on one page are millions of points.</summary>
/// <param name="points">The metric.</param>
/// <param name="scale">What values are multiplied by.</param>
internal sealed class RunPoints(IReadOnlyList<(int Step, double Value)> points, double scale) : IReadOnlyList<ChartPoint>
{
    private IReadOnlyList<(int Step, double Value)> Source => points;

    private double Scale => scale;

    /// <inheritdoc/>
    public int Count => points.Count;

    /// <inheritdoc/>
    public ChartPoint this[int index]
    {
        get
        {
            var (step, value) = points[index];
            return new ChartPoint(step, value * scale);
        }
    }

    /// <summary>Whether they are the same points: a metric that has not grown since is not drawn again.</summary>
    public override bool Equals(object? obj) => obj is RunPoints other && scale.Equals(other.Scale) && points.Equals(other.Source);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(points, scale);

    /// <inheritdoc/>
    public IEnumerator<ChartPoint> GetEnumerator()
    {
        for (var at = 0; at < points.Count; at++)
        {
            yield return this[at];
        }
    }

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
