using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>
/// Studies have an overlap, reservations, a form, practice pairs and gold questions, invitations, adjudications and an audit trail. What was there
/// before asks the preference only, of every expert.
/// </summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261122195500_StudyForms")]
internal sealed class StudyForms : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.AddColumn<int>("Overlap", "Studies", nullable: true);
        migrationBuilder.AddColumn<int>("ReservationMinutes", "Studies", nullable: false, defaultValue: 60);
        migrationBuilder.AddColumn<bool>("InvitedOnly", "Studies", nullable: false, defaultValue: false);
        migrationBuilder.AddColumn<string>("FormJson", "Studies", nullable: false, defaultValue: "{}");
        migrationBuilder.AddColumn<string>("Kind", "Comparisons", nullable: false, defaultValue: "Counts");
        migrationBuilder.AddColumn<string>("Expected", "Comparisons", nullable: true);
        migrationBuilder.AddColumn<long>("ReservedUntil", "Assignments", nullable: true);
        migrationBuilder.AddColumn<long>("SkippedAt", "Assignments", nullable: true);
        migrationBuilder.AddColumn<string>("DetailsJson", "Preferences", nullable: false, defaultValue: "{}");
        CreateAnswers(migrationBuilder);
        CreateInvitations(migrationBuilder);
        CreateTrail(migrationBuilder);
    }

    private static void CreateAnswers(MigrationBuilder migration)
    {
        migration.CreateTable(
            "AnswerEvents",
            table => new
            {
                Id = table.Column<Guid>(nullable: false),
                AssignmentId = table.Column<Guid>(nullable: false),
                Field = table.Column<string>(nullable: false),
                Value = table.Column<string>(nullable: true),
                At = table.Column<long>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_AnswerEvents", x => x.Id);
                table.ForeignKey("FK_AnswerEvents_Assignments_AssignmentId", x => x.AssignmentId, "Assignments", "Id", onDelete: ReferentialAction.Restrict);
            });
        migration.CreateIndex("IX_AnswerEvents_AssignmentId", "AnswerEvents", "AssignmentId");
    }

    private static void CreateInvitations(MigrationBuilder migration)
    {
        migration.CreateTable(
            "StudyInvitations",
            table => new
            {
                Id = table.Column<Guid>(nullable: false),
                StudyId = table.Column<Guid>(nullable: false),
                TokenHash = table.Column<string>(nullable: false),
                Label = table.Column<string>(nullable: false),
                MaxUses = table.Column<int>(nullable: true),
                ExpiresAt = table.Column<long>(nullable: false),
                CreatedBy = table.Column<string>(nullable: false),
                CreatedAt = table.Column<long>(nullable: false),
                RevokedAt = table.Column<long>(nullable: true),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_StudyInvitations", x => x.Id);
                table.ForeignKey("FK_StudyInvitations_Studies_StudyId", x => x.StudyId, "Studies", "Id", onDelete: ReferentialAction.Restrict);
            });
        migration.CreateIndex("IX_StudyInvitations_StudyId", "StudyInvitations", "StudyId");
        migration.CreateIndex("IX_StudyInvitations_TokenHash", "StudyInvitations", "TokenHash", unique: true);

        migration.CreateTable(
            "StudyExperts",
            table => new
            {
                StudyId = table.Column<Guid>(nullable: false),
                ExpertId = table.Column<string>(nullable: false),
                InvitationId = table.Column<Guid>(nullable: true),
                JoinedAt = table.Column<long>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_StudyExperts", x => new { x.StudyId, x.ExpertId });
                table.ForeignKey("FK_StudyExperts_Studies_StudyId", x => x.StudyId, "Studies", "Id", onDelete: ReferentialAction.Restrict);
                table.ForeignKey("FK_StudyExperts_StudyInvitations_InvitationId", x => x.InvitationId, "StudyInvitations", "Id", onDelete: ReferentialAction.Restrict);
            });
        migration.CreateIndex("IX_StudyExperts_InvitationId", "StudyExperts", "InvitationId");
    }

    private static void CreateTrail(MigrationBuilder migration)
    {
        migration.CreateTable(
            "Adjudications",
            table => new
            {
                Id = table.Column<Guid>(nullable: false),
                ComparisonId = table.Column<Guid>(nullable: false),
                Outcome = table.Column<string>(nullable: true),
                By = table.Column<string>(nullable: false),
                At = table.Column<long>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_Adjudications", x => x.Id);
                table.ForeignKey("FK_Adjudications_Comparisons_ComparisonId", x => x.ComparisonId, "Comparisons", "Id", onDelete: ReferentialAction.Restrict);
            });
        migration.CreateIndex("IX_Adjudications_ComparisonId", "Adjudications", "ComparisonId");

        migration.CreateTable(
            "StudyEvents",
            table => new
            {
                Id = table.Column<Guid>(nullable: false),
                StudyId = table.Column<Guid>(nullable: false),
                By = table.Column<string>(nullable: false),
                What = table.Column<string>(nullable: false),
                At = table.Column<long>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_StudyEvents", x => x.Id);
                table.ForeignKey("FK_StudyEvents_Studies_StudyId", x => x.StudyId, "Studies", "Id", onDelete: ReferentialAction.Restrict);
            });
        migration.CreateIndex("IX_StudyEvents_StudyId", "StudyEvents", "StudyId");
    }
}
