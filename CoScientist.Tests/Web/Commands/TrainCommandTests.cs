using System.CommandLine;
using CoScientist.Tests.Shared;
using CoScientist.Web.Commands;
using CoScientist.Web.Configuration;

namespace CoScientist.Tests.Web.Commands;

[Trait("Database", "any")]
public sealed class TrainCommandTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("train-");

    private string Data => Path.Combine(folder.FullName, "data");

    public void Dispose()
    {
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Train_UnknownPreset_NamesThoseThereAre()
    {
        var error = await Refused("train", "--preset", "sandbox-gpro");

        Assert.Contains("no preset \"sandbox-gpro\"", error, StringComparison.Ordinal);
        Assert.Contains("sandbox-grpo, sandbox-sft, sandbox-opsd, sandbox-opsd-grpo, sandbox-quick", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Train_FileWithThreeFaults_NamesAllWithTheirLines()
    {
        var file = Path.Combine(folder.FullName, "spec.json");
        await File.WriteAllTextAsync(file, "{\n  \"groupSize\": 1,\n  \"learningRat\": 0.1,\n  \"judge\": \"\"\n}\n", TestContext.Current.CancellationToken);

        var error = await Refused("train", file);

        Assert.Contains("3 faults", error, StringComparison.Ordinal);
        Assert.Contains("groupSize (line 2)", error, StringComparison.Ordinal);
        Assert.Contains("did you mean learningRate?", error, StringComparison.Ordinal);
        Assert.Contains("judge (line 4)", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("exclude each other", "train", "--preset", "sandbox-grpo", "--resume", "x-1")]
    [InlineData("leave --set out", "train", "--resume", "x-1", "--set", "steps=2")]
    [InlineData("Nothing to train", "train")]
    [InlineData("nowhere.json: there is no such file", "train", "nowhere.json")]
    [InlineData("form field=value", "train", "--preset", "sandbox-grpo", "--set", "steps")]
    [InlineData("--export needs --engine", "train", "--preset", "sandbox-grpo", "--export", "out")]
    [InlineData("TRL has no queue", "train", "--preset", "sandbox-grpo", "--engine", "trl")]
    [InlineData("no engine \"deepspeed\"", "train", "--preset", "sandbox-grpo", "--engine", "deepspeed", "--export", "out")]
    [InlineData("groupSize must be 2 to 256", "train", "--preset", "sandbox-grpo", "--set", "groupSize=1")]
    public async Task Train_WrongArguments_SayWhatToDoAndMakeNothing(string message, params string[] args)
    {
        var error = await Refused(args);

        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Data));
    }

    [Fact]
    public async Task Train_UnknownRunToResume_SaysSo()
    {
        var error = await Refused("train", "--resume", "sandbox-grpo-9");

        Assert.Contains("no run \"sandbox-grpo-9\"", error, StringComparison.Ordinal);
        Assert.Contains("none that can be resumed", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Train_ModelAndDomainThatTheLibraryLacks_NamesBothAndQueuesNothing()
    {
        var error = await Refused("train", "--preset", "sandbox-quick", "--set", "model=nobody", "--set", "data.domains=alchemy");

        Assert.Contains("2 faults", error, StringComparison.Ordinal);
        Assert.Contains("data.domains must be among", error, StringComparison.Ordinal);
        Assert.Contains("model must name a checkpoint of the library, is \"nobody\"", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(Data, "runs")));
    }

    [Fact]
    public async Task Train_SandboxRunForVerl_IsRefusedByNameAndWritesNothing()
    {
        var target = Path.Combine(folder.FullName, "out");

        var error = await Refused("train", "--preset", "sandbox-quick", "--engine", "verl", "--export", target);

        Assert.Contains("data.sandbox must be false for verl", error, StringComparison.Ordinal);
        Assert.Contains("judge must be a model server", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(target));
        Assert.Contains("no cluster is set up", await Refused("train", "--preset", "sandbox-quick", "--engine", "verl"), StringComparison.Ordinal);
    }

    private async Task<string> Refused(params string[] args)
    {
        var root = new RootCommand("test") { CommandContext.Data, DatabaseSetting.Option, CommandContext.Json, TrainCommand.Create() };
        using var error = new StringWriter();

        var code = await CommandRunner.RunAsync(root, [.. args, .. TestData.Arguments(Data)], error);

        Assert.Equal(1, code);
        Assert.Single(error.ToString().TrimEnd().Split('\n'));
        return error.ToString();
    }
}
