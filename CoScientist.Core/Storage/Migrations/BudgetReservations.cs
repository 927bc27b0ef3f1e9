using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>Calls of model servers reserve their budgets where all processes see it.</summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261123071500_BudgetReservations")]
internal sealed class BudgetReservations : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.CreateTable(
            "BudgetReservations",
            table => new
            {
                Id = table.Column<long>(nullable: false).Annotation("Sqlite:Autoincrement", true),
                Server = table.Column<string>(nullable: false),
                Holder = table.Column<string>(nullable: false),
                Tokens = table.Column<long>(nullable: false),
                CostMicros = table.Column<long>(nullable: false),
                Until = table.Column<long>(nullable: false),
            },
            constraints: table => table.PrimaryKey("PK_BudgetReservations", x => x.Id));
        migrationBuilder.CreateIndex("IX_BudgetReservations_Server", "BudgetReservations", "Server");
    }
}
