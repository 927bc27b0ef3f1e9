using System.Text;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Configuration;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;

namespace CoScientist.Tests.Web.Configuration;

/// <summary>Servers of the page and of the configuration, against a scripted server.</summary>
[Trait("Database", "any")]
public sealed class TextModelsTests : IAsyncLifetime
{
    private const string Key = "sk-nobody-may-ever-see-this-4711";

    private static readonly TextSamplingOptions Options = new() { Temperature = 0, MaxTokens = 50 };

    private TestDatabase database = null!;
    private ModelServerStore store = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ModelCallStore Calls => database.Store<ModelCallStore>();

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        store = TestServers.Store(database);
    }

    public async ValueTask DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Get_ServerThatIsSlowWrongCutOffBusyAndFailing_LosesNothingAndCountsNothingTwice()
    {
        var ill = true;
        await using var server = await ScriptedModelServer.StartAsync(async (context, request, _) =>
        {
            var question = request.GetProperty("messages")[1].GetProperty("content").GetString()!;
            var attempt = Attempt(question);
            if (attempt == 1 || (question.StartsWith("17 ", StringComparison.Ordinal) && ill))
            {
                switch (int.Parse(question.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture) % 8)
                {
                    case 1:
                        await ScriptedModelServer.AnswerAsync(context, 500, "{}");
                        return;
                    case 2:
                        context.Response.Headers.RetryAfter = "1";
                        await ScriptedModelServer.AnswerAsync(context, 429, "{}");
                        return;
                    case 3:
                        await ScriptedModelServer.AnswerAsync(context, 200, "half", finish: "length");
                        return;
                    case 4:
                        await context.Response.WriteAsync("<html>an error page with status 200</html>", CancellationToken.None);
                        return;
                    case 5:
                        await context.Response.WriteAsync("{\"id\":", CancellationToken.None);
                        await context.Response.Body.FlushAsync(CancellationToken.None);
                        context.Abort();
                        return;
                    case 6 when question == "6 ?":
                        await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
                        return;
                }
            }

            await ScriptedModelServer.AnswerAsync(context, 200, question + " yes");
        });
        await store.SaveAsync(new ModelServer { Name = "chaos", Endpoint = server.Endpoint.ToString(), Model = "m", TimeoutSeconds = 1, Concurrency = 6, PriceIn = 1, PriceOut = 1 }, Key, Cancellation);
        using var models = TestServers.Of(database, new ConfigurationBuilder().Build(), store, new ImpatientTime());
        TextPrompt[] prompts = [.. Enumerable.Range(0, 24).Select(i => new TextPrompt("Judge.", $"{i} ?") { Subject = $"item {i}" })];

        var answers = await models.Get("chaos", ModelRole.Judge, "grade").CompleteAsync(prompts, Options, Cancellation);

        Assert.Equal([17], Enumerable.Range(0, 24).Where(i => answers[i].Failure is not null));
        Assert.All(Enumerable.Range(0, 24).Where(i => i != 17), i => Assert.Equal($"{i} ? yes", answers[i].Text));
        var (calls, total) = await Calls.LedgerAsync(0, 1000, Cancellation);
        Assert.Equal(server.Requests.Count, total);
        Assert.Equal(
            [CallOutcome.Answered, CallOutcome.Busy, CallOutcome.Dropped, CallOutcome.Malformed, CallOutcome.ServerError, CallOutcome.TimedOut, CallOutcome.Truncated],
            calls.Select(call => call.Outcome).Distinct().OrderBy(outcome => outcome.ToString(), StringComparer.Ordinal));
        // 23 answers and three that were cut off, each of 18 tokens at a millionth.
        Assert.Equal(new Spending(26 * 18, 26 * 18), await Calls.SpentAsync("chaos", DateTimeOffset.UnixEpoch, Cancellation));

        // Begun again, only what failed is asked for, and what failed can be sent again by itself.
        var before = server.Requests.Count;
        await models.Get("chaos", ModelRole.Judge, "grade").CompleteAsync(prompts, Options, Cancellation);
        Assert.Equal(before + 4, server.Requests.Count);
        ill = false;
        var failure = Assert.Single(await Calls.FailuresAsync(10, Cancellation));
        Assert.Equal(("grade item 17", ModelRole.Judge, CallOutcome.ServerError), (failure.Purpose, failure.Role, failure.Outcome));
        Assert.Null((await models.RetryAsync(failure, Cancellation)).Failure);
        answers = await models.Get("chaos", ModelRole.Judge, "grade").CompleteAsync(prompts, Options, Cancellation);
        Assert.Equal(before + 5, server.Requests.Count);
        Assert.Equal("17 ? yes", answers[17].Text);
        Assert.Equal(new Spending(27 * 18, 27 * 18), await Calls.SpentAsync("chaos", DateTimeOffset.UnixEpoch, Cancellation));
        Assert.All(server.Authorizations, authorization => Assert.Equal("Bearer " + Key, authorization));
        AssertKeyIsNowhere();
    }

    [Fact]
    public async Task Try_ServerThatRefusesAndRepeatsTheKey_ShowsTheRoundTripWithoutIt()
    {
        await using var server = await ScriptedModelServer.StartAsync((_, call) => call == 1 ? (401, $$$"""{"error":{"message":"bad key {{{Key}}}"}}""") : (200, "ready"));
        await store.SaveAsync(new ModelServer { Name = "s", Endpoint = server.Endpoint.ToString(), Model = "m" }, Key, Cancellation);
        using var models = TestServers.Of(database, new ConfigurationBuilder().Build(), store);

        var refused = await models.TryAsync("s", Cancellation);
        var answered = await models.TryAsync("s", Cancellation);

        Assert.Contains("refuses the key (it says: bad key •••)", refused.Fault, StringComparison.Ordinal);
        Assert.Equal(401, refused.Exchange!.Status);
        Assert.Equal(("ready", 11, 7), (answered.Answer!.Text, answered.Answer.PromptTokens, answered.Answer.CompletionTokens));
        Assert.Contains("\"model\":\"m\"", answered.Exchange!.Request, StringComparison.Ordinal);
        Assert.Contains("chat.completion", answered.Exchange.Answer, StringComparison.Ordinal);
        Assert.DoesNotContain(Key, refused.ToString() + answered, StringComparison.Ordinal);
        Assert.Equal([CallOutcome.Denied, CallOutcome.Answered], (await Calls.LedgerAsync(0, 10, Cancellation)).Calls.Select(call => call.Outcome).Reverse());
        AssertKeyIsNowhere();
    }

    [Fact]
    public async Task Of_RoleWithSettings_CallsThatModelInThatWay()
    {
        await using var server = await ScriptedModelServer.StartAsync((_, _) => (200, "yes"));
        using var models = TestServers.Of(database, Configured(server), store);
        Assert.Null(models.Of(ModelRole.Judge));
        await store.AssignAsync(ModelRole.Judge, [new RoleAssignment { Role = ModelRole.Judge, Server = "conf", Model = "org/large", Temperature = 0.2, MaxTokens = 77 }], Cancellation);
        await store.AssignAsync(ModelRole.Juror, [new RoleAssignment { Role = ModelRole.Juror, Server = "conf" }, new RoleAssignment { Role = ModelRole.Juror, Server = "conf", Model = "b" }], Cancellation);

        var judge = models.Of(ModelRole.Judge)!;
        await judge.CompleteAsync([new TextPrompt("S", "u")], Options, Cancellation);

        Assert.Equal("conf/org/large", judge.Name);
        Assert.Equal(["conf", "conf/b"], models.NamesOf(ModelRole.Juror));
        var request = server.Requests.Single();
        Assert.Equal(("org/large", 0.2f, 77), (request.GetProperty("model").GetString(), request.GetProperty("temperature").GetSingle(), request.GetProperty("max_completion_tokens").GetInt32()));
        await Assert.ThrowsAsync<InvalidDataException>(() => store.AssignAsync(ModelRole.Juror, [new RoleAssignment { Role = ModelRole.Juror, Server = "conf" }, new RoleAssignment { Role = ModelRole.Juror, Server = "conf" }], Cancellation));
        await Assert.ThrowsAsync<InvalidDataException>(() => store.AssignAsync(ModelRole.Judge, [new RoleAssignment { Role = ModelRole.Judge, Server = "conf", Temperature = 9 }], Cancellation));
    }

    [Fact]
    public async Task Fresh_KnownAnswer_IsAskedAnew()
    {
        await using var server = await ScriptedModelServer.StartAsync((_, call) => (200, $"{call}"));
        using var models = TestServers.Of(database, Configured(server), store);
        await models.Get("conf", ModelRole.Judge).CompleteAsync([new TextPrompt("S", "u")], Options, Cancellation);

        models.Fresh = true;

        Assert.Equal("2", (await models.Get("conf", ModelRole.Judge).CompleteAsync([new TextPrompt("S", "u")], Options, Cancellation))[0].Text);
    }

    [Fact]
    public async Task Save_OtherHost_AsksForTheKeyAnew_AndTheSameHostKeepsIt()
    {
        await store.SaveAsync(new ModelServer { Name = "s", Endpoint = "http://one.example/v1", Model = "m" }, Key, Cancellation);
        await store.SaveAsync(new ModelServer { Name = "s", Endpoint = "http://one.example/v2", Model = "n", TokenBudget = 5 }, null, Cancellation);
        Assert.Equal((Key, "n", 5L), (store.KeyOf(store.List()[0]), store.List()[0].Model, store.List()[0].TokenBudget));

        await store.SaveAsync(new ModelServer { Name = "s", Endpoint = "http://two.example/v1", Model = "m" }, null, Cancellation);

        Assert.Null(store.List()[0].EncryptedKey);
        AssertKeyIsNowhere();
    }

    [Theory]
    [InlineData("a b", "http://x/v1", "m", "The name must be")]
    [InlineData("s", "ftp://x/v1", "m", "must be an http or https address")]
    [InlineData("s", "http://user:pass@x/v1", "m", "neither a name and password")]
    [InlineData("s", "http://x/v1?key=1", "m", "neither a name and password")]
    [InlineData("s", "http://x/v1", " ", "Enter the model")]
    public async Task Save_FaultySettings_NamesTheFault(string name, string endpoint, string model, string message)
    {
        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => store.SaveAsync(new ModelServer { Name = name, Endpoint = endpoint, Model = model }, null, Cancellation));

        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
        Assert.Empty(store.List());
    }

    [Fact]
    public async Task Get_KeyOfAnotherDataFolder_SaysSo()
    {
        await store.SaveAsync(new ModelServer { Name = "s", Endpoint = "http://x/v1", Model = "m" }, Key, Cancellation);
        using var models = TestServers.Of(database, new ConfigurationBuilder().Build(), new ModelServerStore(database.Factory, new EphemeralDataProtectionProvider(), database.Time));

        Assert.Contains("Enter the key again", Assert.Throws<ArgumentException>(() => models.Get("s", ModelRole.Judge)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Remove_Server_FreesItsRolesAndKeepsItsCalls()
    {
        await using var server = await ScriptedModelServer.StartAsync((_, _) => (200, "yes"));
        await store.SaveAsync(new ModelServer { Name = "s", Endpoint = server.Endpoint.ToString(), Model = "m" }, Key, Cancellation);
        await store.AssignAsync(ModelRole.Judge, [new RoleAssignment { Role = ModelRole.Judge, Server = "s" }], Cancellation);
        using var models = TestServers.Of(database, new ConfigurationBuilder().Build(), store);
        await models.Of(ModelRole.Judge)!.CompleteAsync([new TextPrompt("S", "u")], Options, Cancellation);

        await store.RemoveAsync("s", Cancellation);

        Assert.Empty(models.Names);
        Assert.Null(models.Of(ModelRole.Judge));
        Assert.Equal(1, (await Calls.LedgerAsync(0, 10, Cancellation)).Total);
        var total = Assert.Single(await Calls.TotalsAsync(DateTimeOffset.UnixEpoch, Cancellation));
        Assert.Equal(("s", ModelRole.Judge, 1, 0, 0, 11L, 7L), (total.Server, total.Role, total.Answered, total.Cached, total.Failed, total.PromptTokens, total.CompletionTokens));
    }

    private readonly Dictionary<string, int> attempts = new(StringComparer.Ordinal);

    private int Attempt(string question)
    {
        lock (attempts)
        {
            return attempts[question] = attempts.GetValueOrDefault(question) + 1;
        }
    }

    private static IConfiguration Configured(ScriptedModelServer server) => new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
    {
        ["CoScientist:ModelServers:0:Name"] = "conf",
        ["CoScientist:ModelServers:0:Endpoint"] = server.Endpoint.ToString(),
        ["CoScientist:ModelServers:0:Model"] = "m",
    }).Build();

    /// <summary>In no byte of the database's files.</summary>
    private void AssertKeyIsNowhere()
    {
        foreach (var file in Directory.EnumerateFiles(database.Folder))
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            Assert.True(bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(Key)) < 0, $"The key stands in {file}.");
            Assert.True(bytes.AsSpan().IndexOf(Encoding.Unicode.GetBytes(Key)) < 0, $"The key stands in {file}.");
        }
    }
}
