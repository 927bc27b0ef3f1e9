using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>Rubric items are checked, goals know their source, pipeline and near-duplicates, and extractions leave a record.</summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261122201000_ItemChecks")]
internal sealed class ItemChecks : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.AddColumn<string>("Pipeline", "Goals", nullable: true);
        migrationBuilder.AddColumn<int>("SourceSection", "Goals", nullable: true);
        migrationBuilder.AddColumn<int>("SourceStart", "Goals", nullable: true);
        migrationBuilder.AddColumn<int>("SourceLength", "Goals", nullable: true);
        migrationBuilder.AddColumn<Guid>("DuplicateOf", "Goals", nullable: true);
        migrationBuilder.AddColumn<double>("Resemblance", "Goals", nullable: true);

        migrationBuilder.CreateTable(
            "ItemChecks",
            table => new
            {
                ItemId = table.Column<Guid>(nullable: false),
                Checker = table.Column<string>(nullable: false),
                IsJudge = table.Column<bool>(nullable: false),
                GoalShare = table.Column<double>(nullable: true),
                Leaks = table.Column<bool>(nullable: false),
                At = table.Column<long>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_ItemChecks", x => new { x.ItemId, x.Checker });
                table.ForeignKey("FK_ItemChecks_RubricItems_ItemId", x => x.ItemId, "RubricItems", "Id", onDelete: ReferentialAction.Cascade);
            });

        migrationBuilder.CreateTable(
            "ItemFindings",
            table => new
            {
                Id = table.Column<long>(nullable: false).Annotation("Sqlite:Autoincrement", true),
                ItemId = table.Column<Guid>(nullable: false),
                Checker = table.Column<string>(nullable: false),
                Fault = table.Column<string>(nullable: false),
                Reason = table.Column<string>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_ItemFindings", x => x.Id);
                table.ForeignKey("FK_ItemFindings_ItemChecks_ItemId_Checker", x => new { x.ItemId, x.Checker }, "ItemChecks", ["ItemId", "Checker"], onDelete: ReferentialAction.Cascade);
            });
        migrationBuilder.CreateIndex("IX_ItemFindings_ItemId_Checker", "ItemFindings", ["ItemId", "Checker"]);

        migrationBuilder.CreateTable(
            "ExtractionRecords",
            table => new
            {
                Id = table.Column<long>(nullable: false).Annotation("Sqlite:Autoincrement", true),
                PaperId = table.Column<Guid>(nullable: false),
                Pipeline = table.Column<string>(nullable: false),
                Extractor = table.Column<string>(nullable: false),
                PromptVersion = table.Column<string>(nullable: true),
                State = table.Column<string>(nullable: false),
                Error = table.Column<string>(nullable: true),
                Goals = table.Column<int>(nullable: false),
                Items = table.Column<int>(nullable: false),
                Attempts = table.Column<int>(nullable: false),
                At = table.Column<long>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_ExtractionRecords", x => x.Id);
                table.ForeignKey("FK_ExtractionRecords_Papers_PaperId", x => x.PaperId, "Papers", "Id", onDelete: ReferentialAction.Cascade);
            });
        migrationBuilder.CreateIndex("IX_ExtractionRecords_PaperId_Pipeline_Extractor", "ExtractionRecords", ["PaperId", "Pipeline", "Extractor"], unique: true);
        migrationBuilder.CreateIndex("IX_ExtractionRecords_State", "ExtractionRecords", "State");
    }
}
