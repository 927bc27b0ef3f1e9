namespace CoScientist.Core.Statistics;

/// <summary>A comparison of two systems.</summary>
/// <param name="First">Number of the first system, from 0.</param>
/// <param name="Second">Number of the second.</param>
/// <param name="Points">Points of the first: 1 won, ½ tied, 0 lost.</param>
public readonly record struct SystemComparison(int First, int Second, double Points);

/// <summary>
/// Strengths of systems from comparisons in pairs (Bradley and Terry 1952, Biometrika 39, 324–345): P(i beats j) = p_i / (p_i + p_j).
/// A tie counts half a win for either, the convention of win rates here. Fitted by the minorization–maximization of Hunter 2004
/// (Annals of Statistics 32, 384–406), p_i ← W_i / Σ_j n_ij / (p_i + p_j), and scaled as 400·log₁₀ p + 1000 with geometric mean 1: 400
/// points are odds of ten to one, and 1000 is the average system.
/// </summary>
public static class BradleyTerry
{
    private const double Converged = 1e-10;
    private const int MostSteps = 10_000;
    private const int Resamples = 500;

    /// <summary>Rating of each system.</summary>
    /// <param name="systems">Number of systems, at least two.</param>
    /// <param name="comparisons">The comparisons.</param>
    /// <returns>
    /// Null when they are not estimable: the systems fall into two groups between which nothing was compared, or one never took a point
    /// off the other (Ford 1957, American Mathematical Monthly 64, 28–33).
    /// </returns>
    public static IReadOnlyList<double>? Ratings(int systems, IEnumerable<SystemComparison> comparisons)
    {
        ArgumentNullException.ThrowIfNull(comparisons);
        ArgumentOutOfRangeException.ThrowIfLessThan(systems, 2);
        var points = new double[systems, systems];
        foreach (var (first, second, won) in comparisons)
        {
            points[first, second] += won;
            points[second, first] += 1 - won;
        }

        return Fit(points);
    }

    /// <summary>Ratings with 95% intervals, bootstrap over goals: a goal is drawn with all its comparisons. Resamples that are not estimable are left out.</summary>
    /// <param name="systems">Number of systems, at least two.</param>
    /// <param name="goals">For each goal its comparisons.</param>
    /// <param name="seed">Seed of the bootstrap.</param>
    /// <returns>Null when not estimable, see <see cref="Ratings"/>.</returns>
    public static IReadOnlyList<Estimate>? Estimates(int systems, IReadOnlyList<IReadOnlyList<SystemComparison>> goals, long seed = 1)
    {
        ArgumentNullException.ThrowIfNull(goals);
        if (Ratings(systems, goals.SelectMany(goal => goal)) is null)
        {
            return null;
        }

        // The same seed draws the same goals for every system.
        return [.. Enumerable.Range(0, systems).Select(system => Bootstrap.Of(
            goals.Count,
            drawn => Ratings(systems, drawn.SelectMany(goal => goals[goal]))?[system] ?? double.NaN,
            Resamples,
            seed))];
    }

    private static double[]? Fit(double[,] points)
    {
        var systems = points.GetLength(0);
        if (!IsConnected(points, forward: true) || !IsConnected(points, forward: false))
        {
            return null;
        }

        var strength = Enumerable.Repeat(1.0, systems).ToArray();
        for (var step = 0; step < MostSteps; step++)
        {
            var moved = 0.0;
            for (var i = 0; i < systems; i++)
            {
                var (won, weight) = (0.0, 0.0);
                for (var j = 0; j < systems; j++)
                {
                    won += points[i, j];
                    weight += (points[i, j] + points[j, i]) / (strength[i] + strength[j]);
                }

                var next = won / weight;
                moved = Math.Max(moved, Math.Abs(Math.Log(next / strength[i])));
                strength[i] = next;
            }

            // Only ratios matter: the geometric mean stays 1.
            var mean = Math.Exp(strength.Average(Math.Log));
            for (var i = 0; i < systems; i++)
            {
                strength[i] /= mean;
            }

            if (moved < Converged)
            {
                break;
            }
        }

        return [.. strength.Select(p => (400 * Math.Log10(p)) + 1000)];
    }

    // Whether system 0 reaches all others along points taken (or lost): both ways together mean strongly connected.
    private static bool IsConnected(double[,] points, bool forward)
    {
        var systems = points.GetLength(0);
        var reached = new HashSet<int> { 0 };
        var left = new Stack<int>([0]);
        while (left.TryPop(out var from))
        {
            for (var to = 0; to < systems; to++)
            {
                if ((forward ? points[from, to] : points[to, from]) > 0 && reached.Add(to))
                {
                    left.Push(to);
                }
            }
        }

        return reached.Count == systems;
    }
}
