using CoScientist.Core.Interchange;

namespace CoScientist.Tests.Core.Interchange;

public sealed class SafeCsvTests
{
    [Theory]
    [InlineData("=1+1", "\"'=1+1\"")]
    [InlineData("+1", "\"'+1\"")]
    [InlineData("-2+3", "\"'-2+3\"")]
    [InlineData("@SUM(A1)", "\"'@SUM(A1)\"")]
    [InlineData("a=1", "a=1")]
    [InlineData(-0.5, "-0.5")]
    [InlineData(null, "")]
    public void Write_OneCell_NeverStartsAFormulaAndKeepsNumbers(object? value, string expected) =>
        Assert.Equal($"a,b\n{expected},x\n", Write(["a", "b"], [value, "x"]));

    [Fact]
    public void Write_QuotesAndLines_FollowsRfc4180() =>
        Assert.Equal("name,at\n\"a \"\"b\"\", c\nd\",2026-01-02T02:04:05.0000000Z\n", Write(["name", "at"], ["a \"b\", c\nd", new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromHours(1))]));

    private static string Write(string[] header, params object?[][] rows)
    {
        using var writer = new StringWriter();
        SafeCsv.Write(writer, header, rows);
        return writer.ToString();
    }
}
