namespace CoScientist.Core.Runs;

/// <summary>The values of one metric by ascending step. What was handed out stays as it was: values are added behind it, and a change makes a copy.</summary>
internal sealed class MetricColumn
{
    private (int Step, double Value)[] points = new (int, double)[64];
    private int count;
    private bool finite = true;

    /// <summary>The points.</summary>
    public ArraySegment<(int Step, double Value)> All => new(points, 0, count);

    /// <summary>The points that can be drawn.</summary>
    public IReadOnlyList<(int Step, double Value)> Finite() => finite ? All : [.. All.Where(point => double.IsFinite(point.Value))];

    /// <summary>Sets the value of a step: usually the next one.</summary>
    public void Set(int step, double value)
    {
        finite &= double.IsFinite(value);
        if (count == 0 || points[count - 1].Step < step)
        {
            if (count == points.Length)
            {
                Array.Resize(ref points, 2 * count);
            }

            points[count++] = (step, value);
            return;
        }

        if (points[count - 1] == (step, value))
        {
            return;
        }

        var at = Array.FindIndex(points, 0, count, point => point.Step >= step);
        var isNew = points[at].Step != step;
        var changed = new (int Step, double Value)[points.Length + 1];
        Array.Copy(points, changed, at);
        Array.Copy(points, isNew ? at : at + 1, changed, at + 1, count - (isNew ? at : at + 1));
        changed[at] = (step, value);
        (points, count) = (changed, isNew ? count + 1 : count);
    }
}
