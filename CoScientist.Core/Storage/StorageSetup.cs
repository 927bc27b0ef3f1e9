using System.Data.Common;
using CoScientist.Core.Papers;
using CoScientist.Core.Storage.Backups;
using CoScientist.Core.Storage.Postgres;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Npgsql;

namespace CoScientist.Core.Storage;

/// <summary>The one place that knows which database stands behind <see cref="CoScientistDb"/>.</summary>
public static class StorageSetup
{
    /// <summary>How long a writer waits for another one, in seconds.</summary>
    private const int BusySeconds = 5;

    /// <summary>Adds the database (a factory, and a scoped context for accounts) and the stores over it.</summary>
    /// <param name="services">The services.</param>
    /// <param name="database">The address of a PostgreSQL database (see <see cref="DatabaseAddress"/>), or the path of an SQLite file, whose folder must exist before first use.</param>
    /// <exception cref="InvalidDataException">The address is malformed.</exception>
    public static IServiceCollection AddStorage(this IServiceCollection services, string database)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddDbContextFactory<CoScientistDb>(options => options.UseDatabase(database));
        services.TryAddSingleton<PaperReaders>();
        services.TryAddSingleton<PaperImportStore>();
        services.TryAddSingleton<RunStore>();
        services.TryAddSingleton<RunNoticeStore>();
        services.TryAddSingleton<RunCheckpointStore>();
        services.TryAddSingleton<CheckpointShelf>();
        services.TryAddSingleton<RunEvaluationStore>();
        services.TryAddSingleton<ReviewStore>();
        services.TryAddSingleton<RunDataStore>();
        services.TryAddSingleton<StudyStore>();
        services.TryAddSingleton<PlanStore>();
        services.TryAddSingleton<GradingStore>();
        services.TryAddSingleton<ExtractionStore>();
        services.TryAddSingleton<ItemCheckStore>();
        services.TryAddSingleton<GoalGroupStore>();
        services.TryAddSingleton<LeakageStore>();
        services.TryAddSingleton<DatasetImportStore>();
        services.TryAddSingleton<ExportStore>();
        services.TryAddSingleton<PreferenceImportStore>();
        services.TryAddSingleton<DecisionImportStore>();
        services.TryAddSingleton<ModelCallStore>();
        services.TryAddSingleton<ModelServerStore>();
        services.TryAddSingleton<AuditTrail>();
        services.TryAddSingleton<LibraryJobStore>();
        return services;
    }

    /// <summary>Points a context at a database.</summary>
    /// <param name="options">The context's options.</param>
    /// <param name="database">The address of a PostgreSQL database (see <see cref="DatabaseAddress"/>), or the path of an SQLite file.</param>
    /// <exception cref="InvalidDataException">The address is malformed.</exception>
    public static DbContextOptionsBuilder UseDatabase(this DbContextOptionsBuilder options, string database) => DatabaseAddress.IsPostgres(database)
        ? options.UseNpgsql(DatabaseAddress.ConnectionString(database)).ReplaceService<IMigrationsSqlGenerator, PostgresMigrationsSql>().AddInterceptors(PostgresText.Instance)
        : options.UseDatabaseFile(database);

    /// <summary>Points a context at an SQLite file with the settings that keep answers safe.</summary>
    /// <param name="options">The context's options.</param>
    /// <param name="databaseFile">The SQLite file.</param>
    public static DbContextOptionsBuilder UseDatabaseFile(this DbContextOptionsBuilder options, string databaseFile)
    {
        var connection = new SqliteConnectionStringBuilder { DataSource = databaseFile, ForeignKeys = true, DefaultTimeout = BusySeconds };
        return options.UseSqlite(connection.ToString()).AddInterceptors(SqliteSettings.Instance);
    }

    /// <summary>Schema versions that this program knows, in order.</summary>
    public static IReadOnlyList<string> Migrations { get; } = KnownMigrations();

    /// <summary>Whether there is a database whose schema an earlier version of the program made.</summary>
    /// <param name="db">The database.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public static async Task<bool> IsBehindAsync(CoScientistDb db, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(db);
        var applied = (await db.Database.GetAppliedMigrationsAsync(cancellationToken)).ToList();
        return applied.Count > 0 && db.Database.GetMigrations().Except(applied, StringComparer.Ordinal).Any();
    }

    /// <summary>
    /// Brings the database to the current schema, creating it when there is none; one that an earlier version made is not copied
    /// first. Each version of the schema comes whole or not at all.
    /// </summary>
    /// <param name="db">The database. The caller sees to it that no other process migrates it at the same time.</param>
    /// <param name="cancellationToken">Cancels between migrations.</param>
    /// <exception cref="InvalidDataException">A newer version of the program has made the database, or it could not be brought to the current schema.</exception>
    public static Task MigrateAsync(CoScientistDb db, CancellationToken cancellationToken) => MigrateAsync(db, backups: null, cancellationToken);

    /// <summary>
    /// Brings the database to the current schema, creating it when there is none. One that an earlier version made is copied
    /// first: a file to <c>before-SCHEMA.db</c>, a database of a PostgreSQL server, by <c>pg_dump</c>, to <c>before-SCHEMA.dump</c>.
    /// </summary>
    /// <param name="db">The database. The caller sees to it that no other process migrates it at the same time.</param>
    /// <param name="backups">Folder for the copy, made where it is not there; null for no copy.</param>
    /// <param name="cancellationToken">Cancels between migrations.</param>
    /// <exception cref="InvalidDataException">A newer version of the program has made the database, or it could not be brought to the current schema.</exception>
    /// <exception cref="IOException">It could not be copied: there is no room, or no <c>pg_dump</c>. The database is as it was.</exception>
    public static async Task MigrateAsync(CoScientistDb db, string? backups, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(db);
        var applied = (await db.Database.GetAppliedMigrationsAsync(cancellationToken)).ToList();
        var known = db.Database.GetMigrations().ToList();
        if (applied.Count == 0 && db.Database.GetDbConnection() is NpgsqlConnection server && await db.Database.CanConnectAsync(cancellationToken))
        {
            await db.Database.OpenConnectionAsync(cancellationToken);
            await PostgresServer.RequireSuitableAsync(server, cancellationToken);
            await db.Database.CloseConnectionAsync();
        }

        if (applied.Except(known, StringComparer.Ordinal).FirstOrDefault() is { } newer)
        {
            throw new InvalidDataException($"A newer version of this program made the database (schema {newer}). Use that version, or restore a backup made before it.");
        }

        if (applied.Count == known.Count)
        {
            return;
        }

        // A process killed while migrating leaves this table behind, and EF then waits for it for ever.
        if (db.Database.IsSqlite())
        {
            await db.Database.ExecuteSqlAsync($"DROP TABLE IF EXISTS \"__EFMigrationsLock\"", cancellationToken);
        }

        var copy = applied.Count > 0 && backups is not null ? CopyBefore(db, Path.Combine(backups, $"before-{known.Except(applied, StringComparer.Ordinal).First()}"), cancellationToken) : null;
        try
        {
            await db.Database.MigrateAsync(cancellationToken);
        }
        catch (Exception fault) when (copy is not null && fault is DbException or InvalidOperationException)
        {
            var back = db.Database.IsSqlite() ? "put that in its place" : "'pg_restore' that into an empty database";
            throw new InvalidDataException($"The database could not be brought to the current schema ({fault.Message}) As it was before, it lies in {copy}: {back} to go on with the earlier version.", fault);
        }
    }

    /// <summary>Copies the database before its schema changes; an attempt that failed before had the same to copy.</summary>
    private static string CopyBefore(CoScientistDb db, string name, CancellationToken cancellationToken)
    {
        var isFile = db.Database.IsSqlite();
        var copy = name + (isFile ? ".db" : ".dump");
        Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
        DataBackup.OwnerOnly(Path.GetDirectoryName(copy)!);
        AtomicFile.Make(copy, temporary =>
        {
            if (isFile)
            {
                DatabaseCopy.Write(Path.GetFullPath(db.Database.GetDbConnection().DataSource), temporary, progress: null, cancellationToken);
            }
            else
            {
                PostgresDump.Write(db.Database.GetConnectionString()!, temporary, cancellationToken);
            }
        });
        return copy;
    }

    private static List<string> KnownMigrations()
    {
        using var db = new CoScientistDb(new DbContextOptionsBuilder<CoScientistDb>().UseSqlite().Options);
        return [.. db.Database.GetMigrations()];
    }

    /// <summary>
    /// Sets each connection as it opens: readers and the writer do not block each other (WAL), and a commit has reached
    /// the disk before it is reported (FULL), so that an answer once saved survives a killed process and a power cut.
    /// </summary>
    private sealed class SqliteSettings : DbConnectionInterceptor
    {
        public static readonly SqliteSettings Instance = new();

        private static readonly string Pragmas = $"PRAGMA busy_timeout={BusySeconds * 1000}; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;";

        public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
        {
            using var command = connection.CreateCommand();
            command.CommandText = Pragmas;
            command.ExecuteNonQuery();
        }

        public override async Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = Pragmas;
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }
}
