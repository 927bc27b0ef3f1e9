using CoScientist.Core.Statistics;

namespace CoScientist.Tests.Core.Statistics;

/// <summary>Measures of agreement against the examples of those who published them.</summary>
public sealed class AgreementMeasuresTests
{
    /// <summary>Krippendorff 2011, example C: four observers, twelve units, labels missing.</summary>
    private static readonly string[] Krippendorff = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."];

    /// <summary>Fleiss 1971, table 1: six diagnoses of each of 30 patients, five categories.</summary>
    private static readonly string[] Fleiss1971 =
    [
        "444444", "222555", "233335", "555555", "222444", "113333", "333355", "113334", "114444", "555555",
        "144444", "124444", "222333", "144444", "224445", "333335", "111455", "111112", "224444", "133555",
        "555555", "244444", "224555", "114444", "144445", "222224", "111155", "224444", "133333", "555555",
    ];

    /// <summary>His values for the three levels: .743, .815 and .849.</summary>
    [Theory]
    [InlineData(AlphaLevel.Nominal, 0.743)]
    [InlineData(AlphaLevel.Ordinal, 0.815)]
    [InlineData(AlphaLevel.Interval, 0.849)]
    public void KrippendorffAlpha_ExampleOfKrippendorff2011_IsHisAtEveryLevel(AlphaLevel level, double alpha) =>
        Assert.Equal(alpha, Agreement.KrippendorffAlpha(Units(Krippendorff), level)!.Value, 0.0005);

    [Fact]
    public void KrippendorffInterval_ExampleOfKrippendorff2011_HoldsTheValueAndIsReproducible()
    {
        var interval = Agreement.KrippendorffInterval(Units(Krippendorff), AlphaLevel.Ordinal)!.Value;

        Assert.Equal(0.815, interval.Value, 0.0005);
        Assert.InRange(interval.Low, 0, 0.815);
        Assert.InRange(interval.High, 0.815, 1);
        Assert.Equal(interval, Agreement.KrippendorffInterval(Units(Krippendorff), AlphaLevel.Ordinal));
        Assert.Null(Agreement.KrippendorffInterval([[1], [2, 2]], AlphaLevel.Nominal));
    }

    /// <summary>Cohen 1968, table 1: the diagnoses of 1960 with weights 1, 3 and 6; κ_w = .348.</summary>
    [Fact]
    public void WeightedKappa_ExampleOfCohen1968_IsHis()
    {
        int[][] counts = [[88, 14, 18], [10, 40, 10], [2, 6, 12]];
        int[][] weights = [[0, 1, 3], [1, 0, 6], [3, 6, 0]];
        var pairs = counts.SelectMany((row, i) => row.SelectMany((count, j) => Enumerable.Repeat((i, j), count))).ToList();

        Assert.Equal(0.348, Agreement.WeightedKappa(pairs, (i, j) => weights[i][j])!.Value, 0.0005);
        Assert.Equal(Agreement.CohenKappa(pairs)!.Value, Agreement.WeightedKappa(pairs, (i, j) => i == j ? 0 : 1)!.Value, 12);
        Assert.Null(Agreement.WeightedKappa(Array.Empty<(int, int)>(), (i, j) => i - j));
    }

    /// <summary>Fleiss 1971: κ = .430.</summary>
    [Fact]
    public void FleissKappa_DiagnosesOfFleiss1971_IsHis() =>
        Assert.Equal(0.430, Agreement.FleissKappa(Fleiss1971.Select(unit => unit.ToCharArray()).ToList())!.Value, 0.0005);

    /// <summary>The well-known example of 14 raters and 10 subjects: κ = .210.</summary>
    [Fact]
    public void FleissKappa_FourteenRaters_IsPoint210()
    {
        int[][] table = [[0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1], [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]];

        Assert.Equal(0.210, Agreement.FleissKappa(table.Select(row => row.SelectMany((count, label) => Enumerable.Repeat(label, count)).ToList()).ToList())!.Value, 0.0005);
    }

    [Fact]
    public void FleissKappa_NothingToCompareOrUnequalNumbers_IsUnknownOrRefused()
    {
        Assert.Null(Agreement.FleissKappa<int>([]));
        Assert.Null(Agreement.FleissKappa<int>([[1], [2]]));
        Assert.Null(Agreement.FleissKappa<int>([[1, 1], [1, 1]]));
        Assert.Throws<ArgumentException>(() => Agreement.FleissKappa<int>([[1, 1], [1]]));
    }

    /// <summary>Gwet 2002, Kappa statistic is not satisfactory: 118, 5, 2 and 0 of 125; κ = −0.023 although 94.4% agree, AC1 = 0.941.</summary>
    [Fact]
    public void GwetAc1_ParadoxOfGwet2002_IsHis()
    {
        List<(bool, bool)> pairs = [.. Enumerable.Repeat((true, true), 118), .. Enumerable.Repeat((true, false), 5), .. Enumerable.Repeat((false, true), 2)];

        Assert.Equal(-0.023, Agreement.CohenKappa(pairs)!.Value, 0.0005);
        Assert.Equal(0.941, Agreement.GwetAc1([.. pairs.Select(p => new[] { p.Item1, p.Item2 })], 2)!.Value, 0.0005);
    }

    /// <summary>Gwet 2014, table 2.9 (four raters, twelve subjects, missing ratings; also the first example of his package irrCAC): AC1 = 0.77544.</summary>
    [Fact]
    public void GwetAc1_MissingRatingsExampleOfGwet2014_IsHis()
    {
        Assert.Equal(0.77544, Agreement.GwetAc1([.. Units(Krippendorff)], 5)!.Value, 0.000005);
        Assert.Null(Agreement.GwetAc1<int>([[1], [2]], 2));
    }

    /// <summary>Shrout and Fleiss 1979, table 2: six targets, four judges, ICC(1,1) = .17.</summary>
    [Fact]
    public void IntraclassCorrelation_ExampleOfShroutAndFleiss1979_IsTheirs()
    {
        double[][] targets = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]];

        Assert.Equal(0.17, IntraclassCorrelation.Of(targets)!.Value, 0.005);
        Assert.Null(IntraclassCorrelation.Of([[1.0], [2]]));
        Assert.Null(IntraclassCorrelation.Of([[1.0, 1], [1, 1]]));
    }

    // One string per rater, one character per unit, a dot where the rater gave no label.
    private static IEnumerable<double[]> Units(string[] raters) =>
        Enumerable.Range(0, raters[0].Length).Select(u => raters.Select(r => r[u]).Where(label => label != '.').Select(label => (double)(label - '0')).ToArray());
}
