using CoScientist.Core.Storage.Postgres;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>Papers are found by the words of their sections too; the sandbox's, which are all alike, are not.</summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261123003000_PassageSearch")]
internal sealed class PassageSearch : Migration
{
    /// <summary>On SQLite, puts what the sections hold into an empty index.</summary>
    internal const string FillSearch = "INSERT INTO \"SearchTextOfSections\" (rowid, \"Text\") SELECT section.\"Id\", section.\"Text\" FROM \"PaperSections\" AS section JOIN \"Papers\" AS paper ON paper.\"Id\" = section.\"PaperId\" WHERE NOT paper.\"IsSandbox\" ORDER BY section.\"Id\"";

    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        if (migrationBuilder.IsNpgsql())
        {
            PostgresSearch.FollowSections(migrationBuilder);
            return;
        }

        // A row of the index has the number of its section; the text itself stays where it is.
        migrationBuilder.Sql("CREATE VIRTUAL TABLE \"SearchTextOfSections\" USING fts5(\"Text\", content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2')");
        migrationBuilder.Sql(FillSearch);
        migrationBuilder.Sql("""
            CREATE TRIGGER "SearchPaperSectionsAdded" AFTER INSERT ON "PaperSections" WHEN NOT (SELECT "IsSandbox" FROM "Papers" WHERE "Id" = new."PaperId") BEGIN
              INSERT INTO "SearchTextOfSections" (rowid, "Text") VALUES (new."Id", new."Text");
            END
            """);
        migrationBuilder.Sql("""
            CREATE TRIGGER "SearchPaperSectionsChanged" AFTER UPDATE OF "Text" ON "PaperSections" BEGIN
              UPDATE "SearchTextOfSections" SET "Text" = new."Text" WHERE rowid = old."Id";
            END
            """);
        migrationBuilder.Sql("""
            CREATE TRIGGER "SearchPaperSectionsRemoved" AFTER DELETE ON "PaperSections" BEGIN
              DELETE FROM "SearchTextOfSections" WHERE rowid = old."Id";
            END
            """);
    }
}
