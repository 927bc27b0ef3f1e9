using CoScientist.Core.Storage;

namespace CoScientist.Tests.Core.Storage;

[Trait("Database", "any")]
public sealed class AuditTrailTests : IAsyncLifetime
{
    private TestDatabase database = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private AuditTrail Trail => database.Store<AuditTrail>();

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        await using var db = database.NewContext();
        db.Users.Add(new Account { Id = "1", UserName = "ada" });
        await db.SaveChangesAsync(Token);
        await Trail.RecordAsync("1", AuditKind.Run, "r-1", "put the run into the queue", "runs/r-1", Token);
        await Trail.RecordAsync("1", AuditKind.ModelServer, "Lab", "set up the model server", "admin/servers", Token);
        await Trail.RecordAsync(null, AuditKind.Backup, "/backups/x", "made a backup", null, Token);
        await Trail.RecordAsync("gone", AuditKind.Run, "ÄRZTE", "cancelled the run", null, Token);
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task Page_NewestFirst_NamesWhoDidIt()
    {
        var (entries, total) = await Trail.PageAsync(new AuditFilter(), 0, 3, Token);

        Assert.Equal(4, total);
        Assert.Equal([("gone", "ÄRZTE"), ("", "/backups/x"), ("ada", "Lab")], entries.Select(entry => (entry.By, entry.About)));
        Assert.Equal(["r-1"], (await Trail.PageAsync(new AuditFilter(), 3, 3, Token)).Entries.Select(entry => entry.About));
        Assert.Equal(["", "ada", "gone"], await Trail.PeopleAsync(Token));
    }

    [Theory]
    [InlineData("lab", "Lab")]
    [InlineData("SERVER", "Lab")]
    [InlineData("ADA", "Lab,r-1")]
    [InlineData("ÄRZTE", "ÄRZTE")]
    [InlineData(" the run ", "ÄRZTE,r-1")]
    [InlineData("100%", "")]
    [InlineData("_", "")]
    public async Task Page_Text_IsFoundInAllColumnsAsItStands(string text, string expected) =>
        Assert.Equal(expected, string.Join(',', (await Trail.PageAsync(new AuditFilter(text), 0, 10, Token)).Entries.Select(entry => entry.About)));

    [Fact]
    public async Task Page_PersonKindAndTime_NarrowTheListTogether()
    {
        var all = (await Trail.PageAsync(new AuditFilter(), 0, 10, Token)).Entries;

        Assert.Equal(["/backups/x"], await AboutAsync(new AuditFilter(By: "")));
        Assert.Equal(["ÄRZTE", "r-1"], await AboutAsync(new AuditFilter(Kind: AuditKind.Run)));
        Assert.Equal(["r-1"], await AboutAsync(new AuditFilter(By: "ada", Kind: AuditKind.Run)));
        Assert.Equal(["/backups/x", "Lab"], await AboutAsync(new AuditFilter(From: all[2].At, To: all[0].At)));
        Assert.Equal(all.Select(entry => entry.Id), Trail.All(new AuditFilter()).Select(entry => entry.Id));
        Assert.Equal(all[1].At, await Trail.LastAsync(AuditKind.Backup, "made", Token));
        Assert.Null(await Trail.LastAsync(AuditKind.Backup, "restored", Token));
    }

    private async Task<IEnumerable<string>> AboutAsync(AuditFilter filter) => (await Trail.PageAsync(filter, 0, 10, Token)).Entries.Select(entry => entry.About);
}
