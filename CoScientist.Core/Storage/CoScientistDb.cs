using CoScientist.Core.Extraction;
using CoScientist.Core.Goals;
using CoScientist.Core.Goals.Checks;
using CoScientist.Core.Grading;
using CoScientist.Core.Jobs;
using CoScientist.Core.Papers;
using CoScientist.Core.Plans;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage.Model;
using CoScientist.Core.Studies;
using CoScientist.Core.TextModels;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>The one database: everything the application knows, with who decided what.</summary>
/// <param name="options">Provider and connection.</param>
public sealed class CoScientistDb(DbContextOptions<CoScientistDb> options) : IdentityDbContext<Account, IdentityRole, string>(options)
{
    /// <summary>Papers of the library.</summary>
    public DbSet<Paper> Papers => Set<Paper>();

    /// <summary>Sections of papers.</summary>
    public DbSet<PaperSection> PaperSections => Set<PaperSection>();

    /// <summary>Goals drawn from papers or imported.</summary>
    public DbSet<Goal> Goals => Set<Goal>();

    /// <summary>Where imported goals came from.</summary>
    public DbSet<GoalSource> GoalSources => Set<GoalSource>();

    /// <summary>Imports and extractions that pages asked for.</summary>
    public DbSet<LibraryJob> LibraryJobs => Set<LibraryJob>();

    /// <summary>Steps of those.</summary>
    public DbSet<LibraryJobStep> LibraryJobSteps => Set<LibraryJobStep>();

    /// <summary>What the full-text index points at.</summary>
    public DbSet<SearchEntry> SearchEntries => Set<SearchEntry>();

    /// <summary>Rubric items in their current wording.</summary>
    public DbSet<RubricItem> RubricItems => Set<RubricItem>();

    /// <summary>The audit trail of rubrics.</summary>
    public DbSet<ReviewDecision> ReviewDecisions => Set<ReviewDecision>();

    /// <summary>Checks of rubric items.</summary>
    public DbSet<ItemCheck> ItemChecks => Set<ItemCheck>();

    /// <summary>What the checks found.</summary>
    public DbSet<ItemFinding> ItemFindings => Set<ItemFinding>();

    /// <summary>How extractions ended, one row per paper, pipeline and extractor.</summary>
    public DbSet<ExtractionRecord> ExtractionRecords => Set<ExtractionRecord>();

    /// <summary>What second reviewers say, and those who settle disagreements.</summary>
    public DbSet<ReviewOpinion> ReviewOpinions => Set<ReviewOpinion>();

    /// <summary>Plans of every origin.</summary>
    public DbSet<Plan> Plans => Set<Plan>();

    /// <summary>Gradings of plans.</summary>
    public DbSet<Grading.Grading> Gradings => Set<Grading.Grading>();

    /// <summary>Verdicts of gradings.</summary>
    public DbSet<Verdict> Verdicts => Set<Verdict>();

    /// <summary>Studies.</summary>
    public DbSet<Study> Studies => Set<Study>();

    /// <summary>Pairs of plans.</summary>
    public DbSet<Comparison> Comparisons => Set<Comparison>();

    /// <summary>Pairs as experts see them.</summary>
    public DbSet<Assignment> Assignments => Set<Assignment>();

    /// <summary>Answers of experts.</summary>
    public DbSet<Preference> Preferences => Set<Preference>();

    /// <summary>Fields of answers as they were filled in.</summary>
    public DbSet<AnswerEvent> AnswerEvents => Set<AnswerEvent>();

    /// <summary>Links that let experts into studies.</summary>
    public DbSet<StudyInvitation> StudyInvitations => Set<StudyInvitation>();

    /// <summary>Experts who joined studies.</summary>
    public DbSet<StudyExpert> StudyExperts => Set<StudyExpert>();

    /// <summary>Decisions on goals that experts disagree about.</summary>
    public DbSet<Adjudication> Adjudications => Set<Adjudication>();

    /// <summary>The audit trail of studies.</summary>
    public DbSet<StudyEvent> StudyEvents => Set<StudyEvent>();

    /// <summary>How often the hand-out of each study has changed.</summary>
    public DbSet<StudyRevision> StudyRevisions => Set<StudyRevision>();

    /// <summary>Training runs.</summary>
    public DbSet<Run> Runs => Set<Run>();

    /// <summary>What happened to runs, for who looks elsewhere.</summary>
    public DbSet<RunNotice> RunNotices => Set<RunNotice>();

    /// <summary>Up to when accounts have seen the notices.</summary>
    public DbSet<RunNoticesSeen> RunNoticesSeen => Set<RunNoticesSeen>();

    /// <summary>Registered checkpoints.</summary>
    public DbSet<Checkpoint> Checkpoints => Set<Checkpoint>();

    /// <summary>Model servers set up on their page.</summary>
    public DbSet<ModelServer> ModelServers => Set<ModelServer>();

    /// <summary>Who plays which role.</summary>
    public DbSet<RoleAssignment> ModelRoles => Set<RoleAssignment>();

    /// <summary>The ledger of calls.</summary>
    public DbSet<ModelCall> ModelCalls => Set<ModelCall>();

    /// <summary>Answers that are kept.</summary>
    public DbSet<ModelAnswer> ModelAnswers => Set<ModelAnswer>();

    /// <summary>Requests that came to nothing.</summary>
    public DbSet<ModelFailure> ModelFailures => Set<ModelFailure>();

    /// <summary>Budgets of model servers, held by calls under way.</summary>
    public DbSet<BudgetReservation> BudgetReservations => Set<BudgetReservation>();

    /// <summary>Links that make accounts or give them new passwords.</summary>
    public DbSet<AccountLink> AccountLinks => Set<AccountLink>();

    /// <summary>The audit trail.</summary>
    public DbSet<AuditEntry> AuditEntries => Set<AuditEntry>();

    /// <summary>The tables of accounts stay as the migrations made them, whatever the host configures.</summary>
    protected override Version SchemaVersion => IdentitySchemaVersions.Version1;

    /// <inheritdoc/>
    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder) => configurationBuilder.AddDomainConversions();

    /// <inheritdoc/>
    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        builder.ApplyConfigurationsFromAssembly(typeof(CoScientistDb).Assembly);
        if (Database.IsNpgsql())
        {
            builder.StoreListsAsJson();
        }
    }
}
