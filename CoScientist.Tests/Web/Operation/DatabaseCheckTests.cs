using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Configuration;
using CoScientist.Web.Operation;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Operation;

[Trait("Database", "any")]
public sealed class DatabaseCheckTests : IAsyncLifetime
{
    private readonly string folder = Directory.CreateTempSubdirectory("coscientist-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        await TestData.ReturnAsync(folder);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Look_DatabaseInUse_SaysWhatItIsAndThatItIsWhole()
    {
        var options = TestData.Options(folder);
        await using (var services = new ServiceCollection().AddLogging().AddCoScientist(options).BuildServiceProvider())
        {
            await DataDirectory.PrepareAsync(services, Token);
        }

        var findings = await new DataCheck(options).LookAsync(Token);

        Assert.All(findings, finding => Assert.True(finding.Ok, finding.ToString()));
        Assert.Contains(findings, finding => finding.What == "the database is whole");
        Assert.Contains(findings, finding => finding.What.EndsWith(StorageSetup.Migrations[^1], StringComparison.Ordinal));
        Assert.Equal(TestPostgres.IsOn, findings.Any(finding => finding.What.Contains("PostgreSQL", StringComparison.Ordinal) && finding.Remedy.Contains("version ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Look_ServerThatDoesNotAnswer_IsOneFindingWithoutThePassword()
    {
        var finding = Assert.Single(await new DataCheck(new CoScientistOptions { DataDirectory = folder, Database = "postgres://ann:hunter2@127.0.0.1:1/lab?Timeout=2" }).LookAsync(Token));

        Assert.False(finding.Ok);
        Assert.Contains("cannot be reached", finding.Remedy, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", finding.ToString(), StringComparison.Ordinal);
    }
}
