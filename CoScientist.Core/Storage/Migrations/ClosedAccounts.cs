using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>Accounts can be closed for good.</summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261123040100_ClosedAccounts")]
internal sealed class ClosedAccounts : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.AddColumn<long>("ClosedAt", "AspNetUsers", nullable: true);
}
