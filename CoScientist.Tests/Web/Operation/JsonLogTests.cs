using System.Diagnostics;
using System.Text.Json;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Operation;

/// <summary>Logs as JSON, of the server as a process of its own: what a program can read line by line, with fields to look for and nothing secret.</summary>
[Trait("Database", "any")]
public sealed class JsonLogTests : IAsyncDisposable
{
    private const string Guess = "my other password, typed here";
    private const string Name = "my password in the wrong field";
    private const string Mark = "CoScientist is at ";

    private static readonly string s_fault = TestPostgres.IsOn ? "42P01: relation" : "no such table";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("coscientist-");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        SqliteConnection.ClearAllPools();
        await TestData.ReturnAsync(_folder.FullName);
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Log_AsJson_IsOneObjectALineWithFieldsAndWithoutSecrets()
    {
        var secret = await PrepareAsync();
        var start = new ProcessStartInfo("dotnet", ["exec", typeof(CoScientistOptions).Assembly.Location, "serve", "--urls", "http://127.0.0.1:0", .. TestData.Arguments(_folder.FullName)]) { RedirectStandardOutput = true, UseShellExecute = false };
        start.Environment["CoScientist__Logs"] = "json";
        using var server = Process.Start(start)!;
        var log = new List<string>();
        try
        {
            string? line;
            while ((line = await server.StandardOutput.ReadLineAsync(Token))?.StartsWith(Mark, StringComparison.Ordinal) == false)
            {
            }

            await FailAsync(new Uri(line![Mark.Length..]), secret);

            // The fault of the database comes last.
            while (!log.Exists(entry => entry.Contains(s_fault, StringComparison.Ordinal)) && await server.StandardOutput.ReadLineAsync(Token) is { } next)
            {
                log.Add(next);
            }
        }
        finally
        {
            server.Kill();
            await server.WaitForExitAsync(CancellationToken.None);
        }

        // A line that is no object, such as the second of an exception, would fail here.
        var entries = log.ConvertAll(line => JsonDocument.Parse(line).RootElement);
        Assert.All(entries, entry => Assert.True(
            entry.GetProperty("Timestamp").GetString()!.EndsWith('Z') && entry.GetProperty("Category").GetString()!.Length > 0 && entry.GetProperty("Message").GetString()!.Length > 0 && entry.GetProperty("State").TryGetProperty("{OriginalFormat}", out _),
            entry.GetRawText()));
        Assert.Contains(s_fault, entries.Last(entry => entry.GetProperty("LogLevel").GetString() == "Error").GetProperty("Exception").GetString(), StringComparison.Ordinal);
        var refused = entries.Where(entry => entry.GetProperty("Message").GetString()!.StartsWith("Signing in failed", StringComparison.Ordinal)).Select(entry => entry.GetProperty("State")).ToList();
        Assert.Equal(2, refused.Count);
        Assert.All(refused, state => Assert.Equal("127.0.0.1", state.GetProperty("Address").GetString()));
        Assert.Equal(36, refused[0].GetProperty("Account").GetString()!.Length);
        Assert.All((string[])[Guess, Name, ServerFixture.Password, secret], hidden => Assert.DoesNotContain(log, line => line.Contains(hidden, StringComparison.Ordinal)));
    }

    /// <summary>An account, and the secret of a link.</summary>
    private async Task<string> PrepareAsync()
    {
        await using var services = new ServiceCollection().AddLogging().AddCoScientist(TestData.Options(_folder.FullName)).BuildServiceProvider();
        await DataDirectory.PrepareAsync(services, Token);
        var accounts = services.GetRequiredService<AccountStore>();
        await accounts.CreateAsync("ada", ServerFixture.Password, [Roles.Administrator], Token);
        return await accounts.InviteAsync("sam", [Roles.Expert], TimeSpan.FromHours(1), null, Token);
    }

    private async Task FailAsync(Uri address, string secret)
    {
        using var client = new HttpClient { BaseAddress = address };
        await client.GetStringAsync(AccountStore.LinkPath(secret), Token);
        foreach (var (name, password) in ((string, string)[])[("ada", Guess), (Name, Guess)])
        {
            using var refused = await ServerFixture.PostFormAsync(client, "/account/sign-in", new(StringComparer.Ordinal) { ["Input.Name"] = name, ["Input.Password"] = password });
        }

        var options = new DbContextOptionsBuilder<CoScientistDb>();
        options.UseDatabase(TestData.Database(_folder.FullName));
        await using (var db = new CoScientistDb(options.Options))
        {
            await db.Database.ExecuteSqlAsync($"ALTER TABLE \"Goals\" RENAME TO \"Lost\"", Token);
        }

        using var ready = await client.GetAsync("/readyz", Token);
        Assert.Equal(System.Net.HttpStatusCode.ServiceUnavailable, ready.StatusCode);
    }
}
