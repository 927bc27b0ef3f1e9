using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>Second reviewers have a say of their own, apart from decisions.</summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261122210500_ReviewOpinions")]
internal sealed class ReviewOpinions : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.CreateTable(
            "ReviewOpinions",
            table => new
            {
                Id = table.Column<Guid>(nullable: false),
                ItemId = table.Column<Guid>(nullable: false),
                ReviewerId = table.Column<string>(nullable: false),
                Action = table.Column<string>(nullable: false),
                Reason = table.Column<string>(nullable: true),
                Note = table.Column<string>(nullable: true),
                Text = table.Column<string>(nullable: false),
                Agrees = table.Column<bool>(nullable: false),
                IsAdjudication = table.Column<bool>(nullable: false),
                RubricVersion = table.Column<int>(nullable: false),
                At = table.Column<long>(nullable: false),
                UndoneAt = table.Column<long>(nullable: true),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_ReviewOpinions", x => x.Id);
                table.ForeignKey("FK_ReviewOpinions_RubricItems_ItemId", x => x.ItemId, "RubricItems", "Id", onDelete: ReferentialAction.Restrict);
            });
        migrationBuilder.CreateIndex("IX_ReviewOpinions_ItemId", "ReviewOpinions", "ItemId");
    }
}
