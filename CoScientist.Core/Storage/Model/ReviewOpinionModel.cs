using CoScientist.Core.Goals;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace CoScientist.Core.Storage.Model;

/// <summary>Second opinions.</summary>
internal sealed class ReviewOpinionModel : IEntityTypeConfiguration<ReviewOpinion>
{
    public void Configure(EntityTypeBuilder<ReviewOpinion> opinion) =>
        opinion.HasOne<RubricItem>().WithMany().HasForeignKey(o => o.ItemId).OnDelete(DeleteBehavior.Restrict);
}
