using CoScientist.Core.Jobs;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace CoScientist.Core.Storage.Model;

/// <summary>Jobs of the library, and what its full-text index points at.</summary>
internal sealed class JobsModel : IEntityTypeConfiguration<LibraryJob>, IEntityTypeConfiguration<LibraryJobStep>, IEntityTypeConfiguration<SearchEntry>
{
    public void Configure(EntityTypeBuilder<LibraryJob> job)
    {
        job.HasIndex(j => j.State);
        job.HasMany(j => j.Steps).WithOne().HasForeignKey(s => s.JobId).OnDelete(DeleteBehavior.Cascade);
    }

    public void Configure(EntityTypeBuilder<LibraryJobStep> step) => step.HasIndex(s => new { s.JobId, s.State, s.Order });

    public void Configure(EntityTypeBuilder<SearchEntry> entry) => entry.HasIndex(e => e.OwnerId).IsUnique();
}
