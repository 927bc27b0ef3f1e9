using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

// Papers, goals, rubrics and their review.
internal sealed partial class Initial
{
    private static void CreateLibrary(MigrationBuilder migration)
    {
        migration.CreateTable(
            "Papers",
            table => new
            {
                Id = table.Column<Guid>(nullable: false),
                Title = table.Column<string>(nullable: false),
                Authors = table.Column<string>(nullable: false),
                Year = table.Column<int>(nullable: true),
                Venue = table.Column<string>(nullable: true),
                Doi = table.Column<string>(nullable: true),
                Pmid = table.Column<string>(nullable: true),
                ArxivId = table.Column<string>(nullable: true),
                Licence = table.Column<string>(nullable: true),
                Domain = table.Column<string>(nullable: false),
                Abstract = table.Column<string>(nullable: false),
                Format = table.Column<string>(nullable: false),
                SourceName = table.Column<string>(nullable: false),
                ContentHash = table.Column<string>(nullable: false),
                IsSandbox = table.Column<bool>(nullable: false),
                ImportedAt = table.Column<long>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_Papers", x => x.Id);
            });
        migration.CreateIndex("IX_Papers_ContentHash", "Papers", "ContentHash", unique: true);

        migration.CreateTable(
            "PaperSections",
            table => new
            {
                Id = table.Column<long>(nullable: false).Annotation("Sqlite:Autoincrement", true),
                PaperId = table.Column<Guid>(nullable: false),
                Order = table.Column<int>(nullable: false),
                Heading = table.Column<string>(nullable: false),
                Role = table.Column<string>(nullable: false),
                Text = table.Column<string>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_PaperSections", x => x.Id);
                table.ForeignKey("FK_PaperSections_Papers_PaperId", x => x.PaperId, "Papers", "Id", onDelete: ReferentialAction.Cascade);
            });
        migration.CreateIndex("IX_PaperSections_PaperId", "PaperSections", "PaperId");

        migration.CreateTable(
            "Goals",
            table => new
            {
                Id = table.Column<Guid>(nullable: false),
                PaperId = table.Column<Guid>(nullable: true),
                Domain = table.Column<string>(nullable: false),
                Text = table.Column<string>(nullable: false),
                ReferenceSolution = table.Column<string>(nullable: true),
                Split = table.Column<string>(nullable: false),
                Origin = table.Column<string>(nullable: false),
                ExtractedBy = table.Column<string>(nullable: true),
                PromptVersion = table.Column<string>(nullable: true),
                ExternalKey = table.Column<string>(nullable: true),
                IsSandbox = table.Column<bool>(nullable: false),
                RubricVersion = table.Column<int>(nullable: false),
                CreatedAt = table.Column<long>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_Goals", x => x.Id);
                table.ForeignKey("FK_Goals_Papers_PaperId", x => x.PaperId, "Papers", "Id", onDelete: ReferentialAction.Restrict);
            });
        migration.CreateIndex("IX_Goals_ExternalKey", "Goals", "ExternalKey", unique: true);
        migration.CreateIndex("IX_Goals_IsSandbox_Split", "Goals", ["IsSandbox", "Split"]);
        migration.CreateIndex("IX_Goals_PaperId", "Goals", "PaperId");

        migration.CreateTable(
            "RubricItems",
            table => new
            {
                Id = table.Column<Guid>(nullable: false),
                GoalId = table.Column<Guid>(nullable: false),
                Order = table.Column<int>(nullable: false),
                Text = table.Column<string>(nullable: false),
                ProposedText = table.Column<string>(nullable: false),
                State = table.Column<string>(nullable: false),
                SourceSection = table.Column<int>(nullable: true),
                SourceStart = table.Column<int>(nullable: true),
                SourceLength = table.Column<int>(nullable: true),
                IsDraft = table.Column<bool>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_RubricItems", x => x.Id);
                table.ForeignKey("FK_RubricItems_Goals_GoalId", x => x.GoalId, "Goals", "Id", onDelete: ReferentialAction.Cascade);
            });
        migration.CreateIndex("IX_RubricItems_GoalId_Order", "RubricItems", ["GoalId", "Order"]);
        migration.CreateIndex("IX_RubricItems_State", "RubricItems", "State");

        migration.CreateTable(
            "ReviewDecisions",
            table => new
            {
                Id = table.Column<Guid>(nullable: false),
                ItemId = table.Column<Guid>(nullable: false),
                ReviewerId = table.Column<string>(nullable: false),
                Action = table.Column<string>(nullable: false),
                Reason = table.Column<string>(nullable: true),
                Note = table.Column<string>(nullable: true),
                TextBefore = table.Column<string>(nullable: false),
                TextAfter = table.Column<string>(nullable: false),
                StateBefore = table.Column<string>(nullable: false),
                StateAfter = table.Column<string>(nullable: false),
                RubricVersion = table.Column<int>(nullable: false),
                Undoes = table.Column<Guid>(nullable: true),
                At = table.Column<long>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_ReviewDecisions", x => x.Id);
                table.ForeignKey("FK_ReviewDecisions_ReviewDecisions_Undoes", x => x.Undoes, "ReviewDecisions", "Id", onDelete: ReferentialAction.Restrict);
                table.ForeignKey("FK_ReviewDecisions_RubricItems_ItemId", x => x.ItemId, "RubricItems", "Id", onDelete: ReferentialAction.Restrict);
            });
        migration.CreateIndex("IX_ReviewDecisions_ItemId", "ReviewDecisions", "ItemId");
        migration.CreateIndex("IX_ReviewDecisions_ReviewerId_At", "ReviewDecisions", ["ReviewerId", "At"]);
        migration.CreateIndex("IX_ReviewDecisions_Undoes", "ReviewDecisions", "Undoes", unique: true);
    }
}
