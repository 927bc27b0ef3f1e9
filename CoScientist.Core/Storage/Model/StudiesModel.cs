using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace CoScientist.Core.Storage.Model;

/// <summary>Studies, their pairs, and the answers of experts.</summary>
internal sealed class StudiesModel :
    IEntityTypeConfiguration<Study>,
    IEntityTypeConfiguration<Comparison>,
    IEntityTypeConfiguration<Assignment>,
    IEntityTypeConfiguration<Preference>
{
    public void Configure(EntityTypeBuilder<Study> study) =>
        study.HasMany(s => s.Comparisons).WithOne().HasForeignKey(c => c.StudyId).OnDelete(DeleteBehavior.Cascade);

    public void Configure(EntityTypeBuilder<Comparison> comparison)
    {
        comparison.HasIndex(c => new { c.StudyId, c.Order });
        comparison.HasOne<Goal>().WithMany().HasForeignKey(c => c.GoalId).OnDelete(DeleteBehavior.Restrict);
        comparison.HasOne<Plan>().WithMany().HasForeignKey(c => c.Plan1Id).OnDelete(DeleteBehavior.Restrict);
        comparison.HasOne<Plan>().WithMany().HasForeignKey(c => c.Plan2Id).OnDelete(DeleteBehavior.Restrict);
    }

    public void Configure(EntityTypeBuilder<Assignment> assignment)
    {
        // Experts have no foreign key, for the same reason as reviewers.
        assignment.HasIndex(a => new { a.ComparisonId, a.ExpertId }).IsUnique();
        assignment.HasIndex(a => a.ExpertId);
        assignment.HasOne<Comparison>().WithMany().HasForeignKey(a => a.ComparisonId).OnDelete(DeleteBehavior.Restrict);
    }

    public void Configure(EntityTypeBuilder<Preference> preference)
    {
        preference.HasOne<Assignment>().WithMany().HasForeignKey(p => p.AssignmentId).OnDelete(DeleteBehavior.Restrict);

        // One answer counts; those taken back stay beside it.
        preference.HasIndex(p => p.AssignmentId).IsUnique().HasFilter("\"UndoneAt\" IS NULL");
    }
}
