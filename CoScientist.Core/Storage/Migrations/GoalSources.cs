using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>Imported goals know their file and line, and keep the columns that have no place elsewhere.</summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261122203000_GoalSources")]
internal sealed class GoalSources : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder) =>
        migrationBuilder.CreateTable(
            "GoalSources",
            table => new
            {
                GoalId = table.Column<Guid>(nullable: false),
                FileName = table.Column<string>(nullable: false),
                FileHash = table.Column<string>(nullable: false),
                Line = table.Column<int>(nullable: false),
                Columns = table.Column<string>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_GoalSources", x => x.GoalId);
                table.ForeignKey("FK_GoalSources_Goals_GoalId", x => x.GoalId, "Goals", "Id", onDelete: ReferentialAction.Cascade);
            });
}
