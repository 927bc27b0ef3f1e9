using System.Net;
using System.Text.RegularExpressions;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Shared;

/// <summary>
/// The real application on a free loopback port over a data directory of its own, with the administrator created through the
/// one-time code. As a class fixture: <c>IClassFixture&lt;ServerFixture&gt;</c>.
/// </summary>
public sealed partial class ServerFixture : IAsyncLifetime
{
    public const string Administrator = "ada";
    public const string Password = "a quiet reading room";

    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("coscientist-");
    private readonly Dictionary<string, HttpClient> _clients = new(StringComparer.Ordinal);
    private WebApplication? _app;

    /// <summary>Address without a slash at the end.</summary>
    public string Address { get; private set; } = "";

    /// <summary>The data directory.</summary>
    public string DataDirectory => _data.FullName;

    /// <summary>The services of the running application.</summary>
    public IServiceProvider Services => _app!.Services;

    /// <summary>The one-time code of this start.</summary>
    public string SetupCode => Services.GetRequiredService<SetupCode>().Value;

    public async ValueTask InitializeAsync()
    {
        await StartAsync();
        using var client = CreateClient();
        using var answer = await PostFormAsync(client, "/setup", new() { ["Input.Code"] = SetupCode, ["Input.Name"] = Administrator, ["Input.Password"] = Password, ["Input.Again"] = Password });
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
    }

    /// <summary>Starts the application without creating an account.</summary>
    /// <param name="settings">Its configuration, as names and values in turn.</param>
    public async Task StartAsync(params string[] settings)
    {
        _app = Application.Build(TestData.Options(DataDirectory), "http://127.0.0.1:0", settings: settings.Chunk(2).Select(pair => KeyValuePair.Create(pair[0], (string?)pair[1])));
        await CoScientist.Web.Configuration.DataDirectory.PrepareAsync(_app.Services, CancellationToken.None);
        await _app.StartAsync();
        Address = _app.Urls.Single();
    }

    /// <summary>Creates an account with these roles and <see cref="Password"/>.</summary>
    public Task CreateAccountAsync(string name, params string[] roles) =>
        Services.GetRequiredService<AccountStore>().CreateAsync(name, Password, roles, CancellationToken.None);

    /// <summary>A client with cookies of its own that does not follow redirects.</summary>
    public HttpClient CreateClient() => new(new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = new CookieContainer() }) { BaseAddress = new Uri(Address) };

    /// <summary>A client that is signed in.</summary>
    public async Task<HttpClient> SignInAsync(string name = Administrator, string password = Password)
    {
        var client = CreateClient();
        using var answer = await PostFormAsync(client, "/account/sign-in", new() { ["Input.Name"] = name, ["Input.Password"] = password });
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        return client;
    }

    /// <summary>A client signed in as somebody who has only this role; made once, not to be disposed by the test.</summary>
    public async Task<HttpClient> ClientOfAsync(string role)
    {
        if (!_clients.TryGetValue(role, out var client))
        {
            await CreateAccountAsync("only-" + role, role);
            _clients[role] = client = await SignInAsync("only-" + role);
        }

        return client;
    }

    /// <summary>Fills in the form of a page as a browser would, with the page's own hidden fields.</summary>
    public static async Task<HttpResponseMessage> PostFormAsync(HttpClient client, string page, Dictionary<string, string> fields)
    {
        var html = await client.GetStringAsync(page, TestContext.Current.CancellationToken);
        foreach (Match hidden in HiddenField().Matches(html[html.IndexOf("<main", StringComparison.Ordinal)..]))
        {
            fields.TryAdd(hidden.Groups[1].Value, WebUtility.HtmlDecode(hidden.Groups[2].Value));
        }

        using var content = new FormUrlEncodedContent(fields);
        return await client.PostAsync(page, content, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients.Values)
        {
            client.Dispose();
        }

        if (_app is not null)
        {
            await _app.StopAsync();
            await _app.DisposeAsync();
        }

        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        await TestData.ReturnAsync(DataDirectory);
        _data.Delete(recursive: true);
    }

    [GeneratedRegex("""<input type="hidden" name="([^"]+)" value="([^"]*)" />""")]
    private static partial Regex HiddenField();
}
