using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>Model servers and roles are set up on a page; every call of them stands in a ledger, and answers are kept.</summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261122200500_ModelServers")]
internal sealed class ModelServers : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        CreateServers(migrationBuilder);
        CreateBooks(migrationBuilder);
    }

    private static void CreateServers(MigrationBuilder migration)
    {
        migration.CreateTable(
            "ModelServers",
            table => new
            {
                Name = table.Column<string>(nullable: false),
                Endpoint = table.Column<string>(nullable: false),
                Model = table.Column<string>(nullable: false),
                EncryptedKey = table.Column<string>(nullable: true),
                TimeoutSeconds = table.Column<int>(nullable: false),
                Concurrency = table.Column<int>(nullable: false),
                RequestsPerMinute = table.Column<int>(nullable: true),
                TokensPerMinute = table.Column<int>(nullable: true),
                TokenBudget = table.Column<long>(nullable: true),
                MoneyBudget = table.Column<decimal>(nullable: true),
                PriceIn = table.Column<decimal>(nullable: false),
                PriceOut = table.Column<decimal>(nullable: false),
                BudgetFrom = table.Column<long>(nullable: false),
                CreatedAt = table.Column<long>(nullable: false),
            },
            constraints: table => table.PrimaryKey("PK_ModelServers", x => x.Name));

        migration.CreateTable(
            "ModelRoles",
            table => new
            {
                Role = table.Column<string>(nullable: false),
                Place = table.Column<int>(nullable: false),
                Server = table.Column<string>(nullable: false),
                Model = table.Column<string>(nullable: true),
                Temperature = table.Column<double>(nullable: true),
                TopP = table.Column<double>(nullable: true),
                MaxTokens = table.Column<int>(nullable: true),
            },
            constraints: table => table.PrimaryKey("PK_ModelRoles", x => new { x.Role, x.Place }));
    }

    private static void CreateBooks(MigrationBuilder migration)
    {
        migration.CreateTable(
            "ModelCalls",
            table => new
            {
                Id = table.Column<long>(nullable: false).Annotation("Sqlite:Autoincrement", true),
                At = table.Column<long>(nullable: false),
                Server = table.Column<string>(nullable: false),
                Model = table.Column<string>(nullable: false),
                Role = table.Column<string>(nullable: false),
                Purpose = table.Column<string>(nullable: false),
                PromptVersion = table.Column<string>(nullable: false),
                RequestKey = table.Column<string>(nullable: false),
                Attempt = table.Column<int>(nullable: false),
                PromptTokens = table.Column<int>(nullable: false),
                CompletionTokens = table.Column<int>(nullable: false),
                Seconds = table.Column<double>(nullable: false),
                CostMicros = table.Column<long>(nullable: false),
                Outcome = table.Column<string>(nullable: false),
                Error = table.Column<string>(nullable: true),
            },
            constraints: table => table.PrimaryKey("PK_ModelCalls", x => x.Id));
        migration.CreateIndex("IX_ModelCalls_At", "ModelCalls", "At");
        migration.CreateIndex("IX_ModelCalls_Server_At", "ModelCalls", ["Server", "At"]);

        migration.CreateTable(
            "ModelAnswers",
            table => new
            {
                RequestKey = table.Column<string>(nullable: false),
                Text = table.Column<string>(nullable: false),
                Finish = table.Column<string>(nullable: false),
                PromptTokens = table.Column<int>(nullable: false),
                CompletionTokens = table.Column<int>(nullable: false),
                Size = table.Column<int>(nullable: false),
                At = table.Column<long>(nullable: false),
            },
            constraints: table => table.PrimaryKey("PK_ModelAnswers", x => x.RequestKey));
        migration.CreateIndex("IX_ModelAnswers_At", "ModelAnswers", "At");

        migration.CreateTable(
            "ModelFailures",
            table => new
            {
                RequestKey = table.Column<string>(nullable: false),
                At = table.Column<long>(nullable: false),
                Name = table.Column<string>(nullable: false),
                Role = table.Column<string>(nullable: false),
                Purpose = table.Column<string>(nullable: false),
                PromptVersion = table.Column<string>(nullable: false),
                System = table.Column<string>(nullable: false),
                User = table.Column<string>(nullable: false),
                SamplingJson = table.Column<string>(nullable: false),
                Outcome = table.Column<string>(nullable: false),
                Error = table.Column<string>(nullable: false),
            },
            constraints: table => table.PrimaryKey("PK_ModelFailures", x => x.RequestKey));
    }
}
