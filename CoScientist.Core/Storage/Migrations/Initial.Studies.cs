using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

// Studies, pairs and answers.
internal sealed partial class Initial
{
    private static void CreateStudies(MigrationBuilder migration)
    {
        migration.CreateTable(
            "Studies",
            table => new
            {
                Id = table.Column<Guid>(nullable: false),
                Name = table.Column<string>(nullable: false),
                Arm1 = table.Column<string>(nullable: false),
                Arm2 = table.Column<string>(nullable: false),
                Guidelines = table.Column<string>(nullable: false),
                State = table.Column<string>(nullable: false),
                IsSandbox = table.Column<bool>(nullable: false),
                CreatedAt = table.Column<long>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_Studies", x => x.Id);
            });

        migration.CreateTable(
            "Comparisons",
            table => new
            {
                Id = table.Column<Guid>(nullable: false),
                StudyId = table.Column<Guid>(nullable: false),
                GoalId = table.Column<Guid>(nullable: false),
                Plan1Id = table.Column<Guid>(nullable: false),
                Plan2Id = table.Column<Guid>(nullable: false),
                Order = table.Column<int>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_Comparisons", x => x.Id);
                table.ForeignKey("FK_Comparisons_Goals_GoalId", x => x.GoalId, "Goals", "Id", onDelete: ReferentialAction.Restrict);
                table.ForeignKey("FK_Comparisons_Plans_Plan1Id", x => x.Plan1Id, "Plans", "Id", onDelete: ReferentialAction.Restrict);
                table.ForeignKey("FK_Comparisons_Plans_Plan2Id", x => x.Plan2Id, "Plans", "Id", onDelete: ReferentialAction.Restrict);
                table.ForeignKey("FK_Comparisons_Studies_StudyId", x => x.StudyId, "Studies", "Id", onDelete: ReferentialAction.Cascade);
            });
        migration.CreateIndex("IX_Comparisons_GoalId", "Comparisons", "GoalId");
        migration.CreateIndex("IX_Comparisons_Plan1Id", "Comparisons", "Plan1Id");
        migration.CreateIndex("IX_Comparisons_Plan2Id", "Comparisons", "Plan2Id");
        migration.CreateIndex("IX_Comparisons_StudyId_Order", "Comparisons", ["StudyId", "Order"]);

        migration.CreateTable(
            "Assignments",
            table => new
            {
                Id = table.Column<Guid>(nullable: false),
                ComparisonId = table.Column<Guid>(nullable: false),
                ExpertId = table.Column<string>(nullable: false),
                Arm1IsLeft = table.Column<bool>(nullable: false),
                CreatedAt = table.Column<long>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_Assignments", x => x.Id);
                table.ForeignKey("FK_Assignments_Comparisons_ComparisonId", x => x.ComparisonId, "Comparisons", "Id", onDelete: ReferentialAction.Restrict);
            });
        migration.CreateIndex("IX_Assignments_ComparisonId_ExpertId", "Assignments", ["ComparisonId", "ExpertId"], unique: true);
        migration.CreateIndex("IX_Assignments_ExpertId", "Assignments", "ExpertId");

        migration.CreateTable(
            "Preferences",
            table => new
            {
                Id = table.Column<Guid>(nullable: false),
                AssignmentId = table.Column<Guid>(nullable: false),
                Choice = table.Column<string>(nullable: false),
                Reason = table.Column<string>(nullable: true),
                ActiveMilliseconds = table.Column<long>(nullable: false),
                At = table.Column<long>(nullable: false),
                UndoneAt = table.Column<long>(nullable: true),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_Preferences", x => x.Id);
                table.ForeignKey("FK_Preferences_Assignments_AssignmentId", x => x.AssignmentId, "Assignments", "Id", onDelete: ReferentialAction.Restrict);
            });
        migration.CreateIndex("IX_Preferences_AssignmentId", "Preferences", "AssignmentId", unique: true, filter: "\"UndoneAt\" IS NULL");
    }
}
