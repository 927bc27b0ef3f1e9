using System.Globalization;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Postgres;

/// <summary>
/// The full-text index on PostgreSQL, with the words of SQLite's: letters and digits, in small letters and without accents, in
/// their places. The parser and dictionaries of PostgreSQL would cut and stem words in their own way.
/// </summary>
internal static class PostgresSearch
{
    /// <summary>Makes the index of papers, goals and items, and the functions that fold texts and queries alike and find the words of a text.</summary>
    public static void Create(MigrationBuilder migration)
    {
        // A database may be ordered by bytes, where only ASCII has letters; the collation of ICU knows those of all languages. NFD
        // parts letters from their accents. A word of more than 500 characters is none (the index takes 2,046 bytes), places after
        // the 16,383rd are one and the same, and of a text whose words together exceed an index entry (1 MB) the first are found.
        migration.Sql("""
            DO $do$ BEGIN EXECUTE format($sql$
              CREATE FUNCTION "SearchFold"(content text) RETURNS text LANGUAGE sql IMMUTABLE AS $fn$
                SELECT translate(lower(regexp_replace(normalize(content, NFD), '[\u0300-\u036f]', '', 'g') COLLATE %1$s), 'ς', 'σ')
              $fn$;
              CREATE FUNCTION "SearchWords"(content text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE AS $fn$
              DECLARE
                words text;
              BEGIN
                SELECT string_agg(word || ':' || least(place, 16383), ' ') INTO words
                  FROM string_to_table(trim(regexp_replace("SearchFold"(content) COLLATE %1$s, '[^[:alnum:]]+', ' ', 'g')), ' ') WITH ORDINALITY AS found(word, place)
                  WHERE word <> '' AND length(word) <= 500;
                RETURN coalesce(words, '')::tsvector;
              EXCEPTION WHEN program_limit_exceeded THEN
                RETURN "SearchWords"(left(content, length(content) / 2));
              END $fn$
            $sql$, CASE WHEN EXISTS (SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu') THEN '"und-x-icu"' ELSE '"default"' END); END $do$;
            CREATE TABLE "SearchText" ("Id" bigint PRIMARY KEY, "Words" tsvector NOT NULL);
            CREATE INDEX "IX_SearchText_Words" ON "SearchText" USING gin ("Words");
            """);
    }

    /// <summary>Indexes what a table holds now; triggers do the same for all that comes, changes or goes, whoever writes it: rows that come together in one statement.</summary>
    /// <param name="migration">The migration.</param>
    /// <param name="table">The table.</param>
    /// <param name="goal">Its goal, <c>{0}</c> standing for the row.</param>
    /// <param name="text">What is indexed, likewise.</param>
    /// <param name="columns">Columns of the text.</param>
    public static void Follow(MigrationBuilder migration, string table, string goal, string text, string[] columns)
    {
        string Of(string expression, string row) => string.Format(CultureInfo.InvariantCulture, expression, row);
        var add = $"""
            WITH entries AS (INSERT INTO "SearchEntries" ("OwnerId", "GoalId") SELECT "Id", {Of(goal, "")} FROM {"{0}"} RETURNING "Id", "OwnerId")
              INSERT INTO "SearchText" ("Id", "Words") SELECT entries."Id", "SearchWords"({Of(text, "owner.")}) FROM {"{0}"} AS owner JOIN entries ON entries."OwnerId" = owner."Id"
            """;
        migration.Sql(Of(add, $"\"{table}\""));
        migration.Sql($"""
            CREATE FUNCTION "Search{table}Added"() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              {Of(add, "added")};
              RETURN NULL;
            END $$;
            CREATE TRIGGER "Search{table}Added" AFTER INSERT ON "{table}" REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "Search{table}Added"();

            CREATE FUNCTION "Search{table}Changed"() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              UPDATE "SearchText" SET "Words" = "SearchWords"({Of(text, "new.")}) WHERE "Id" = (SELECT "Id" FROM "SearchEntries" WHERE "OwnerId" = new."Id");
              RETURN NULL;
            END $$;
            CREATE TRIGGER "Search{table}Changed" AFTER UPDATE OF {string.Join(", ", columns.Select(column => $"\"{column}\""))} ON "{table}" FOR EACH ROW EXECUTE FUNCTION "Search{table}Changed"();

            CREATE FUNCTION "Search{table}Removed"() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              DELETE FROM "SearchText" WHERE "Id" IN (SELECT entry."Id" FROM "SearchEntries" AS entry JOIN removed ON removed."Id" = entry."OwnerId");
              DELETE FROM "SearchEntries" WHERE "OwnerId" IN (SELECT "Id" FROM removed);
              RETURN NULL;
            END $$;
            CREATE TRIGGER "Search{table}Removed" AFTER DELETE ON "{table}" REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION "Search{table}Removed"();
            """);
    }

    /// <summary>Makes the index of sections, whose rows have the numbers of the sections; those of the sandbox are not in it.</summary>
    public static void FollowSections(MigrationBuilder migration)
    {
        const string Add = """
            INSERT INTO "SearchTextOfSections" ("Id", "Words")
              SELECT section."Id", "SearchWords"(section."Text") FROM {0} AS section JOIN "Papers" AS paper ON paper."Id" = section."PaperId" WHERE NOT paper."IsSandbox"
            """;
        string Of(string table) => string.Format(CultureInfo.InvariantCulture, Add, table);
        migration.Sql($"""
            CREATE TABLE "SearchTextOfSections" ("Id" bigint PRIMARY KEY, "Words" tsvector NOT NULL);
            CREATE INDEX "IX_SearchTextOfSections_Words" ON "SearchTextOfSections" USING gin ("Words");
            {Of("\"PaperSections\"")};

            CREATE FUNCTION "SearchPaperSectionsAdded"() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              {Of("added")};
              RETURN NULL;
            END $$;
            CREATE TRIGGER "SearchPaperSectionsAdded" AFTER INSERT ON "PaperSections" REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "SearchPaperSectionsAdded"();

            CREATE FUNCTION "SearchPaperSectionsChanged"() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              UPDATE "SearchTextOfSections" SET "Words" = "SearchWords"(new."Text") WHERE "Id" = new."Id";
              RETURN NULL;
            END $$;
            CREATE TRIGGER "SearchPaperSectionsChanged" AFTER UPDATE OF "Text" ON "PaperSections" FOR EACH ROW EXECUTE FUNCTION "SearchPaperSectionsChanged"();

            CREATE FUNCTION "SearchPaperSectionsRemoved"() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              DELETE FROM "SearchTextOfSections" WHERE "Id" IN (SELECT "Id" FROM removed);
              RETURN NULL;
            END $$;
            CREATE TRIGGER "SearchPaperSectionsRemoved" AFTER DELETE ON "PaperSections" REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION "SearchPaperSectionsRemoved"();
            """);
    }
}
