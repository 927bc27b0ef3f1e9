using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>Accounts are made and given new passwords by links that work once, and what is done to them stands in an audit trail.</summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261122233500_AccountCare")]
internal sealed class AccountCare : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.CreateTable(
            "AccountLinks",
            table => new
            {
                SecretHash = table.Column<string>(nullable: false),
                AccountId = table.Column<string>(nullable: true),
                Name = table.Column<string>(nullable: false),
                Roles = table.Column<string>(nullable: false),
                CreatedBy = table.Column<string>(nullable: false),
                CreatedAt = table.Column<long>(nullable: false),
                ExpiresAt = table.Column<long>(nullable: false),
                UsedAt = table.Column<long>(nullable: true),
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_AccountLinks", x => x.SecretHash);
                table.ForeignKey("FK_AccountLinks_AspNetUsers_AccountId", x => x.AccountId, "AspNetUsers", "Id", onDelete: ReferentialAction.Cascade);
            });
        migrationBuilder.CreateIndex("IX_AccountLinks_AccountId", "AccountLinks", "AccountId");
        migrationBuilder.CreateTable(
            "AccountEvents",
            table => new
            {
                Id = table.Column<long>(nullable: false).Annotation("Sqlite:Autoincrement", true),
                At = table.Column<long>(nullable: false),
                By = table.Column<string>(nullable: false),
                Account = table.Column<string>(nullable: false),
                What = table.Column<string>(nullable: false),
            },
            constraints: table => table.PrimaryKey("PK_AccountEvents", x => x.Id));
    }
}
