using CoScientist.Core.TextModels;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace CoScientist.Core.Storage.Model;

/// <summary>Model servers, their roles, and the books of their calls. The ledger names servers and does not point at them: it outlives them.</summary>
internal sealed class ModelServersModel :
    IEntityTypeConfiguration<ModelServer>,
    IEntityTypeConfiguration<RoleAssignment>,
    IEntityTypeConfiguration<ModelCall>,
    IEntityTypeConfiguration<ModelAnswer>,
    IEntityTypeConfiguration<ModelFailure>,
    IEntityTypeConfiguration<BudgetReservation>
{
    public void Configure(EntityTypeBuilder<ModelServer> server) => server.HasKey(s => s.Name);

    public void Configure(EntityTypeBuilder<RoleAssignment> role)
    {
        role.ToTable("ModelRoles").HasKey(r => new { r.Role, r.Place });
        role.Ignore(r => r.Name);
    }

    public void Configure(EntityTypeBuilder<ModelCall> call)
    {
        call.HasIndex(c => new { c.Server, c.At });
        call.HasIndex(c => c.At);
    }

    public void Configure(EntityTypeBuilder<ModelAnswer> answer)
    {
        answer.HasKey(a => a.RequestKey);
        answer.HasIndex(a => a.At);
    }

    public void Configure(EntityTypeBuilder<ModelFailure> failure) => failure.HasKey(f => f.RequestKey);

    public void Configure(EntityTypeBuilder<BudgetReservation> reservation) => reservation.HasIndex(r => r.Server);
}
