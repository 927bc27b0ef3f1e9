using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>Lists of goals and of their items are filtered and counted within an index, without the goals' texts.</summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261123075000_GoalLists")]
internal sealed class GoalLists : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder) =>
        migrationBuilder.CreateIndex("IX_Goals_IsSandbox_Id_Domain_Split_Origin_Pipeline", "Goals", ["IsSandbox", "Id", "Domain", "Split", "Origin", "Pipeline"]);
}
