using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>Waiting runs have a place that people can change, and what happens to runs is told to who looks elsewhere.</summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261122210500_RunQueue")]
internal sealed class RunQueue : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.AddColumn<long>("QueuePlace", "Runs", nullable: false, defaultValue: 0L);
        migrationBuilder.CreateTable(
            "RunNotices",
            table => new
            {
                Id = table.Column<Guid>(nullable: false),
                RunId = table.Column<Guid>(nullable: false),
                Kind = table.Column<string>(nullable: false),
                Text = table.Column<string>(nullable: false),
                At = table.Column<long>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_RunNotices", x => x.Id);
                table.ForeignKey("FK_RunNotices_Runs_RunId", x => x.RunId, "Runs", "Id", onDelete: ReferentialAction.Cascade);
            });
        migrationBuilder.CreateIndex("IX_RunNotices_RunId", "RunNotices", "RunId");
        migrationBuilder.CreateIndex("IX_RunNotices_At", "RunNotices", "At");
        migrationBuilder.CreateTable(
            "RunNoticesSeen",
            table => new
            {
                AccountId = table.Column<string>(nullable: false),
                At = table.Column<long>(nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_RunNoticesSeen", x => x.AccountId);
                table.ForeignKey("FK_RunNoticesSeen_AspNetUsers_AccountId", x => x.AccountId, "AspNetUsers", "Id", onDelete: ReferentialAction.Cascade);
            });
    }
}
