using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace CoScientist.Core.Storage.Model;

internal sealed class AccountsModel : IEntityTypeConfiguration<AccountLink>, IEntityTypeConfiguration<AccountEvent>
{
    public void Configure(EntityTypeBuilder<AccountLink> builder)
    {
        builder.HasKey(link => link.SecretHash);
        builder.HasOne<Account>().WithMany().HasForeignKey(link => link.AccountId).OnDelete(DeleteBehavior.Cascade);
    }

    public void Configure(EntityTypeBuilder<AccountEvent> builder) => builder.HasKey(entry => entry.Id);
}
