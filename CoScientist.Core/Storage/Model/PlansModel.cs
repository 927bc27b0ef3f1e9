using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Plans;
using CoScientist.Core.Runs;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace CoScientist.Core.Storage.Model;

/// <summary>Runs, checkpoints, plans and gradings.</summary>
internal sealed class PlansModel :
    IEntityTypeConfiguration<Run>,
    IEntityTypeConfiguration<Checkpoint>,
    IEntityTypeConfiguration<Plan>,
    IEntityTypeConfiguration<Grading.Grading>,
    IEntityTypeConfiguration<Verdict>
{
    public void Configure(EntityTypeBuilder<Run> run)
    {
        run.HasIndex(r => r.Name).IsUnique();
        run.HasIndex(r => r.State);
        run.Property(r => r.QueuePlace).HasDefaultValue(0L);
    }

    public void Configure(EntityTypeBuilder<Checkpoint> checkpoint)
    {
        checkpoint.HasIndex(c => c.Name).IsUnique();
        checkpoint.Property(c => c.Tags).HasDefaultValue("");
        checkpoint.HasOne<Run>().WithMany().HasForeignKey(c => c.RunId).OnDelete(DeleteBehavior.Restrict);
        checkpoint.HasOne<Checkpoint>().WithMany().HasForeignKey(c => c.ParentId).OnDelete(DeleteBehavior.Restrict);
    }

    public void Configure(EntityTypeBuilder<Plan> plan)
    {
        plan.HasIndex(p => new { p.GoalId, p.Writer });
        plan.HasOne<Goal>().WithMany().HasForeignKey(p => p.GoalId).OnDelete(DeleteBehavior.Restrict);
        plan.HasOne<Checkpoint>().WithMany().HasForeignKey(p => p.CheckpointId).OnDelete(DeleteBehavior.Restrict);
        plan.HasOne<Run>().WithMany().HasForeignKey(p => p.RunId).OnDelete(DeleteBehavior.Restrict);
    }

    public void Configure(EntityTypeBuilder<Grading.Grading> grading)
    {
        grading.HasIndex(g => new { g.PlanId, g.Role });
        grading.HasOne<Plan>().WithMany().HasForeignKey(g => g.PlanId).OnDelete(DeleteBehavior.Restrict);
        grading.HasMany(g => g.Verdicts).WithOne().HasForeignKey(v => v.GradingId).OnDelete(DeleteBehavior.Cascade);
    }

    public void Configure(EntityTypeBuilder<Verdict> verdict) =>
        verdict.HasOne<RubricItem>().WithMany().HasForeignKey(v => v.ItemId).OnDelete(DeleteBehavior.Restrict);
}
