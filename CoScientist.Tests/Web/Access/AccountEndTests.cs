using System.Net;
using System.Text.Json;
using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Tests.Shared;
using CoScientist.Web.Accounts;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Access;

/// <summary>The end of accounts: what is personal goes from every table, and results come out as they did.</summary>
[Collection(nameof(AccessCollection))]
[Trait("Database", "any")]
public sealed class AccountEndTests(AccessFixture access)
{
    /// <summary>Columns that hold the id of an account. Each is looked at before an account is deleted whole, or goes with it.</summary>
    private static readonly string[] s_references =
    [
        "AccountLinks.AccountId", "AccountLinks.CreatedBy", "Adjudications.By", "Assignments.ExpertId", "AspNetUserClaims.UserId", "AspNetUserLogins.UserId", "AspNetUserRoles.UserId",
        "AspNetUserTokens.UserId", "AuditEntries.By", "LibraryJobs.StartedBy", "ReviewDecisions.ReviewerId", "ReviewOpinions.ReviewerId", "RunNoticesSeen.AccountId", "Runs.StartedBy",
        "StudyEvents.By", "StudyExperts.ExpertId", "StudyInvitations.CreatedBy",
    ];

    private readonly ServerFixture server = access.Server;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private AccountStore Store => server.Services.GetRequiredService<AccountStore>();

    [Fact]
    public async Task EveryColumnThatNamesAnAccount_IsKnown()
    {
        await using var db = await OpenAsync();
        var columns = db.Model.GetEntityTypes().SelectMany(entity => entity.GetProperties().Where(property => property.ClrType == typeof(string)).Select(property => (Table: entity.GetTableName()!, property.Name)))
            .Where(column => column.Name is "By" or "StartedBy" or "CreatedBy" or "ReviewerId" or "ExpertId" or "AccountId" or "UserId" || (column.Name.EndsWith("By", StringComparison.Ordinal) && column.Name != "ExtractedBy") || column.Name.Contains("Account", StringComparison.Ordinal) || column.Name.Contains("Person", StringComparison.Ordinal))
            .Select(column => $"{column.Table}.{column.Name}").Order(StringComparer.Ordinal);

        Assert.Equal(s_references.Order(StringComparer.Ordinal), columns);
    }

    [Fact]
    public async Task Close_AccountThatLeftNothing_IsDeletedWhole()
    {
        var id = await MakeAsync("zoe-nothing");
        using var client = await server.SignInAsync("zoe-nothing");
        Assert.True((await Store.TracesAsync(id, Cancellation)).None);

        var pseudonym = await Store.CloseAsync(id, await AdministratorAsync(), byOwner: false, Cancellation);

        Assert.StartsWith("former member ", pseudonym, StringComparison.Ordinal);
        Assert.DoesNotContain(await Store.ListAsync(Cancellation), account => account.Id == id);
        Assert.Empty(await WhereAsync("zoe-nothing"));
        using var gone = await client.GetAsync("/compare", Cancellation);
        Assert.Equal("/account/sign-in", gone.Headers.Location!.AbsolutePath);
        var entry = (await server.Services.GetRequiredService<AuditTrail>().PageAsync(new AuditFilter(Kind: AuditKind.Deletion), 0, 1, Cancellation)).Entries[0];
        Assert.Equal((ServerFixture.Administrator, pseudonym), (entry.By, entry.About));
    }

    [Fact]
    public async Task Close_AccountThatAnsweredAndReviewed_LeavesJudgmentsAndNoNameAnywhere()
    {
        var (id, study) = await WorkAsync("yara-expert", "yara@example.org");
        var other = await MakeAsync("zed-expert");
        var studies = server.Services.GetRequiredService<StudyStore>();
        await AnswerAllAsync(studies, study, other);
        var (results, answers) = await ResultsAsync(study);
        var told = new TaskCompletionSource<string>();
        void Tell(string changed) => told.TrySetResult(changed);
        server.Services.GetRequiredService<Sessions>().Changed += Tell;

        var pseudonym = await Store.CloseAsync(id, await AdministratorAsync(), byOwner: false, Cancellation);

        server.Services.GetRequiredService<Sessions>().Changed -= Tell;
        Assert.Equal(id, await told.Task);
        Assert.Equal((results.Replace("yara-expert", pseudonym, StringComparison.Ordinal), answers), await ResultsAsync(study));
        Assert.Empty(await WhereAsync("yara"));
        var row = (await Store.ListAsync(Cancellation)).Single(account => account.Id == id);
        Assert.Equal((pseudonym, true, true, 0), (row.Name, row.IsClosed, row.IsDisabled, row.Roles.Count));
        await using (var db = await OpenAsync())
        {
            var account = await db.Users.AsNoTracking().SingleAsync(user => user.Id == id, Cancellation);
            Assert.Equal((null, null, null, false), (account.PasswordHash, account.Email, account.PhoneNumber, account.TwoFactorEnabled));
            Assert.False(await db.UserTokens.AnyAsync(token => token.UserId == id, Cancellation) || await db.UserLogins.AnyAsync(login => login.UserId == id, Cancellation));
        }

        // Nothing brings it back, and the next one has another name.
        await Assert.ThrowsAsync<AccountException>(() => Store.SetDisabledAsync(id, disabled: false, null, Cancellation));
        await Assert.ThrowsAsync<AccountException>(() => Store.ResetLinkAsync(id, TimeSpan.FromDays(1), null, Cancellation));
        await Assert.ThrowsAsync<AccountException>(() => Store.CloseAsync(id, null, byOwner: false, Cancellation));
        Assert.NotEqual(pseudonym, await Store.CloseAsync(other, null, byOwner: false, Cancellation));
        var page = await (await server.SignInAsync()).GetStringAsync("/admin", Cancellation);
        Assert.Contains(pseudonym, page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OwnAccount_EndsByItsPasswordAndTheBox_AndTheLastAdministratorDoesNot()
    {
        await MakeAsync("wim-own");
        using var client = await server.SignInAsync("wim-own");
        Assert.Contains("not your password", await EndAsync(client, "no idea what it was", sure: true), StringComparison.Ordinal);
        Assert.Contains("Tick the box", await EndAsync(client, ServerFixture.Password, sure: false), StringComparison.Ordinal);
        Assert.Equal("", await EndAsync(client, ServerFixture.Password, sure: true));
        Assert.Empty(await WhereAsync("wim-own"));

        await using var data = await AccountData.MakeAsync();
        await data.Store.CreateAsync("only", ServerFixture.Password, [Roles.Administrator], Cancellation);
        var only = (await data.Store.ListAsync(Cancellation)).Single().Id;
        Assert.Contains("only administrator", (await Assert.ThrowsAsync<AccountException>(() => data.Store.CloseAsync(only, null, byOwner: true, Cancellation))).Message, StringComparison.Ordinal);
        Assert.Contains("only administrator", (await Assert.ThrowsAsync<AccountException>(() => data.Store.CloseAsync(only, only, byOwner: false, Cancellation))).Message, StringComparison.Ordinal);
        var researcher = await MakeAsync("vera-researcher");
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => Store.CloseAsync(researcher, researcher, byOwner: false, Cancellation));
    }

    private static async Task<string> EndAsync(HttpClient client, string password, bool sure)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal) { ["_handler"] = "end", ["Input.Password"] = password, ["Input.Sure"] = sure ? "True" : "False" };
        using var answer = await ServerFixture.PostFormAsync(client, "/account/security", fields);
        if (answer.StatusCode == HttpStatusCode.Redirect)
        {
            Assert.Equal("/account/sign-in", new Uri(client.BaseAddress!, answer.Headers.Location!).AbsolutePath);
            using var gone = await client.GetAsync("/account/security", Cancellation);
            Assert.Equal(HttpStatusCode.Redirect, gone.StatusCode);
            return "";
        }

        return await answer.Content.ReadAsStringAsync(Cancellation);
    }

    /// <summary>An expert by invitation who answers, decides and begins an answer, with everything an account can have.</summary>
    private async Task<(string Id, StudyId Study)> WorkAsync(string name, string mail)
    {
        var id = await MakeAsync(name);
        var study = await StudySeed.AddAsync(server.Services, StudySeed.Draft($"Ended {name.Length}", 3) with { Overlap = 2 }, items: 1);
        var studies = server.Services.GetRequiredService<StudyStore>();
        var secret = await studies.InviteAsync(study, mail, 1, TimeSpan.FromDays(1), await AdministratorAsync(), Cancellation);
        await studies.JoinAsync(secret, id, Cancellation);
        await AnswerAllAsync(studies, study, id, leave: 1);
        await studies.NextAsync(study, id, Cancellation);
        await Store.ResetLinkAsync(id, TimeSpan.FromDays(1), null, Cancellation);
        await using (var scope = server.Services.CreateAsyncScope())
        {
            var manager = scope.ServiceProvider.GetRequiredService<UserManager<Account>>();
            var account = (await manager.FindByIdAsync(id))!;
            (account.Email, account.PhoneNumber) = (mail, "yara 0815");
            await manager.UpdateAsync(account);
            await manager.ResetAuthenticatorKeyAsync(account);
            await manager.AddLoginAsync(account, new UserLoginInfo("https://idp", "yara-key", "yara"));
        }

        await using var db = await OpenAsync();
        var item = await db.RubricItems.OrderBy(row => row.Id).FirstAsync(Cancellation);
        db.Add(new ReviewDecision { Id = TypedId.New<ReviewDecisionId>(TimeProvider.System), ItemId = item.Id, ReviewerId = id, Action = ReviewAction.Approve, TextBefore = item.Text, TextAfter = item.Text, StateBefore = item.State, StateAfter = item.State, RubricVersion = 1, At = DateTimeOffset.UtcNow });
        await db.SaveChangesAsync(Cancellation);
        var traces = await Store.TracesAsync(id, Cancellation);
        Assert.True(traces is { Answers: 2, Decisions: 1, Organised: > 1 }, traces.ToString());
        using var client = await server.SignInAsync(name);
        return (id, study);
    }

    private static async Task AnswerAllAsync(StudyStore studies, StudyId study, string expert, int leave = 0)
    {
        for (var left = 3 - leave; left > 0 && await studies.NextAsync(study, expert, Cancellation) is { } pair; left--)
        {
            await studies.AnswerAsync(pair.Assignment, expert, PreferenceChoice.A, "because", 2000, Cancellation);
        }
    }

    private async Task<(string Results, string Answers)> ResultsAsync(StudyId study)
    {
        var results = await server.Services.GetRequiredService<StudyStore>().ResultsAsync(study, Cancellation);
        var export = await server.Services.GetRequiredService<ExportStore>().PreferencesAsync(study.ToString(), anonymous: false, Cancellation);
        return (JsonSerializer.Serialize(results), JsonSerializer.Serialize(export.Rows));
    }

    private async Task<string> MakeAsync(string name)
    {
        await server.CreateAccountAsync(name, Roles.Expert, Roles.Reviewer);
        return (await Store.ListAsync(Cancellation)).Single(account => account.Name == name).Id;
    }

    private async Task<string> AdministratorAsync() => (await Store.ListAsync(Cancellation)).Single(account => account.Name == ServerFixture.Administrator).Id;

    private Task<CoScientistDb> OpenAsync() => server.Services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Cancellation);

    /// <summary>Columns of all tables in which a text of small letters stands somewhere, in any case.</summary>
    private async Task<IReadOnlyList<string>> WhereAsync(string text)
    {
        await using var db = await OpenAsync();
        await db.Database.OpenConnectionAsync(Cancellation);
        var found = new List<string>();
        foreach (var entity in db.Model.GetEntityTypes())
        {
            foreach (var property in entity.GetProperties())
            {
                await using var command = db.Database.GetDbConnection().CreateCommand();
                command.CommandText = $"SELECT count(*) FROM \"{entity.GetTableName()}\" WHERE lower(CAST(\"{property.GetColumnName()}\" AS TEXT)) LIKE '%{text}%'";
                if ((long)(await command.ExecuteScalarAsync(Cancellation))! > 0)
                {
                    found.Add($"{entity.GetTableName()}.{property.GetColumnName()}");
                }
            }
        }

        return found;
    }
}
