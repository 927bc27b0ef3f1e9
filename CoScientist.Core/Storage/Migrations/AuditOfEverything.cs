using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>The audit trail of accounts becomes that of everything, those of studies with it.</summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261123040000_AuditOfEverything")]
internal sealed class AuditOfEverything : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.CreateTable(
            "AuditEntries",
            table => new
            {
                Id = table.Column<long>(nullable: false).Annotation("Sqlite:Autoincrement", true),
                At = table.Column<long>(nullable: false),
                By = table.Column<string>(nullable: false),
                Kind = table.Column<string>(nullable: false),
                About = table.Column<string>(nullable: false),
                What = table.Column<string>(nullable: false),
                Link = table.Column<string>(nullable: true),
            },
            constraints: table => table.PrimaryKey("PK_AuditEntries", x => x.Id));
        migrationBuilder.Sql("""
            INSERT INTO "AuditEntries" ("Id", "At", "By", "Kind", "About", "What", "Link")
            SELECT "Id", "At", "By", 'Account', "Account", "What", 'admin' FROM "AccountEvents"
            """);
        if (migrationBuilder.IsNpgsql())
        {
            migrationBuilder.Sql("SELECT setval(pg_get_serial_sequence('\"AuditEntries\"', 'Id'), coalesce(max(\"Id\"), 0) + 1, false) FROM \"AuditEntries\"");
        }

        migrationBuilder.Sql("""
            INSERT INTO "AuditEntries" ("At", "By", "Kind", "About", "What", "Link")
            SELECT e."At", coalesce(u."UserName", e."By"), 'Study', s."Name", e."What", 'studies/' || lower(replace(CAST(s."Id" AS TEXT), '-', ''))
            FROM "StudyEvents" e JOIN "Studies" s ON s."Id" = e."StudyId" LEFT JOIN "AspNetUsers" u ON u."Id" = e."By" ORDER BY e."At"
            """);
        migrationBuilder.DropTable("AccountEvents");
        migrationBuilder.CreateIndex("IX_AuditEntries_At", "AuditEntries", "At");
        migrationBuilder.CreateIndex("IX_AuditEntries_Kind_At", "AuditEntries", ["Kind", "At"]);
        migrationBuilder.CreateIndex("IX_AuditEntries_By_At", "AuditEntries", ["By", "At"]);
    }
}
