using System.CommandLine;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Core.Papers;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Commands;
using CoScientist.Web.Configuration;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;

namespace CoScientist.Tests.Web.Commands;

[Trait("Database", "any")]
public sealed class LibraryCommandTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("coscientist-").FullName;
    private readonly StringWriter error = new();

    public void Dispose()
    {
        error.Dispose();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(folder, recursive: true);
    }

    private Task<int> RunAsync(params string[] arguments)
    {
        var root = new RootCommand { CommandContext.Data, DatabaseSetting.Option, CommandContext.Json, ImportCommand.Create(), ExtractCommand.Create(), ExportCommand.Create() };
        return CommandRunner.RunAsync(root, [.. arguments, .. TestData.Arguments(Path.Combine(folder, "data"))], error);
    }

    private string Write(string name, byte[] content)
    {
        var path = Path.Combine(folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
        return path;
    }

    private async Task<int> CountAsync(Func<CoScientistDb, IQueryable<object>> what)
    {
        var options = new DbContextOptionsBuilder<CoScientistDb>();
        options.UseDatabase(TestData.Database(Path.Combine(folder, "data")));
        await using var db = new CoScientistDb(options.Options);
        return await what(db).CountAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Import_extract_and_export_walk_from_file_to_file()
    {
        Write("papers/bees.nxml", PaperFixtures.Bytes(PaperFixtures.Jats()));
        Write("papers/2004.01234.gz", PaperFixtures.Arxiv());
        Write("papers/other.docx", PaperFixtures.Bytes("PK"));
        var export = Path.Combine(folder, "goals.csv");

        Assert.Equal(0, await RunAsync("import", "papers", Path.Combine(folder, "papers")));
        Assert.Equal(0, await RunAsync("extract", "--model", CoScientist.Core.Extraction.ExtractiveDrafter.Name));
        Assert.Equal(0, await RunAsync("export", "dataset", export));

        Assert.Equal(2, await CountAsync(db => db.Goals.Where(goal => goal.Origin == "drafter")));
        Assert.Equal(0, await RunAsync("import", "dataset", export));
    }

    [Fact]
    public async Task Import_named_file_of_another_format_fails()
    {
        Assert.Equal(1, await RunAsync("import", "papers", Write("other.pdf", PaperFixtures.Bytes("%PDF-1.4"))));
        Assert.Equal(1, await RunAsync("import", "papers", Path.Combine(folder, "missing")));
        Assert.Equal(1, await RunAsync("import", "dataset", Write("bad.csv", PaperFixtures.Bytes("a,b\n1,2\n"))));
        Assert.Equal(1, await RunAsync("extract", "--model", "nosuch"));
        Assert.Equal(1, await RunAsync("export", "dataset", Path.Combine(folder, "goals.xlsx")));
        Assert.Equal(0, await CountAsync(db => db.Papers.Where(paper => !paper.IsSandbox)));
        Assert.Contains("bad.csv: the columns Goal, Rubric, article_id are missing", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("There is no model server 'nosuch'", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_model_server_with_faulty_settings_says_what_to_mend()
    {
        await using var database = await TestDatabase.CreateAsync();
        using var models = TestServers.Of(
            database,
            new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
            {
                ["CoScientist:ModelServers:0:Name"] = "local",
                ["CoScientist:ModelServers:0:Endpoint"] = "http://127.0.0.1:8080/v1",
                ["CoScientist:ModelServers:0:Model"] = "qwen",
                ["CoScientist:ModelServers:1:Name"] = "broken",
                ["CoScientist:ModelServers:2:Name"] = "hosted",
                ["CoScientist:ModelServers:2:Endpoint"] = "http://127.0.0.1:8081/v1",
                ["CoScientist:ModelServers:2:Model"] = "m",
                ["CoScientist:ModelServers:2:KeyVariable"] = "COSCIENTIST_TEST_KEY_THAT_NOBODY_SETS",
            }).Build());

        Assert.Equal(["local", "broken", "hosted"], models.Names);
        Assert.Equal("local", models.Get("LOCAL", ModelRole.Judge).Name);
        Assert.Contains("there are: local, broken, hosted", Assert.Throws<ArgumentException>(() => models.Get("x", ModelRole.Judge)).Message, StringComparison.Ordinal);
        Assert.Contains("needs an Endpoint", Assert.Throws<ArgumentException>(() => models.Get("broken", ModelRole.Judge)).Message, StringComparison.Ordinal);
        Assert.Contains("COSCIENTIST_TEST_KEY_THAT_NOBODY_SETS, which is not set", Assert.Throws<ArgumentException>(() => models.Get("hosted", ModelRole.Judge)).Message, StringComparison.Ordinal);
    }
}
