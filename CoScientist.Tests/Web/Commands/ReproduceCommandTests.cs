using System.CommandLine;
using CoScientist.Tests.Shared;
using CoScientist.Web.Commands;
using CoScientist.Web.Configuration;

namespace CoScientist.Tests.Web.Commands;

[Trait("Database", "any")]
public sealed class ReproduceCommandTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("reproduce-");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public async Task Reproduce_CachedWithoutResults_SaysSoAndMakesNothing()
    {
        var data = Path.Combine(folder.FullName, "data");
        var error = await Refused(["report", "reproduce", "--cached", .. TestData.Arguments(data)]);

        Assert.Contains("There are no results in", error, StringComparison.Ordinal);
        Assert.Contains("without --cached", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(data));
    }

    [Fact]
    public async Task Put_DocumentWithMarks_ReplacesWhatStandsBetween()
    {
        var document = Path.Combine(folder.FullName, "results.md");
        await File.WriteAllTextAsync(document, "before\n<!-- tables -->\nold\n<!-- /tables -->\nafter\n", Token);

        await ReproduceCommand.PutAsync(document, ["new", "lines"], Token);
        await ReproduceCommand.PutAsync(document, ["newer", "lines"], Token);

        Assert.Equal("before\n<!-- tables -->\n\nnewer\nlines\n\n<!-- /tables -->\nafter\n", await File.ReadAllTextAsync(document, Token));
    }

    [Fact]
    public async Task Put_DocumentWithoutMarks_IsRefusedAndUnchanged()
    {
        var document = Path.Combine(folder.FullName, "results.md");
        await File.WriteAllTextAsync(document, "nothing", Token);

        var fault = await Assert.ThrowsAsync<CommandException>(() => ReproduceCommand.PutAsync(document, ["new"], Token));

        Assert.Contains("has no line <!-- tables -->", fault.Message, StringComparison.Ordinal);
        Assert.Equal("nothing", await File.ReadAllTextAsync(document, Token));
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static async Task<string> Refused(params string[] args)
    {
        var root = new RootCommand("test") { CommandContext.Data, DatabaseSetting.Option, CommandContext.Json, ReportCommand.Create() };
        using var error = new StringWriter();
        var code = await CommandRunner.RunAsync(root, args, error);
        Assert.Equal(1, code);
        return error.ToString();
    }
}
