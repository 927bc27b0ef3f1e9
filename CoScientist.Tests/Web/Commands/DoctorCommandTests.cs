using System.CommandLine;
using CoScientist.Tests.Training.Checkpoints;
using CoScientist.Web.Commands;

namespace CoScientist.Tests.Web.Commands;

public sealed class DoctorCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Doctor_NoDataYet_FindsNothingToMendAndMakesNothing()
    {
        var data = folder.File("data");

        Assert.Equal(0, await RunAsync(data));
        Assert.False(Directory.Exists(data));
    }

    [Fact]
    public async Task Doctor_DamagedDatabase_SaysSoAndLeavesItAsItIs()
    {
        var data = folder.File("data");
        Directory.CreateDirectory(data);
        var database = Path.Combine(data, "coscientist.db");
        File.WriteAllText(database, "this is not a database, however long one reads it " + new string('x', 5000));

        Assert.Equal(1, await RunAsync(data));
        Assert.StartsWith("this is not", File.ReadAllText(database), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Doctor_BrokenModel_IsSomethingToMend()
    {
        var data = folder.File("data");
        Directory.CreateDirectory(Path.Combine(data, "models"));
        File.WriteAllBytes(Path.Combine(data, "coscientist.db"), []);

        Assert.Equal(0, await RunAsync(data));
        Directory.CreateDirectory(Path.Combine(data, "models", "half"));
        Assert.Equal(1, await RunAsync(data));
    }

    private static Task<int> RunAsync(string data)
    {
        var root = new RootCommand { DoctorCommand.Create() };
        root.Options.Add(CommandContext.Data);
        root.Options.Add(CommandContext.Json);
        return root.Parse(["doctor", "--data", data]).InvokeAsync(cancellationToken: TestContext.Current.CancellationToken);
    }
}
