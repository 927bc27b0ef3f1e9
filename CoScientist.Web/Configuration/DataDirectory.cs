using CoScientist.Core.Storage;
using CoScientist.Core.Storage.Backups;
using CoScientist.Training.Sandbox;
using CoScientist.Web.Commands;
using CoScientist.Web.Instances;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.Configuration;

/// <summary>Finding and preparing the data directory.</summary>
internal static class DataDirectory
{
    /// <summary>The named folder, else <c>CoScientist__DataDirectory</c>, else <c>data</c> beside the solution, else <c>data</c> in the working directory.</summary>
    public static string Resolve(string? named)
    {
        named ??= Environment.GetEnvironmentVariable("CoScientist__DataDirectory");
        if (!string.IsNullOrWhiteSpace(named))
        {
            return Path.GetFullPath(named);
        }

        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "CoScientist.sln")))
            {
                return Path.Combine(folder.FullName, "data");
            }
        }

        return Path.GetFullPath("data");
    }

    /// <summary>Creates the folder, brings the database to the current schema and puts the sandbox's library in.</summary>
    public static async Task PrepareAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        var options = services.GetRequiredService<CoScientistOptions>();
        var directory = options.DataDirectory;
        var time = services.GetRequiredService<TimeProvider>();
        Directory.CreateDirectory(directory);
        using var preparing = await DataDirectoryLock.AcquireForPreparingAsync(directory, time, cancellationToken);
        DataRestore.Finish(directory);
        ModelServerSetup.PrepareKeys(options);
        var contexts = services.GetRequiredService<IDbContextFactory<CoScientistDb>>();
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        if (db.Database.IsNpgsql())
        {
            await SharedFolder.RequireAsync(db, directory, time, cancellationToken);
        }

        var isBehind = await StorageSetup.IsBehindAsync(db, cancellationToken);
        var other = db.Database.IsNpgsql() ? await InstanceLink.OtherAsync(db, cancellationToken) : DataDirectoryLock.OtherHolder(directory);
        if (isBehind && other is { } holder)
        {
            throw new CommandException($"An earlier version of this program made the database in {directory}, and {holder} works with it: stop that process, so that the database can be brought to the current schema.");
        }

        await MigrateAsync(db, options, cancellationToken);
        if (isBehind)
        {
            await services.GetRequiredService<AuditTrail>().RecordAsync(null, AuditKind.Operation, StorageSetup.Migrations[^1], "brought the database to this schema", null, cancellationToken);
        }

        await SandboxLibrary.EnsureAsync(contexts, time, cancellationToken);

        // Instances that start together would each make the first key, and not know each other's cookies at once.
        if (db.Database.IsNpgsql())
        {
            services.GetRequiredService<IDataProtectionProvider>().CreateProtector("first").Protect("");
        }

        // From here on other processes are told of changes.
        services.GetService<InstanceNews>();
    }

    /// <summary>Who has chosen a server may have chosen its backups too; without their word nothing changes that could not be had back.</summary>
    private static async Task MigrateAsync(CoScientistDb db, CoScientistOptions options, CancellationToken cancellationToken)
    {
        try
        {
            var copies = !options.UsesPostgres || options.CopyBeforeMigration;
            await StorageSetup.MigrateAsync(db, copies ? Path.Combine(options.DataDirectory, DataBackup.BackupsFolder) : null, cancellationToken);
        }
        catch (IOException fault) when (options.UsesPostgres)
        {
            throw new CommandException($"An earlier version of this program made the {DatabaseAddress.Describe(options.Database)}. Before it is brought to the current schema it is copied, and that failed; it is as it was. {fault.Message} Where a backup of your own is enough, set CoScientist__CopyBeforeMigration=false for one start.", fault);
        }
    }
}
