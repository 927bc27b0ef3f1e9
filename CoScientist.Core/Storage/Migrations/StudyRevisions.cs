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

    private static string Of(string study, string row) => string.Format(System.Globalization.CultureInfo.InvariantCulture, study, row);
}
