using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Core.Storage.Migrations;

/// <summary>Papers know their versions, and are found by their identifiers.</summary>
[DbContext(typeof(CoScientistDb))]
[Migration("20261122171500_PaperVersions")]
internal sealed class PaperVersions : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.AddColumn<int>("Version", "Papers", nullable: true);
        migrationBuilder.AddColumn<string>("FirstVersionHash", "Papers", nullable: true);
        migrationBuilder.AddColumn<Guid>("NewestVersion", "Papers", nullable: true);
        migrationBuilder.CreateIndex("IX_Papers_Doi", "Papers", "Doi");
        migrationBuilder.CreateIndex("IX_Papers_Pmid", "Papers", "Pmid");
        migrationBuilder.CreateIndex("IX_Papers_ArxivId", "Papers", "ArxivId");
    }
}
