using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace CoScientist.Core.Storage.Model;

internal sealed class AccountsModel : IEntityTypeConfiguration<AccountLink>, IEntityTypeConfiguration<AuditEntry>
{
    public void Configure(EntityTypeBuilder<AccountLink> builder)
    {
        builder.HasKey(link => link.SecretHash);
        builder.HasOne<Account>().WithMany().HasForeignKey(link => link.AccountId).OnDelete(DeleteBehavior.Cascade);
    }

    public void Configure(EntityTypeBuilder<AuditEntry> builder)
    {
        builder.HasIndex(entry => entry.At);
        builder.HasIndex(entry => new { entry.Kind, entry.At });
        builder.HasIndex(entry => new { entry.By, entry.At });
    }
}
