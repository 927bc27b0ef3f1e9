using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

// Runs, checkpoints, plans and gradings.
internal sealed partial class Initial
{
    private static void CreatePlans(MigrationBuilder migration)
    {
        migration.CreateTable(
            "Runs",
            table => new
            {
                Id = table.Column<Guid>(nullable: false),
                Name = table.Column<string>(nullable: false),
                State = table.Column<string>(nullable: false),
                SpecJson = table.Column<string>(nullable: false),
                Step = table.Column<int>(nullable: false),
                TotalSteps = table.Column<int>(nullable: false),
                BestStep = table.Column<int>(nullable: true),
                ResultJson = table.Column<string>(nullable: true),
                Error = table.Column<string>(nullable: true),
                StartedBy = table.Column<string>(nullable: true),
                Worker = table.Column<string>(nullable: true),
                IsSandbox = table.Column<bool>(nullable: false),
                CreatedAt = table.Column<long>(nullable: false),
                StartedAt = table.Column<long>(nullable: true),
                EndedAt = table.Column<long>(nullable: true),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_Runs", x => x.Id);
            });
        migration.CreateIndex("IX_Runs_Name", "Runs", "Name", unique: true);
        migration.CreateIndex("IX_Runs_State", "Runs", "State");

        migration.CreateTable(
            "Checkpoints",
            table => new
            {
                Id = table.Column<Guid>(nullable: false),
                Name = table.Column<string>(nullable: false),
                RunId = table.Column<Guid>(nullable: true),
                Step = table.Column<int>(nullable: false),
                Path = table.Column<string>(nullable: false),
                ParentId = table.Column<Guid>(nullable: true),
                JudgeScore = table.Column<double>(nullable: true),
                IsSandbox = table.Column<bool>(nullable: false),
                CreatedAt = table.Column<long>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_Checkpoints", x => x.Id);
                table.ForeignKey("FK_Checkpoints_Checkpoints_ParentId", x => x.ParentId, "Checkpoints", "Id", onDelete: ReferentialAction.Restrict);
                table.ForeignKey("FK_Checkpoints_Runs_RunId", x => x.RunId, "Runs", "Id", onDelete: ReferentialAction.Restrict);
            });
        migration.CreateIndex("IX_Checkpoints_Name", "Checkpoints", "Name", unique: true);
        migration.CreateIndex("IX_Checkpoints_ParentId", "Checkpoints", "ParentId");
        migration.CreateIndex("IX_Checkpoints_RunId", "Checkpoints", "RunId");

        migration.CreateTable(
            "Plans",
            table => new
            {
                Id = table.Column<Guid>(nullable: false),
                GoalId = table.Column<Guid>(nullable: false),
                CheckpointId = table.Column<Guid>(nullable: true),
                RunId = table.Column<Guid>(nullable: true),
                Writer = table.Column<string>(nullable: false),
                Text = table.Column<string>(nullable: false),
                Temperature = table.Column<double>(nullable: true),
                Seed = table.Column<long>(nullable: true),
                Tokens = table.Column<int>(nullable: true),
                Finished = table.Column<bool>(nullable: false),
                CreatedAt = table.Column<long>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_Plans", x => x.Id);
                table.ForeignKey("FK_Plans_Checkpoints_CheckpointId", x => x.CheckpointId, "Checkpoints", "Id", onDelete: ReferentialAction.Restrict);
                table.ForeignKey("FK_Plans_Goals_GoalId", x => x.GoalId, "Goals", "Id", onDelete: ReferentialAction.Restrict);
                table.ForeignKey("FK_Plans_Runs_RunId", x => x.RunId, "Runs", "Id", onDelete: ReferentialAction.Restrict);
            });
        migration.CreateIndex("IX_Plans_CheckpointId", "Plans", "CheckpointId");
        migration.CreateIndex("IX_Plans_GoalId_Writer", "Plans", ["GoalId", "Writer"]);
        migration.CreateIndex("IX_Plans_RunId", "Plans", "RunId");

        migration.CreateTable(
            "Gradings",
            table => new
            {
                Id = table.Column<Guid>(nullable: false),
                PlanId = table.Column<Guid>(nullable: false),
                Role = table.Column<string>(nullable: false),
                Grader = table.Column<string>(nullable: false),
                Protocol = table.Column<string>(nullable: false),
                RubricVersion = table.Column<int>(nullable: false),
                Score = table.Column<double>(nullable: true),
                Failure = table.Column<string>(nullable: true),
                At = table.Column<long>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_Gradings", x => x.Id);
                table.ForeignKey("FK_Gradings_Plans_PlanId", x => x.PlanId, "Plans", "Id", onDelete: ReferentialAction.Restrict);
            });
        migration.CreateIndex("IX_Gradings_PlanId_Role", "Gradings", ["PlanId", "Role"]);

        migration.CreateTable(
            "Verdicts",
            table => new
            {
                Id = table.Column<long>(nullable: false).Annotation("Sqlite:Autoincrement", true),
                GradingId = table.Column<Guid>(nullable: false),
                ItemId = table.Column<Guid>(nullable: false),
                Met = table.Column<bool>(nullable: false),
                Violated = table.Column<string>(nullable: false),
                Reason = table.Column<string>(nullable: true),
                Probability = table.Column<double>(nullable: true),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_Verdicts", x => x.Id);
                table.ForeignKey("FK_Verdicts_Gradings_GradingId", x => x.GradingId, "Gradings", "Id", onDelete: ReferentialAction.Cascade);
                table.ForeignKey("FK_Verdicts_RubricItems_ItemId", x => x.ItemId, "RubricItems", "Id", onDelete: ReferentialAction.Restrict);
            });
        migration.CreateIndex("IX_Verdicts_GradingId", "Verdicts", "GradingId");
        migration.CreateIndex("IX_Verdicts_ItemId", "Verdicts", "ItemId");
    }
}
