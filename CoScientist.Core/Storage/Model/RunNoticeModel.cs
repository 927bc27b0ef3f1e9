using CoScientist.Core.Runs;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace CoScientist.Core.Storage.Model;

/// <summary>Notices about runs.</summary>
internal sealed class RunNoticeModel : IEntityTypeConfiguration<RunNotice>, IEntityTypeConfiguration<RunNoticesSeen>
{
    public void Configure(EntityTypeBuilder<RunNotice> notice)
    {
        notice.HasIndex(n => n.At);
        notice.HasOne<Run>().WithMany().HasForeignKey(n => n.RunId).OnDelete(DeleteBehavior.Cascade);
    }

    public void Configure(EntityTypeBuilder<RunNoticesSeen> seen)
    {
        seen.HasKey(s => s.AccountId);
        seen.HasOne<Account>().WithMany().HasForeignKey(s => s.AccountId).OnDelete(DeleteBehavior.Cascade);
    }
}
