using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Access;

/// <summary>Accounts over a database of their own, without a server and without a library.</summary>
internal sealed class AccountData : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("coscientist-");
    private readonly ServiceProvider _services;

    private AccountData() => _services = new ServiceCollection().AddLogging().AddCoScientist(TestData.Options(_folder.FullName)).BuildServiceProvider();

    public AccountStore Store => _services.GetRequiredService<AccountStore>();

    public static async Task<AccountData> MakeAsync()
    {
        var data = new AccountData();
        await using var db = await data._services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(TestContext.Current.CancellationToken);
        await StorageSetup.MigrateAsync(db, TestContext.Current.CancellationToken);
        return data;
    }

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        await TestData.ReturnAsync(_folder.FullName);
        _folder.Delete(recursive: true);
    }
}
