using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>Rubric items have a weight, which reviewers set; what was there before weighs 1.</summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261122170000_ItemWeights")]
internal sealed class ItemWeights : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.AddColumn<double>("Weight", "RubricItems", nullable: false, defaultValue: 1.0);
        migrationBuilder.AddColumn<double>("WeightBefore", "ReviewDecisions", nullable: false, defaultValue: 1.0);
        migrationBuilder.AddColumn<double>("WeightAfter", "ReviewDecisions", nullable: false, defaultValue: 1.0);
    }
}
