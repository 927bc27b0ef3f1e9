using CoScientist.Core.Goals;
using CoScientist.Core.Papers;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace CoScientist.Core.Storage.Model;

/// <summary>Papers, goals, rubrics and their review.</summary>
internal sealed class LibraryModel :
    IEntityTypeConfiguration<Paper>,
    IEntityTypeConfiguration<Goal>,
    IEntityTypeConfiguration<GoalSource>,
    IEntityTypeConfiguration<RubricItem>,
    IEntityTypeConfiguration<ReviewDecision>
{
    public void Configure(EntityTypeBuilder<Paper> paper)
    {
        paper.HasIndex(p => p.ContentHash).IsUnique();

        // Not unique: versions of an article share them.
        paper.HasIndex(p => p.Doi);
        paper.HasIndex(p => p.Pmid);
        paper.HasIndex(p => p.ArxivId);
        paper.HasIndex(p => new { p.IsSandbox, p.NewestVersion });
        paper.HasMany(p => p.Sections).WithOne().HasForeignKey(s => s.PaperId).OnDelete(DeleteBehavior.Cascade);
    }

    public void Configure(EntityTypeBuilder<Goal> goal)
    {
        // Several goals may lack a key: nulls are distinct in a unique index.
        goal.HasIndex(g => g.ExternalKey).IsUnique();
        goal.HasIndex(g => new { g.IsSandbox, g.Split });
        goal.HasIndex(g => new { g.IsSandbox, g.Domain });
        goal.HasIndex(g => new { g.IsSandbox, g.Id, g.Domain, g.Split, g.Origin, g.Pipeline });
        goal.HasOne<Paper>().WithMany().HasForeignKey(g => g.PaperId).OnDelete(DeleteBehavior.Restrict);
        goal.HasMany(g => g.Items).WithOne().HasForeignKey(i => i.GoalId).OnDelete(DeleteBehavior.Cascade);

        // Two reviewers at once: the second one's save finds another version and starts over.
        goal.Property(g => g.RubricVersion).IsConcurrencyToken();
    }

    public void Configure(EntityTypeBuilder<GoalSource> source)
    {
        source.HasKey(s => s.GoalId);
        source.HasOne<Goal>().WithOne().HasForeignKey<GoalSource>(s => s.GoalId).OnDelete(DeleteBehavior.Cascade);
    }

    public void Configure(EntityTypeBuilder<RubricItem> item)
    {
        item.HasIndex(i => new { i.GoalId, i.Order });
        item.HasIndex(i => i.State);
        item.HasIndex(i => new { i.GoalId, i.State });
        item.Property(i => i.Weight).HasDefaultValue(1.0);
    }

    public void Configure(EntityTypeBuilder<ReviewDecision> decision)
    {
        // Reviewers have no foreign key: a judgment outlives the account that gave it, and imported ones never had one.
        decision.HasIndex(d => new { d.ReviewerId, d.At });
        decision.HasOne<RubricItem>().WithMany().HasForeignKey(d => d.ItemId).OnDelete(DeleteBehavior.Restrict);

        decision.Property(d => d.WeightBefore).HasDefaultValue(1.0);
        decision.Property(d => d.WeightAfter).HasDefaultValue(1.0);

        // Unique: a decision is taken back once.
        decision.HasOne<ReviewDecision>().WithOne().HasForeignKey<ReviewDecision>(d => d.Undoes).OnDelete(DeleteBehavior.Restrict);
    }
}
