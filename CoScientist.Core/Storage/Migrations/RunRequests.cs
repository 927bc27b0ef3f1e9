using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>Runs that another process works on are asked to pause, to change or to end.</summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261123031500_RunRequests")]
internal sealed class RunRequests : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.AddColumn<string>("Request", "Runs", nullable: true);
        migrationBuilder.AddColumn<int>("RequestedSteps", "Runs", nullable: true);
    }
}
