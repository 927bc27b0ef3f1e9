using CoScientist.Core.Extraction;
using CoScientist.Core.Goals;
using CoScientist.Core.Goals.Checks;
using CoScientist.Core.Papers;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace CoScientist.Core.Storage.Model;

/// <summary>Checks of rubric items, and how extractions ended.</summary>
internal sealed class ChecksModel :
    IEntityTypeConfiguration<ItemCheck>,
    IEntityTypeConfiguration<ItemFinding>,
    IEntityTypeConfiguration<ExtractionRecord>
{
    public void Configure(EntityTypeBuilder<ItemCheck> check)
    {
        check.HasKey(c => new { c.ItemId, c.Checker });
        check.HasOne<RubricItem>().WithMany().HasForeignKey(c => c.ItemId).OnDelete(DeleteBehavior.Cascade);
        check.HasMany(c => c.Findings).WithOne().HasForeignKey(f => new { f.ItemId, f.Checker }).OnDelete(DeleteBehavior.Cascade);
    }

    public void Configure(EntityTypeBuilder<ItemFinding> finding) => finding.HasKey(f => f.Id);

    public void Configure(EntityTypeBuilder<ExtractionRecord> record)
    {
        record.HasIndex(r => new { r.PaperId, r.Pipeline, r.Extractor }).IsUnique();
        record.HasIndex(r => r.State);
        record.HasOne<Paper>().WithMany().HasForeignKey(r => r.PaperId).OnDelete(DeleteBehavior.Cascade);
    }
}
