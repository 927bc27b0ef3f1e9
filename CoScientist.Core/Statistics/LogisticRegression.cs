namespace CoScientist.Core.Statistics;

/// <summary>A fitted curve P(y) = 1 / (1 + e^−(intercept + slope·x)).</summary>
/// <param name="Intercept">Log-odds at x = 0.</param>
/// <param name="Slope">Change of the log-odds per unit of x.</param>
public readonly record struct LogisticFit(double Intercept, double Slope)
{
    /// <summary>The fitted probability at x.</summary>
    public double At(double x) => 1 / (1 + Math.Exp(-(Intercept + (Slope * x))));
}

/// <summary>Logistic regression on one variable, by Newton's method on the log-likelihood (Hosmer and Lemeshow, Applied Logistic Regression, 2000, chapter 1).</summary>
public static class LogisticRegression
{
    // Log-odds past this are 0 or 1 in double precision.
    private const double Certain = 36;
    private const int MostSteps = 100;
    private const double Converged = 1e-10;

    /// <summary>
    /// Maximises Σ (y·log p + (1 − y)·log(1 − p)) − ridge·slope²/2. Outcomes between 0 and 1 are allowed: ½ counts as half a success
    /// and half a failure. When all outcomes are 0, or all 1, the intercept is −36 or 36 and the slope 0.
    /// </summary>
    /// <param name="points">Variable and outcome of each observation, at least one; finite, outcomes in 0–1.</param>
    /// <param name="ridge">Penalty of the slope; above 0 the slope stays finite even if x separates the outcomes. Default 0.</param>
    /// <param name="start">Where to begin; a near one saves steps.</param>
    /// <exception cref="ArgumentException">There is no observation, or an impossible one.</exception>
    public static LogisticFit Fit(ReadOnlySpan<(double X, double Y)> points, double ridge = 0, LogisticFit start = default)
    {
        var mean = 0.0;
        foreach (var (x, y) in points)
        {
            mean += double.IsFinite(x) && y is >= 0 and <= 1 ? y : throw new ArgumentException($"The observation ({x}, {y}) is impossible: x is finite and y between 0 and 1.", nameof(points));
        }

        if (points.Length == 0)
        {
            throw new ArgumentException("A regression needs observations.", nameof(points));
        }

        if (mean <= 0 || mean >= points.Length)
        {
            return new LogisticFit(mean <= 0 ? -Certain : Certain, 0);
        }

        var (fit, likelihood) = (start, LogLikelihood(points, ridge, start));
        for (var step = 0; step < MostSteps; step++)
        {
            var (move, size) = NewtonStep(points, ridge, fit);

            // Newton's step goes too far where the curve is flat: halve it until it does not lose.
            var next = new LogisticFit(fit.Intercept + move.Intercept, fit.Slope + move.Slope);
            var reached = LogLikelihood(points, ridge, next);
            for (var scale = 0.5; !(reached >= likelihood - Converged) && scale > 1e-6; scale /= 2)
            {
                next = new LogisticFit(fit.Intercept + (scale * move.Intercept), fit.Slope + (scale * move.Slope));
                reached = LogLikelihood(points, ridge, next);
            }

            (fit, likelihood) = (next, reached);
            if (size < Converged)
            {
                break;
            }
        }

        return fit;
    }

    private static (LogisticFit Move, double Size) NewtonStep(ReadOnlySpan<(double X, double Y)> points, double ridge, LogisticFit fit)
    {
        var (g0, g1, h00, h01, h11) = (0.0, -ridge * fit.Slope, 0.0, 0.0, ridge);
        foreach (var (x, y) in points)
        {
            var p = fit.At(x);
            var weight = p * (1 - p);
            g0 += y - p;
            g1 += (y - p) * x;
            h00 += weight;
            h01 += weight * x;
            h11 += weight * x * x;
        }

        // Without spread in x there is no slope to move.
        var determinant = (h00 * h11) - (h01 * h01);
        var move = determinant > 1e-12 * h00 * h11
            ? new LogisticFit(((h11 * g0) - (h01 * g1)) / determinant, ((h00 * g1) - (h01 * g0)) / determinant)
            : new LogisticFit(g0 / Math.Max(h00, double.Epsilon), 0);
        return (move, Math.Abs(move.Intercept) + Math.Abs(move.Slope));
    }

    private static double LogLikelihood(ReadOnlySpan<(double X, double Y)> points, double ridge, LogisticFit fit)
    {
        var sum = -ridge * fit.Slope * fit.Slope / 2;
        foreach (var (x, y) in points)
        {
            // y·z − log(1 + e^z), without overflow.
            var z = fit.Intercept + (fit.Slope * x);
            sum += (y * z) - Math.Max(z, 0) - Math.Log(1 + Math.Exp(-Math.Abs(z)));
        }

        return sum;
    }
}
