using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.EntityFrameworkCore.Migrations.Operations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;
using Npgsql.EntityFrameworkCore.PostgreSQL.Migrations;

#pragma warning disable EF1001 // The provider's generator has no other constructor.
using Npgsql.EntityFrameworkCore.PostgreSQL.Infrastructure.Internal;

namespace CoScientist.Core.Storage.Postgres;

/// <summary>
/// Lets PostgreSQL make the columns that the migrations, written once, mean: texts are ordered by their code points, as SQLite
/// and ordinal comparisons order them, and keys that SQLite numbers are numbered.
/// </summary>
internal sealed class PostgresMigrationsSql(MigrationsSqlGeneratorDependencies dependencies, INpgsqlSingletonOptions options) : NpgsqlMigrationsSqlGenerator(dependencies, options)
{
    /// <inheritdoc/>
    protected override void ColumnDefinition(string? schema, string table, string name, ColumnOperation operation, IModel? model, MigrationCommandListBuilder builder)
    {
        if (operation.ClrType == typeof(string))
        {
            operation.Collation ??= "C";
        }

        if (operation["Sqlite:Autoincrement"] is true)
        {
            operation["Npgsql:ValueGenerationStrategy"] = NpgsqlValueGenerationStrategy.IdentityByDefaultColumn;
        }

        base.ColumnDefinition(schema, table, name, operation, model, builder);
    }
}
