using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>Plans and gradings say which prompt they were made with; gradings keep what the grader said of the whole plan.</summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261122120000_PromptVersions")]
internal sealed class PromptVersions : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.AddColumn<string>("PromptVersion", "Plans", nullable: true);
        migrationBuilder.AddColumn<string>("PromptVersion", "Gradings", nullable: true);
        migrationBuilder.AddColumn<string>("Weaknesses", "Gradings", nullable: true);
    }
}
