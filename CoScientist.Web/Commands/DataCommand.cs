using System.CommandLine;
using System.Globalization;
using CoScientist.Core.Storage;
using CoScientist.Core.Storage.Moving;
using CoScientist.Web.Configuration;
using CoScientist.Web.Instances;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.Commands;

/// <summary><c>data move</c>: from the SQLite file of a data directory to a PostgreSQL database, and back.</summary>
internal static class DataCommand
{
    public static Command Create() => new("data", "Where the data lie") { CreateMove() };

    private static Command CreateMove()
    {
        var to = new Option<string?>("--to") { Description = "Address of an empty PostgreSQL database, postgres://USER@HOST/DATABASE (default: the database setting, which can hold the password out of sight); or, for the way back, a data directory without a database: then the database setting says from where", HelpName = "ADDRESS|DIR" };
        var replace = new Option<bool>("--replace") { Description = "Put U+FFFD in the place of characters that PostgreSQL cannot hold (NUL), instead of refusing them" };
        var command = new Command("move", "Carry the SQLite database of the data directory over into an empty PostgreSQL database, or a PostgreSQL database back into a file; other files stay where they are") { to, replace };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var named = parsed.GetValue(to);
            if (IsFolder(named))
            {
                await BackAsync(parsed, Path.GetFullPath(named!), cancellationToken);
                return 0;
            }

            var options = new CoScientistOptions { DataDirectory = DataDirectory.Resolve(parsed.GetValue(CommandContext.Data)) };
            var address = DatabaseSetting.Resolve(named ?? parsed.GetValue(DatabaseSetting.Option));
            if (address.Length == 0)
            {
                throw new CommandException($"Where to? Name an empty PostgreSQL database: --to postgres://USER@HOST/DATABASE, or {DatabaseSetting.Variable} with the password in it.");
            }

            if (!File.Exists(options.DatabaseFile))
            {
                throw new CommandException($"{options.DatabaseFile}: there is no such database. Name the data directory with --data.");
            }

            using var held = DataDirectoryLock.Acquire(options.DataDirectory, "data move", TimeProvider.System);
            var moved = await MoveAsync(options.DatabaseFile, address, parsed.GetValue(replace), cancellationToken);
            Answer(parsed, options.DatabaseFile, address, moved, [
                $"Runs, models, imports and keys stay in {options.DataDirectory}: go on with that directory and the address in {DatabaseSetting.Variable} or {DatabaseSetting.Key}.",
                $"{options.DatabaseFile} is as it was. Keep it as a backup, under another name, so that nobody goes on with it.",
            ]);
            return 0;
        });
        return command;
    }

    // What looks like an address and is none is told so where addresses are read.
    private static bool IsFolder(string? named) => !string.IsNullOrWhiteSpace(named) && !DatabaseAddress.IsPostgres(named) && !named.Contains("://", StringComparison.Ordinal);

    private static async Task BackAsync(ParseResult parsed, string folder, CancellationToken cancellationToken)
    {
        var address = DatabaseSetting.Resolve(parsed.GetValue(DatabaseSetting.Option));
        if (address.Length == 0)
        {
            throw new CommandException($"From where? {folder} is a directory, so name the PostgreSQL database in {DatabaseSetting.Variable}, {DatabaseSetting.Key} or --database.");
        }

        using var held = DataDirectoryLock.Acquire(folder, "data move", TimeProvider.System);
        var file = new CoScientistOptions { DataDirectory = folder }.DatabaseFile;
        if (File.Exists(file))
        {
            throw new CommandException($"{file} is there already, from before the move to PostgreSQL perhaps. Put it elsewhere, or name another directory.");
        }

        // What a killed attempt has left.
        foreach (var left in Directory.EnumerateFiles(folder, $".{Path.GetFileName(file)}.*.tmp*"))
        {
            File.Delete(left);
        }

        var temporary = AtomicFile.TemporaryName(file);
        IReadOnlyList<MovedTable> moved;
        try
        {
            moved = await MoveAsync(address, temporary, replaces: false, cancellationToken);
            File.Move(temporary, file);
        }
        catch
        {
            foreach (var part in Directory.EnumerateFiles(folder, Path.GetFileName(temporary) + "*"))
            {
                File.Delete(part);
            }

            throw;
        }

        Answer(parsed, address, file, moved, [
            $"Models, runs, imports and keys are no part of it: go on with the directory that has them and this file, and without {DatabaseSetting.Variable} and {DatabaseSetting.Key}.",
            $"The {DatabaseAddress.Describe(address)} is as it was. Drop it or rename it, so that nobody goes on with it.",
        ]);
    }

    private static void Answer(ParseResult parsed, string from, string to, IReadOnlyList<MovedTable> moved, string[] advice)
    {
        var rows = moved.Sum(table => table.Rows);
        CommandContext.Answer(parsed, new { from = DatabaseAddress.Describe(from), to = DatabaseAddress.Describe(to), rows, tables = moved }, [
            .. moved.Where(table => table.Rows > 0).Select(table => string.Create(CultureInfo.InvariantCulture, $"{table.Rows,12:N0}  {table.Name}")),
            string.Create(CultureInfo.InvariantCulture, $"{rows:N0} rows are in {(DatabaseAddress.IsPostgres(to) ? "the " : "")}{DatabaseAddress.Describe(to)}, each read again and compared."),
            .. advice,
        ]);
    }

    private static async Task<IReadOnlyList<MovedTable>> MoveAsync(string from, string to, bool replaces, CancellationToken cancellationToken)
    {
        await using var source = Open(from);
        await using var target = Open(to);
        var server = source.Database.IsNpgsql() ? source : target;
        if (await InstanceLink.OtherAsync(server, cancellationToken) is { } other)
        {
            var remedy = server == source ? "Stop it first." : "Move into an empty database that nobody works with.";
            throw new CommandException($"{other} works with the {DatabaseAddress.Describe(server == source ? from : to)}. {remedy}");
        }

        if (!(await target.Database.GetAppliedMigrationsAsync(cancellationToken)).Any())
        {
            await StorageSetup.MigrateAsync(target, cancellationToken);
        }

        IReadOnlyList<MovedTable> moved;
        using (var bar = new PercentBar(Console.Error, bar: !Console.IsErrorRedirected, "data move"))
        {
            moved = await new DataMove(source, target, replaces).RunAsync(bar, cancellationToken);
        }

        if (target.Database.IsSqlite())
        {
            // One file, without a log beside it.
            await target.Database.ExecuteSqlAsync($"PRAGMA journal_mode = DELETE", CancellationToken.None);
            SqliteConnection.ClearPool((SqliteConnection)target.Database.GetDbConnection());
        }

        return moved;
    }

    private static CoScientistDb Open(string database)
    {
        var options = new DbContextOptionsBuilder<CoScientistDb>();
        options.UseDatabase(database);
        return new CoScientistDb(options.Options);
    }
}
