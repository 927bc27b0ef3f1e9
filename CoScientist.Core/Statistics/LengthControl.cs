namespace CoScientist.Core.Statistics;

/// <summary>A plan of one arm against a plan of the other for the same goal.</summary>
/// <param name="Points">1 won, ½ tied, 0 lost.</param>
/// <param name="ScoreDifference">Score of the first minus that of the second.</param>
/// <param name="LengthDifference">Length of the first minus that of the second, in tokens or words.</param>
public readonly record struct LengthComparison(double Points, double ScoreDifference, double LengthDifference);

/// <summary>What is left of an advantage at equal lengths.</summary>
/// <param name="WinRate">Win rate at equal lengths, 0–1.</param>
/// <param name="Gain">Score difference at equal lengths.</param>
/// <param name="LengthEffect">Log-odds of winning that being longer by a standard deviation of the differences brings, about (0.76 of the fitted coefficient of tanh).</param>
/// <param name="MeanDifference">Mean difference of lengths.</param>
/// <param name="Extrapolated">Whether one arm is the longer one in every comparison: nothing was seen at equal lengths, and both numbers rest on the model alone.</param>
public sealed record LengthControlled(Estimate WinRate, Estimate Gain, double LengthEffect, double MeanDifference, bool Extrapolated);

/// <summary>
/// Comparisons with the part explained by length taken out (Dubois et al. 2024, Length-Controlled AlpacaEval, arXiv 2404.04475):
/// logit P(win) = θ + φ·tanh(Δ/s), Δ the difference of lengths and s its root mean square; the length-controlled win rate is the model's
/// prediction at Δ = 0, that is 1/(1 + e^−θ). It keeps their properties: without an effect of length it is the raw win rate, and
/// exchanging the arms turns it into its complement. Their term for the difficulty of an instruction needs many models and is left out.
/// Beside it a straight line, score difference = α + β·Δ, whose α is the gain at equal lengths. Intervals: bootstrap over goals.
/// </summary>
public static class LengthControl
{
    // A normal prior of standard deviation 2.5 on φ, the usual weakly informative one (Gelman et al. 2008, Annals of Applied
    // Statistics 2, 1360–1383, use Cauchy's of this scale): it keeps φ finite when length separates wins from losses.
    private const double Ridge = 1 / (2.5 * 2.5);
    private const int Resamples = 2_000;

    /// <summary>Fits both models.</summary>
    /// <param name="goals">For each goal its comparisons.</param>
    /// <param name="seed">Seed of the bootstrap.</param>
    /// <returns>Null when every comparison has the same difference of lengths other than 0: its effect cannot be told from the arms'.</returns>
    /// <exception cref="ArgumentException">There is no goal, or one has no comparison.</exception>
    public static LengthControlled? Of(IReadOnlyList<IReadOnlyList<LengthComparison>> goals, long seed = 1)
    {
        ArgumentNullException.ThrowIfNull(goals);
        if (goals.Count == 0 || goals.Any(goal => goal.Count == 0))
        {
            throw new ArgumentException("A comparison at equal lengths needs at least one goal, and a comparison for each.", nameof(goals));
        }

        var all = goals.SelectMany(goal => goal).ToArray();
        var (least, most) = (all.Min(pair => pair.LengthDifference), all.Max(pair => pair.LengthDifference));
        if (most - least < 1e-9 && Math.Abs(most) > 1e-9)
        {
            return null;
        }

        var scale = Math.Sqrt(all.Average(pair => pair.LengthDifference * pair.LengthDifference));
        var points = goals.Select(goal => goal.Select(pair => (X: scale == 0 ? 0 : Math.Tanh(pair.LengthDifference / scale), Y: pair.Points)).ToArray()).ToArray();
        var whole = LogisticRegression.Fit([.. points.SelectMany(goal => goal)], Ridge);
        var buffer = new List<(double X, double Y)>(all.Length);
        var winRate = Bootstrap.Of(
            goals.Count,
            drawn =>
            {
                buffer.Clear();
                foreach (var goal in drawn)
                {
                    buffer.AddRange(points[goal]);
                }

                return LogisticRegression.Fit(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(buffer), Ridge, whole).At(0);
            },
            Resamples,
            seed);
        var sums = goals.Select(Moments.Of).ToArray();
        return new LengthControlled(
            winRate,
            Bootstrap.Of(goals.Count, drawn => Moments.Sum(sums, drawn).Intercept, Resamples, seed),
            whole.Slope * Math.Tanh(1),
            all.Average(pair => pair.LengthDifference),
            least > 0 || most < 0);
    }

    // What ordinary least squares needs to know of a goal.
    private readonly record struct Moments(double Count, double X, double Y, double XX, double XY)
    {
        /// <summary>α of y = α + β·x. Without spread in x there is no slope to take out: the mean.</summary>
        public double Intercept
        {
            get
            {
                var spread = (Count * XX) - (X * X);
                return spread > 1e-12 * Count * XX ? ((Y * XX) - (X * XY)) / spread : X == 0 ? Y / Count : double.NaN;
            }
        }

        public static Moments Of(IReadOnlyList<LengthComparison> pairs) => new(
            pairs.Count,
            pairs.Sum(pair => pair.LengthDifference),
            pairs.Sum(pair => pair.ScoreDifference),
            pairs.Sum(pair => pair.LengthDifference * pair.LengthDifference),
            pairs.Sum(pair => pair.LengthDifference * pair.ScoreDifference));

        public static Moments Sum(Moments[] goals, int[] drawn)
        {
            var (count, x, y, xx, xy) = (0.0, 0.0, 0.0, 0.0, 0.0);
            foreach (var goal in drawn)
            {
                (count, x, y, xx, xy) = (count + goals[goal].Count, x + goals[goal].X, y + goals[goal].Y, xx + goals[goal].XX, xy + goals[goal].XY);
            }

            return new Moments(count, x, y, xx, xy);
        }
    }
}
