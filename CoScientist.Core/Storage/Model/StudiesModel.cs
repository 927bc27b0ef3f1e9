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
    IEntityTypeConfiguration<Preference>,
    IEntityTypeConfiguration<AnswerEvent>,
    IEntityTypeConfiguration<StudyInvitation>,
    IEntityTypeConfiguration<StudyExpert>,
    IEntityTypeConfiguration<Adjudication>,
    IEntityTypeConfiguration<StudyEvent>,
    IEntityTypeConfiguration<StudyRevision>
{
    public void Configure(EntityTypeBuilder<Study> study)
    {
        study.HasMany(s => s.Comparisons).WithOne().HasForeignKey(c => c.StudyId).OnDelete(DeleteBehavior.Cascade);
        study.Property(s => s.ReservationMinutes).HasDefaultValue(60);
        study.Property(s => s.InvitedOnly).HasDefaultValue(false);
        study.Property(s => s.FormJson).HasDefaultValue("{}");
        study.Ignore(s => s.Form);
    }

    public void Configure(EntityTypeBuilder<Comparison> comparison)
    {
        comparison.HasIndex(c => new { c.StudyId, c.Order });
        comparison.Property(c => c.Kind).HasDefaultValue(ComparisonKind.Counts);
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

        preference.Property(p => p.DetailsJson).HasDefaultValue("{}");
        preference.Ignore(p => p.Details);

        // One answer counts; those taken back stay beside it.
        preference.HasIndex(p => p.AssignmentId).IsUnique().HasFilter("\"UndoneAt\" IS NULL");
    }

    public void Configure(EntityTypeBuilder<AnswerEvent> change)
    {
        change.HasIndex(e => e.AssignmentId);
        change.HasOne<Assignment>().WithMany().HasForeignKey(e => e.AssignmentId).OnDelete(DeleteBehavior.Restrict);
    }

    public void Configure(EntityTypeBuilder<StudyInvitation> invitation)
    {
        invitation.HasIndex(i => i.TokenHash).IsUnique();
        invitation.HasOne<Study>().WithMany().HasForeignKey(i => i.StudyId).OnDelete(DeleteBehavior.Restrict);
    }

    public void Configure(EntityTypeBuilder<StudyExpert> expert)
    {
        expert.HasKey(e => new { e.StudyId, e.ExpertId });
        expert.HasOne<Study>().WithMany().HasForeignKey(e => e.StudyId).OnDelete(DeleteBehavior.Restrict);
        expert.HasOne<StudyInvitation>().WithMany().HasForeignKey(e => e.InvitationId).OnDelete(DeleteBehavior.Restrict);
    }

    public void Configure(EntityTypeBuilder<Adjudication> adjudication) =>
        adjudication.HasOne<Comparison>().WithMany().HasForeignKey(a => a.ComparisonId).OnDelete(DeleteBehavior.Restrict);

    public void Configure(EntityTypeBuilder<StudyEvent> entry) =>
        entry.HasOne<Study>().WithMany().HasForeignKey(e => e.StudyId).OnDelete(DeleteBehavior.Restrict);

    public void Configure(EntityTypeBuilder<StudyRevision> revision)
    {
        revision.HasKey(r => r.StudyId);
        revision.HasOne<Study>().WithOne().HasForeignKey<StudyRevision>(r => r.StudyId).OnDelete(DeleteBehavior.Cascade);
    }
}
