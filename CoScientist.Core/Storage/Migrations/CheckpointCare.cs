using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>Checkpoints can be promoted, tagged and deleted; those before are neither.</summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261122204500_CheckpointCare")]
internal sealed class CheckpointCare : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.AddColumn<long>("PromotedAt", "Checkpoints", nullable: true);
        migrationBuilder.AddColumn<string>("Tags", "Checkpoints", nullable: false, defaultValue: "");
        migrationBuilder.AddColumn<long>("DeletedAt", "Checkpoints", nullable: true);
    }
}
