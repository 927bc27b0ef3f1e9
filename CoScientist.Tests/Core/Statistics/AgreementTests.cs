using CoScientist.Core.Statistics;

namespace CoScientist.Tests.Core.Statistics;

public sealed class AgreementTests
{
    /// <summary>Cohen 1960, Educational and Psychological Measurement 20, table 1: two psychiatrists, 200 patients, κ = .492.</summary>
    [Fact]
    public void CohenKappa_DiagnosesOfCohen1960_IsHis()
    {
        int[][] counts = [[88, 14, 18], [10, 40, 10], [2, 6, 12]];
        var pairs = counts.SelectMany((row, i) => row.SelectMany((count, j) => Enumerable.Repeat((i, j), count))).ToList();

        Assert.Equal(0.492, Agreement.CohenKappa(pairs)!.Value, 0.0005);
    }

    [Fact]
    public void CohenKappa_NothingToCompare_IsUnknown()
    {
        Assert.Null(Agreement.CohenKappa(Array.Empty<(int, int)>()));
        Assert.Null(Agreement.CohenKappa([(1, 1), (1, 1)]));
    }

    /// <summary>Krippendorff 2011, example A: two observers, binary, ten units, α = 0.095.</summary>
    [Fact]
    public void KrippendorffAlpha_BinaryExampleOfKrippendorff2011_IsHis() =>
        Assert.Equal(0.095, Alpha("0100000010", "1110010000"), 0.0005);

    /// <summary>Krippendorff 2011, example C: four observers, twelve units, labels missing, nominal α = 0.743.</summary>
    [Fact]
    public void KrippendorffAlpha_MissingLabelsExampleOfKrippendorff2011_IsHis() =>
        Assert.Equal(0.743, Alpha("123321412...", "1233224125.3", ".3332342251.", "12332441251."), 0.0005);

    [Fact]
    public void KrippendorffAlpha_NoTwoLabelsOrNoVariation_IsUnknown()
    {
        Assert.Null(Agreement.KrippendorffAlpha<int>([[1], [2], []]));
        Assert.Null(Agreement.KrippendorffAlpha<int>([[1, 1], [1, 1]]));
    }

    /// <summary>The example of scikit-learn's balanced_accuracy_score documentation: 0.625.</summary>
    [Fact]
    public void BalancedAccuracy_ExampleOfScikitLearn_Is0625()
    {
        var confusion = Confusion.Of(new[] { 0, 1, 0, 0, 1, 0 }.Zip([0, 1, 0, 0, 0, 1], (truth, said) => (truth == 1, said == 1)));

        Assert.Equal(new Confusion(1, 1, 3, 1), confusion);
        Assert.Equal(0.625, confusion.BalancedAccuracy!.Value, 12);
    }

    [Fact]
    public void BalancedAccuracy_OneLabelOnly_IsUnknown() => Assert.Null(new Confusion(3, 0, 0, 1).BalancedAccuracy);

    // One string per rater, one character per unit, a dot where the rater gave no label.
    private static double Alpha(params string[] raters) =>
        Agreement.KrippendorffAlpha(Enumerable.Range(0, raters[0].Length).Select(u => raters.Select(r => r[u]).Where(label => label != '.').ToList()))!.Value;
}
