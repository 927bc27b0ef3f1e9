using System.Collections.Concurrent;
using System.Net;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Shared;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CoScientist.Tests.Web.Access;

/// <summary>Keys, passwords and secrets of links appear in no log, error or page, whatever fails.</summary>
[Collection(nameof(AccessCollection))]
[Trait("Database", "any")]
public sealed class SecretTests(AccessFixture access)
{
    private const string Key = "sk-never-to-be-seen-0815";
    private const string Guess = "my other password, typed here";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Secrets_OfCallsAndSignInsThatFail_AreNowhere()
    {
        var services = access.Server.Services;
        using var log = new RecordedLog();
        services.GetRequiredService<ILoggerFactory>().AddProvider(log);
        services.GetRequiredService<ILoggerFactory>().CreateLogger("test").LogWarning("heard");

        // A server that repeats the key in its refusal, called and tried.
        await using var model = await ScriptedModelServer.StartAsync((_, _) => (401, $$$"""{"error":{"message":"bad key {{{Key}}}"}}"""));
        await services.GetRequiredService<ModelServerStore>().SaveAsync(new ModelServer { Name = "telling", Endpoint = model.Endpoint.ToString(), Model = "m" }, Key, Cancellation);
        var models = services.GetRequiredService<TextModels>();
        var trial = await models.TryAsync("telling", Cancellation);
        var fault = await Assert.ThrowsAsync<TextModelException>(() => models.Get("telling", ModelRole.Judge).CompleteAsync([new TextPrompt("s", "u")], new TextSamplingOptions(), Cancellation));
        Assert.Contains("Bearer " + Key, model.Authorizations);

        // A password that is wrong, and a link that is used up.
        using var client = access.Server.CreateClient();
        using var refused = await ServerFixture.PostFormAsync(client, "/account/sign-in", new(StringComparer.Ordinal) { ["Input.Name"] = ServerFixture.Administrator, ["Input.Password"] = Guess });
        var accounts = services.GetRequiredService<AccountStore>();
        var secret = await accounts.InviteAsync("sam", [Roles.Expert], TimeSpan.FromHours(1), null, Cancellation);
        await accounts.UseLinkAsync(secret, "sam", ServerFixture.Password, Cancellation);

        using var administrator = await access.Server.SignInAsync();
        var pages = new List<string> { await refused.Content.ReadAsStringAsync(Cancellation) };
        foreach (var page in (string[])["/admin", "/admin/servers", "/admin/calls"])
        {
            pages.Add(await administrator.GetStringAsync(page, Cancellation));
        }

        Assert.Contains("telling", pages[2], StringComparison.Ordinal);
        Assert.Contains("heard", log.ToString(), StringComparison.Ordinal);
        var all = WebUtility.HtmlDecode(string.Join('\n', pages)) + log + fault + trial;
        Assert.All((string[])[Key, Guess, ServerFixture.Password, secret], hidden => Assert.DoesNotContain(hidden, all, StringComparison.Ordinal));
    }

    private sealed class RecordedLog : ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<string> _lines = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => _lines.Enqueue(formatter(state, exception) + exception);

        public void Dispose()
        {
        }

        public override string ToString() => string.Join('\n', _lines);
    }
}
