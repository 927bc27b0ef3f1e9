using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Checkpoints;
using CoScientist.Web.Commands;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Web.Commands;

/// <summary><c>data move</c>, there and back.</summary>
[Collection(nameof(CheckCommandTests))]
[Trait("Database", "any")]
public sealed class DataCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        folder.Dispose();
    }

    [Theory]
    [InlineData("", "Where to?")]
    [InlineData("--to BACK", "From where? BACK is a directory")]
    [InlineData("--to FULL --database postgres://nobody@127.0.0.1:1/nothing", "FULL/coscientist.db is there already")]
    [InlineData("--to mysql://nobody@127.0.0.1/nothing", "is no address of a PostgreSQL database")]
    [InlineData("--to postgres://nobody@127.0.0.1:1/nothing", "there is no such database")]
    [InlineData("--to BACK --database postgres://nobody@127.0.0.1:1/nothing", "The PostgreSQL server cannot be reached")]
    public async Task Move_ThatCannotBe_IsRefusedAndLeavesNothing(string arguments, string expected)
    {
        Directory.CreateDirectory(folder.File("FULL"));
        await File.WriteAllTextAsync(folder.File("FULL/coscientist.db"), "somebody's", TestContext.Current.CancellationToken);

        var (code, said) = await RunAsync(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal(1, code);
        Assert.Contains(expected.Replace("BACK", folder.File("BACK"), StringComparison.Ordinal).Replace("FULL/", folder.File("FULL/"), StringComparison.Ordinal), said, StringComparison.Ordinal);
        Assert.Equal("somebody's", await File.ReadAllTextAsync(folder.File("FULL/coscientist.db"), TestContext.Current.CancellationToken));
        Assert.False(Directory.Exists(folder.File("BACK")) && Directory.EnumerateFiles(folder.File("BACK"), "*.db*").Any());
        Assert.False(Directory.Exists(folder.File("BACK")) && Directory.EnumerateFiles(folder.File("BACK"), ".*").Any());
    }

    [Fact]
    public async Task Move_Back_IsOneWholeFile_AndWhatAKilledMoveLeftIsGone()
    {
        if (!TestPostgres.IsOn)
        {
            return;
        }

        var server = await TestPostgres.CreateEmptyAsync();
        try
        {
            await using (var file = await TestDatabase.CreateFileAsync())
            {
                await using (var db = file.NewContext())
                {
                    await TestRows.FillAsync(db, seed: 2);
                }

                SqliteConnection.ClearAllPools();
                Directory.CreateDirectory(folder.File("data"));
                File.Copy(file.File, folder.File("data/coscientist.db"));
            }

            Assert.Equal(0, (await RunAsync("--to", server, "--replace")).Code);
            Directory.CreateDirectory(folder.File("back"));
            await File.WriteAllTextAsync(folder.File("back/.coscientist.db.0123.tmp-wal"), "half", TestContext.Current.CancellationToken);

            var (code, said) = await RunAsync("--to", folder.File("back"), "--database", server);

            Assert.True(code == 0, said);
            Assert.Equal(["coscientist.db", "coscientist.lock"], Directory.EnumerateFiles(folder.File("back")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
            await using var back = TestDatabase.Open(folder.File("back"));
            await using var made = back.NewContext();
            Assert.Equal(1, await made.Goals.CountAsync(TestContext.Current.CancellationToken));
        }
        finally
        {
            await TestPostgres.ReturnAsync(server);
        }
    }

    private async Task<(int Code, string Said)> RunAsync(params string[] arguments)
    {
        var words = arguments.Select(word => word is "BACK" or "FULL" ? folder.File(word) : word);
        using var said = new StringWriter();
        var (output, error) = (Console.Out, Console.Error);
        Console.SetOut(TextWriter.Null);
        Console.SetError(TextWriter.Null);
        try
        {
            return (await CommandRunner.RunAsync(Verbs.Create(), ["data", "move", .. words, "--data", folder.File("data")], said), said.ToString());
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(error);
        }
    }
}
