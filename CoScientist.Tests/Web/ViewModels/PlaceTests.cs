using CoScientist.Web.ViewModels;

namespace CoScientist.Tests.Web.ViewModels;

public sealed class PlaceTests
{
    [Theory]
    [InlineData(0, "at-0")]
    [InlineData(.3721, "at-74")]
    [InlineData(1, "at-200")]
    [InlineData(7, "at-200")]
    [InlineData(-.1, "at--20")]
    [InlineData(-3, "at--200")]
    [InlineData(double.NaN, "at-0")]
    public void At_Share_IsTheNearestClass(double share, string expected) => Assert.Equal(expected, Place.At(share));

    [Fact]
    public void Sheet_HasEveryClass()
    {
        var sheet = File.ReadAllText(Path.Combine(Root(), "wwwroot", "places.css"));
        Assert.All(Enumerable.Range(-Place.Steps, (2 * Place.Steps) + 1), step =>
            Assert.Contains($".{Place.At((double)step / Place.Steps)} {{ --at: ", sheet, StringComparison.Ordinal));
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "CoScientist.sln")))
        {
            folder = folder.Parent!;
        }

        return folder.FullName;
    }
}
