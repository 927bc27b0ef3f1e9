using CoScientist.Core.Storage.Postgres;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>The library is searched by a full-text index, its lists have the indexes they filter by, and its jobs are recorded.</summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261122211000_LibraryPages")]
internal sealed class LibraryPages : Migration
{
    // {0} stands for the row.
    private const string PaperText = "{0}\"Title\" || char(10) || {0}\"Abstract\" || char(10) || {0}\"Authors\" || char(10) || {0}\"SourceName\" || char(10) || coalesce({0}\"Doi\", '') || ' ' || coalesce({0}\"ArxivId\", '') || ' ' || coalesce({0}\"Pmid\", '')";

    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        CreateJobs(migrationBuilder);
        migrationBuilder.CreateIndex("IX_Papers_IsSandbox_NewestVersion", "Papers", ["IsSandbox", "NewestVersion"]);
        migrationBuilder.CreateIndex("IX_Goals_IsSandbox_Domain", "Goals", ["IsSandbox", "Domain"]);
        migrationBuilder.CreateIndex("IX_RubricItems_GoalId_State", "RubricItems", ["GoalId", "State"]);
        migrationBuilder.CreateTable(
            "SearchEntries",
            table => new
            {
                Id = table.Column<long>(nullable: false).Annotation("Sqlite:Autoincrement", true),
                OwnerId = table.Column<Guid>(nullable: false),
                GoalId = table.Column<Guid>(nullable: true),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_SearchEntries", x => x.Id);
            });
        migrationBuilder.CreateIndex("IX_SearchEntries_OwnerId", "SearchEntries", "OwnerId", unique: true);

        if (migrationBuilder.IsNpgsql())
        {
            PostgresSearch.Create(migrationBuilder);
            PostgresSearch.Follow(migrationBuilder, "Papers", "NULL", PaperText.Replace("char(10)", "E'\\n'", StringComparison.Ordinal), ["Title", "Abstract", "Authors", "SourceName", "Doi", "ArxivId", "Pmid"]);
            PostgresSearch.Follow(migrationBuilder, "Goals", "{0}\"Id\"", "{0}\"Text\"", ["Text"]);
            PostgresSearch.Follow(migrationBuilder, "RubricItems", "{0}\"GoalId\"", "{0}\"Text\"", ["Text"]);
            return;
        }

        // The index holds no text: papers, goals and items hold it already.
        migrationBuilder.Sql("CREATE VIRTUAL TABLE \"SearchText\" USING fts5(\"Text\", content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2')");
        foreach (var statement in FillSearch)
        {
            migrationBuilder.Sql(statement);
        }

        Follow(migrationBuilder, "Papers", "NULL", PaperText, ["Title", "Abstract", "Authors", "SourceName", "Doi", "ArxivId", "Pmid"]);
        Follow(migrationBuilder, "Goals", "{0}\"Id\"", "{0}\"Text\"", ["Text"]);
        Follow(migrationBuilder, "RubricItems", "{0}\"GoalId\"", "{0}\"Text\"", ["Text"]);
    }

    /// <summary>On SQLite, puts what the tables hold into an empty index.</summary>
    internal static IEnumerable<string> FillSearch => [.. Fill("Papers", "NULL", PaperText), .. Fill("Goals", "{0}\"Id\"", "{0}\"Text\""), .. Fill("RubricItems", "{0}\"GoalId\"", "{0}\"Text\"")];

    private static void CreateJobs(MigrationBuilder migration)
    {
        migration.CreateTable(
            "LibraryJobs",
            table => new
            {
                Id = table.Column<Guid>(nullable: false),
                Kind = table.Column<string>(nullable: false),
                StartedBy = table.Column<string>(nullable: false),
                Options = table.Column<string>(nullable: false),
                State = table.Column<string>(nullable: false),
                Fault = table.Column<string>(nullable: true),
                CreatedAt = table.Column<long>(nullable: false),
                EndedAt = table.Column<long>(nullable: true),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_LibraryJobs", x => x.Id);
            });
        migration.CreateIndex("IX_LibraryJobs_State", "LibraryJobs", "State");
        migration.CreateTable(
            "LibraryJobSteps",
            table => new
            {
                Id = table.Column<long>(nullable: false).Annotation("Sqlite:Autoincrement", true),
                JobId = table.Column<Guid>(nullable: false),
                Order = table.Column<int>(nullable: false),
                Name = table.Column<string>(nullable: false),
                State = table.Column<string>(nullable: false),
                Message = table.Column<string>(nullable: true),
                PaperId = table.Column<Guid>(nullable: true),
                Attempts = table.Column<int>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_LibraryJobSteps", x => x.Id);
                table.ForeignKey("FK_LibraryJobSteps_LibraryJobs_JobId", x => x.JobId, "LibraryJobs", "Id", onDelete: ReferentialAction.Cascade);
            });
        migration.CreateIndex("IX_LibraryJobSteps_JobId_State_Order", "LibraryJobSteps", ["JobId", "State", "Order"]);
    }

    // In the order of entries: the index gathers rows as long as their numbers rise.
    private static IEnumerable<string> Fill(string table, string goal, string text) =>
    [
        $"INSERT INTO \"SearchEntries\" (\"OwnerId\", \"GoalId\") SELECT \"Id\", {Of(goal, "")} FROM \"{table}\" ORDER BY \"Id\"",
        $"INSERT INTO \"SearchText\" (rowid, \"Text\") SELECT entry.\"Id\", {Of(text, "owner.")} FROM \"{table}\" AS owner JOIN \"SearchEntries\" AS entry ON entry.\"OwnerId\" = owner.\"Id\" ORDER BY entry.\"Id\"",
    ];

    private static string Of(string expression, string row) => string.Format(System.Globalization.CultureInfo.InvariantCulture, expression, row);

    // Triggers do the same for all that comes, changes or goes, whoever writes it.
    private static void Follow(MigrationBuilder migration, string table, string goal, string text, string[] columns)
    {
        migration.Sql($"""
            CREATE TRIGGER "Search{table}Added" AFTER INSERT ON "{table}" BEGIN
              INSERT INTO "SearchEntries" ("OwnerId", "GoalId") VALUES (new."Id", {Of(goal, "new.")});
              INSERT INTO "SearchText" (rowid, "Text") SELECT "Id", {Of(text, "new.")} FROM "SearchEntries" WHERE "OwnerId" = new."Id";
            END
            """);
        migration.Sql($"""
            CREATE TRIGGER "Search{table}Changed" AFTER UPDATE OF {string.Join(", ", columns.Select(column => $"\"{column}\""))} ON "{table}" BEGIN
              UPDATE "SearchText" SET "Text" = {Of(text, "new.")} WHERE rowid = (SELECT "Id" FROM "SearchEntries" WHERE "OwnerId" = new."Id");
            END
            """);
        migration.Sql($"""
            CREATE TRIGGER "Search{table}Removed" AFTER DELETE ON "{table}" BEGIN
              DELETE FROM "SearchText" WHERE rowid = (SELECT "Id" FROM "SearchEntries" WHERE "OwnerId" = old."Id");
              DELETE FROM "SearchEntries" WHERE "OwnerId" = old."Id";
            END
            """);
    }
}
