using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>Each study counts the changes that decide who gets which pair, so that what is kept of it in memory can be trusted.</summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261122233500_StudyRevisions")]
internal sealed class StudyRevisions : Migration
{
    private const string OfComparison = "SELECT \"StudyId\" FROM \"Comparisons\" WHERE \"Id\" = {0}.\"ComparisonId\"";
    private const string OfAssignment = "SELECT c.\"StudyId\" FROM \"Assignments\" a JOIN \"Comparisons\" c ON c.\"Id\" = a.\"ComparisonId\" WHERE a.\"Id\" = {0}.\"AssignmentId\"";

    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.CreateTable(
            "StudyRevisions",
            table => new
            {
                StudyId = table.Column<Guid>(nullable: false),
                Number = table.Column<long>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_StudyRevisions", x => x.StudyId);
                table.ForeignKey("FK_StudyRevisions_Studies_StudyId", x => x.StudyId, "Studies", "Id", onDelete: ReferentialAction.Cascade);
            });
        migrationBuilder.Sql("INSERT INTO \"StudyRevisions\" (\"StudyId\", \"Number\") SELECT \"Id\", 0 FROM \"Studies\"");
        if (migrationBuilder.IsNpgsql())
        {
            CreatePostgresTriggers(migrationBuilder);
            return;
        }

        migrationBuilder.Sql("CREATE TRIGGER \"StudyRevisionBegun\" AFTER INSERT ON \"Studies\" BEGIN INSERT INTO \"StudyRevisions\" (\"StudyId\", \"Number\") VALUES (new.\"Id\", 0); END");
        Raise(migrationBuilder, "Studies", "UPDATE OF \"Overlap\"", "new.\"Id\"");
        Follow(migrationBuilder, "Comparisons", "{0}.\"StudyId\"");
        Follow(migrationBuilder, "Assignments", OfComparison);
        Follow(migrationBuilder, "Preferences", OfAssignment);

        // Only the first event of an assignment changes anything: the answer is begun.
        Raise(migrationBuilder, "AnswerEvents", "INSERT", Of(OfAssignment, "new"), "WHEN NOT EXISTS (SELECT 1 FROM \"AnswerEvents\" WHERE \"AssignmentId\" = new.\"AssignmentId\" AND \"Id\" <> new.\"Id\")");
    }

    private static void Follow(MigrationBuilder migration, string table, string study)
    {
        Raise(migration, table, "INSERT", Of(study, "new"));
        Raise(migration, table, "UPDATE", Of(study, "new"));
        Raise(migration, table, "DELETE", Of(study, "old"));
    }

    private static void Raise(MigrationBuilder migration, string table, string change, string study, string when = "") => migration.Sql($"""
        CREATE TRIGGER "StudyRevision{table}{change.Split(' ')[0]}" AFTER {change} ON "{table}" {when} BEGIN
          UPDATE "StudyRevisions" SET "Number" = "Number" + 1 WHERE "StudyId" = ({study});
        END
        """);

    // The same rules. A trigger of PostgreSQL calls a function: one raises the revision of the study that its argument finds.
    private static void CreatePostgresTriggers(MigrationBuilder migration)
    {
        migration.Sql("""
            CREATE FUNCTION "StudyRevisionBegin"() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN INSERT INTO "StudyRevisions" ("StudyId", "Number") VALUES (new."Id", 0); RETURN NULL; END $$;
            CREATE TRIGGER "StudyRevisionBegun" AFTER INSERT ON "Studies" FOR EACH ROW EXECUTE FUNCTION "StudyRevisionBegin"();
            """);
        RaisePostgres(migration, "Studies", "{0}.\"Id\"", "UPDATE OF \"Overlap\"");
        RaisePostgres(migration, "Comparisons", "{0}.\"StudyId\"", "INSERT OR UPDATE OR DELETE");
        RaisePostgres(migration, "Assignments", OfComparison, "INSERT OR UPDATE OR DELETE");
        RaisePostgres(migration, "Preferences", OfAssignment, "INSERT OR UPDATE OR DELETE");
        RaisePostgres(migration, "AnswerEvents", OfAssignment, "INSERT", "IF EXISTS (SELECT 1 FROM \"AnswerEvents\" WHERE \"AssignmentId\" = new.\"AssignmentId\" AND \"Id\" <> new.\"Id\") THEN RETURN NULL; END IF;");
    }

    private static void RaisePostgres(MigrationBuilder migration, string table, string study, string changes, string unless = "") => migration.Sql($"""
        CREATE FUNCTION "StudyRevision{table}"() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          {unless}
          IF TG_OP = 'DELETE' THEN
            UPDATE "StudyRevisions" SET "Number" = "Number" + 1 WHERE "StudyId" = ({Of(study, "old")});
          ELSE
            UPDATE "StudyRevisions" SET "Number" = "Number" + 1 WHERE "StudyId" = ({Of(study, "new")});
          END IF;
          RETURN NULL;
        END $$;
        CREATE TRIGGER "StudyRevision{table}" AFTER {changes} ON "{table}" FOR EACH ROW EXECUTE FUNCTION "StudyRevision{table}"();
        """);

    private static string Of(string study, string row) => string.Format(System.Globalization.CultureInfo.InvariantCulture, study, row);
}
