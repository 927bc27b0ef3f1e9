using System.Reflection;
using System.Text;
using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Core.Goals.Checks;
using CoScientist.Core.Jobs;
using CoScientist.Core.Papers;
using CoScientist.Core.Plans;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Core.TextModels;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Shared;

/// <summary>One of everything that pages show, so that every page has its buttons, and every text in it says something that must not run.</summary>
internal sealed record FullHouse(PaperId Paper, GoalId Goal, StudyId Study, string Invitation, string Run, string Checkpoint)
{
    /// <summary>Runs where a page takes it for markup; a name, an attribute and a script each in turn.</summary>
    public const string Payload = "\"'><script>stored()</script><img src=x onerror=stored()>[x](javascript:stored())";

    /// <summary>A model server of which the address answers nothing.</summary>
    public const string Server = "lab";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Addresses of pages by route; those without parameters lead to themselves.</summary>
    public IReadOnlyDictionary<string, string> Parameters => new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["/library/papers/{Id}"] = Paper.ToString(),
        ["/library/goals/{Id}"] = Goal.ToString(),
        ["/studies/{Id}"] = Study.ToString(),
        ["/compare/{Id}"] = Study.ToString(),
        ["/runs/{Name}"] = Run,
        ["/runs/{Name}/files"] = Run,
        ["/models/{Name}"] = Checkpoint,
        ["/account/join/{Secret}"] = Invitation,
        ["/account/link/{Secret}"] = "none",
    };

    /// <summary>The pages of those who are signed in, but for those of their own account, by name.</summary>
    public static IReadOnlyList<Type> Pages { get; } = [.. typeof(CoScientist.Web.Components.App).Assembly.GetTypes()
        .Where(type => type.GetCustomAttribute<RouteAttribute>() is { } route && !route.Template.StartsWith("/account/", StringComparison.Ordinal) && type.GetCustomAttribute<AllowAnonymousAttribute>() is null)
        .OrderBy(type => type.Name, StringComparer.Ordinal)];

    /// <summary>Opens a page as somebody, on a connection of its own.</summary>
    public Task<ActionRenderer> OpenAsync(IServiceProvider services, Type page, string accountName)
    {
        var route = page.GetCustomAttribute<RouteAttribute>()!.Template;
        var parameters = new Dictionary<string, object?>(StringComparer.Ordinal);
        if (Parameters.TryGetValue(route, out var value))
        {
            parameters[route.Contains("{Id}", StringComparison.Ordinal) ? "Id" : "Name"] = value;
        }

        return ActionRenderer.OpenAsync(services, page, parameters, accountName, route.Replace("{Id}", value, StringComparison.Ordinal).Replace("{Name}", value, StringComparison.Ordinal));
    }

    /// <summary>Fills a database.</summary>
    /// <param name="services">Services of an application.</param>
    /// <param name="account">Id of an account that did it all.</param>
    public static async Task<FullHouse> MakeAsync(IServiceProvider services, string account)
    {
        var time = TimeProvider.System;
        var now = time.GetUtcNow();
        await ManyRuns.AddAsync(services, 1, 2, 1);
        var import = await services.GetRequiredService<PaperImportStore>().ImportAsync(
            "hostile.md",
            Encoding.UTF8.GetBytes($"---\ntitle: Title {Payload}\nauthors: [Author {Payload}]\nyear: 2020\ndoi: 10.5555/x\ndomain: medicine\n---\n\n# Title\n\n## Abstract\n\nIt is unclear how long. {Payload}\n\n## Methods\n\nThirty were drawn by lot. {Payload}\n"),
            "medicine",
            Token);
        Assert.True(import.IsThere, import.Message);
        await using var db = await services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Token);
        var (goal, item) = (TypedId.New<GoalId>(time), TypedId.New<RubricItemId>(time));
        db.Add(new Goal { Id = goal, PaperId = import.PaperId, Domain = "medicine", Text = $"Find out. {Payload}", Origin = "dataset", ReferenceSolution = $"Reference {Payload}", CreatedAt = now, Items = [
            new RubricItem { Id = item, GoalId = goal, Order = 0, Text = $"Draws by lot. {Payload}", ProposedText = $"Draws. {Payload}", State = RubricItemState.Edited },
            new RubricItem { Id = TypedId.New<RubricItemId>(time), GoalId = goal, Order = 1, Text = $"Blinds. {Payload}", ProposedText = $"Blinds. {Payload}" }] });
        db.Add(new ReviewDecision { Id = TypedId.New<ReviewDecisionId>(time), ItemId = item, ReviewerId = "somebody", Action = ReviewAction.Edit, Note = $"Note {Payload}", TextBefore = $"Draws. {Payload}", TextAfter = $"Draws by lot. {Payload}", StateBefore = RubricItemState.Proposed, StateAfter = RubricItemState.Edited, RubricVersion = 1, At = now });
        db.Add(new ItemCheck { ItemId = item, Checker = "wording", At = now, Findings = [new ItemFinding { ItemId = item, Checker = "wording", Fault = ItemFault.Compound, Reason = $"Finding {Payload}" }] });
        foreach (var writer in (string[])["arm one", "arm two"])
        {
            db.Add(new Plan { Id = TypedId.New<PlanId>(time), GoalId = goal, Writer = writer, Text = $"We plan as follows. {Payload}", CreatedAt = now });
        }

        var run = await db.Runs.FirstAsync(row => row.Name == "many-1", Token);
        db.Add(new RunNotice { Id = TypedId.New<RunNoticeId>(time), RunId = run.Id, Kind = RunNoticeKind.Failed, Text = $"Notice {Payload}", At = now });
        var checkpoint = await db.Checkpoints.OrderBy(row => row.Step).FirstAsync(row => row.RunId == run.Id, Token);
        var job = TypedId.New<LibraryJobId>(time);
        db.Add(new LibraryJob { Id = job, Kind = LibraryJobKind.ImportPapers, StartedBy = account, Options = "{}", State = LibraryJobState.Failed, Fault = $"Fault {Payload}", CreatedAt = now, EndedAt = now, Steps = [
            new LibraryJobStep { JobId = job, Order = 0, Name = $"file {Payload}", State = LibraryStepState.Failed, Message = $"Message {Payload}" }] });
        db.Add(new ModelServer { Name = Server, Endpoint = "http://127.0.0.1:9/v1", Model = $"model {Payload}" });
        db.Add(new ModelCall { At = now, Server = Server, Model = $"model {Payload}", Role = ModelRole.Judge, Purpose = $"purpose {Payload}", PromptVersion = "1", RequestKey = "k", Attempt = 1, PromptTokens = 1, CompletionTokens = 1, Seconds = 1, CostMicros = 1, Outcome = CallOutcome.Refused, Error = $"error {Payload}" });
        db.Add(new ModelFailure { RequestKey = "k", At = now, Name = Server, Role = ModelRole.Judge, Purpose = $"purpose {Payload}", PromptVersion = "1", System = $"system {Payload}", User = $"user {Payload}", SamplingJson = "{}", Outcome = CallOutcome.Refused, Error = $"error {Payload}" });
        db.Add(new AuditEntry { At = now, By = $"by {Payload}", Kind = AuditKind.Account, About = $"account {Payload}", What = $"what {Payload}" });
        run.Error = $"Error {Payload}";
        await db.SaveChangesAsync(Token);

        var studies = services.GetRequiredService<StudyStore>();
        var study = await studies.CreateAsync(new StudyDraft { Name = $"Study {Payload}", Arm1 = "arm one", Arm2 = "arm two", IsSandbox = false, Goals = 1, Guidelines = $"Guidelines {Payload}" }, Token);
        var invitation = await studies.InviteAsync(study, $"Label {Payload}", null, TimeSpan.FromDays(1), account, Token);
        return new FullHouse(import.PaperId!.Value, goal, study, invitation, run.Name, checkpoint.Name);
    }
}
