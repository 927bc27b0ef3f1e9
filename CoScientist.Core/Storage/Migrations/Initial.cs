using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>
/// The first schema. Migrations are written by hand, without column types, so that each provider picks its own. There is
/// no model snapshot: a test compares the migrated schema with the model. They only go forward: the way back is a backup.
/// </summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261122000000_Initial")]
internal sealed partial class Initial : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        CreateAccounts(migrationBuilder);
        CreateLibrary(migrationBuilder);
        CreatePlans(migrationBuilder);
        CreateStudies(migrationBuilder);
    }
}
