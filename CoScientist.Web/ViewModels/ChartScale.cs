using System.Globalization;

namespace CoScientist.Web.ViewModels;

/// <summary>The arithmetic of charts.</summary>
internal static class ChartScale
{
    /// <summary>Round values (1, 2 or 5 times a power of ten apart) that enclose the range.</summary>
    /// <param name="low">Smallest value.</param>
    /// <param name="high">Largest value.</param>
    /// <param name="about">About how many steps are wanted.</param>
    public static IReadOnlyList<double> Ticks(double low, double high, int about)
    {
        if (!(high > low))
        {
            // A flat line needs room around it.
            var room = Math.Abs(low) * .1;
            (low, high) = room > 0 ? (low - room, high + room) : (0, 1);
        }

        var raw = (high - low) / about;
        var power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        var step = (raw / power) switch
        {
            <= 1.0000001 => power,
            <= 2.0000001 => 2 * power,
            <= 5.0000001 => 5 * power,
            _ => 10 * power,
        };
        var first = Math.Floor((low / step) + 1e-9);
        var last = Math.Ceiling((high / step) - 1e-9);

        // Products of integers and decimals such as .1 leave dust behind.
        var digits = Math.Clamp(2 - (int)Math.Floor(Math.Log10(step)), 0, 15);
        var ticks = new List<double>();
        for (var i = first; i <= last; i++)
        {
            ticks.Add(Math.Round(i * step, digits));
        }

        return ticks;
    }

    /// <summary>Powers of ten that enclose the range, for a logarithmic axis; with 2 and 5 between them where there are few.</summary>
    /// <param name="low">Smallest value, above 0.</param>
    /// <param name="high">Largest value.</param>
    public static IReadOnlyList<double> Decades(double low, double high)
    {
        var first = (int)Math.Floor(Math.Log10(low) + 1e-9);
        var last = Math.Max(first + 1, (int)Math.Ceiling(Math.Log10(high) - 1e-9));
        var stride = ((last - first - 1) / 6) + 1;
        if (last - first > 2)
        {
            // The last mark is the top of the axis, and so not left out.
            return [.. Enumerable.Range(0, (last - first + stride - 1) / stride).Select(i => Power(first + (i * stride))), Power(last)];
        }

        double[] all = [.. Enumerable.Range(first, last - first).SelectMany(power => (double[])[Power(power), 2 * Power(power), 5 * Power(power)]), Power(last)];
        var bottom = Array.FindLastIndex(all, tick => tick <= low * (1 + 1e-9));
        var top = Array.FindIndex(all, tick => tick >= high * (1 - 1e-9));
        return all[Math.Max(0, bottom)..(Math.Max(top, bottom + 1) + 1)];

        static double Power(int exponent) => double.Parse($"1e{exponent.ToString(CultureInfo.InvariantCulture)}", CultureInfo.InvariantCulture);
    }

    /// <summary>The exponentially weighted mean of what came so far, without the pull of the start to zero (the bias correction of Adam, Kingma and Ba 2015).</summary>
    /// <param name="points">The points.</param>
    /// <param name="weight">Weight of what came before, 0 to below 1.</param>
    public static IReadOnlyList<ChartPoint> Smooth(IReadOnlyList<ChartPoint> points, double weight)
    {
        var smooth = new ChartPoint[points.Count];
        var (mean, left) = (0.0, 1.0);
        for (var i = 0; i < smooth.Length; i++)
        {
            mean = (weight * mean) + ((1 - weight) * points[i].Y);
            left *= weight;
            smooth[i] = new ChartPoint(points[i].X, mean / (1 - left));
        }

        return smooth;
    }

    /// <summary>At most about <paramref name="most"/> points that look the same: from each stretch the smallest and the largest, so that no spike is lost.</summary>
    public static IReadOnlyList<ChartPoint> Thin(IReadOnlyList<ChartPoint> points, int most)
    {
        if (points.Count <= most)
        {
            return points;
        }

        var buckets = Math.Max(1, (most - 2) / 2);
        var kept = new List<ChartPoint>(most) { points[0] };
        var inner = points.Count - 2;
        for (var bucket = 0; bucket < buckets; bucket++)
        {
            var start = 1 + (int)((long)inner * bucket / buckets);
            var end = 1 + (int)((long)inner * (bucket + 1) / buckets);
            var (smallest, largest) = (start, start);
            for (var i = start + 1; i < end; i++)
            {
                smallest = points[i].Y < points[smallest].Y ? i : smallest;
                largest = points[i].Y > points[largest].Y ? i : largest;
            }

            kept.Add(points[Math.Min(smallest, largest)]);
            if (smallest != largest)
            {
                kept.Add(points[Math.Max(smallest, largest)]);
            }
        }

        kept.Add(points[^1]);
        return kept;
    }

    /// <summary>Moves labels apart so that none covers another, as little as possible and in their order.</summary>
    /// <param name="places">Wanted places, 0 (bottom) to 1 (top).</param>
    /// <param name="distance">Least distance.</param>
    public static IReadOnlyList<double> Spread(IReadOnlyList<double> places, double distance)
    {
        var order = Enumerable.Range(0, places.Count).OrderBy(i => places[i]).ToArray();
        var moved = places.ToArray();
        for (var i = 1; i < order.Length; i++)
        {
            moved[order[i]] = Math.Max(moved[order[i]], moved[order[i - 1]] + distance);
        }

        // What was pushed over the top comes back down, pushing those below it.
        var ceiling = 1.0;
        for (var i = order.Length - 1; i >= 0; i--)
        {
            moved[order[i]] = Math.Min(moved[order[i]], ceiling);
            ceiling = moved[order[i]] - distance;
        }

        return moved;
    }
}
