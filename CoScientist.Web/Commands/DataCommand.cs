using System.CommandLine;
using System.Globalization;
using CoScientist.Core.Storage;
using CoScientist.Core.Storage.Moving;
using CoScientist.Web.Configuration;
using CoScientist.Web.Instances;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.Commands;

/// <summary><c>data move</c>: from the SQLite file of a data directory to a PostgreSQL database.</summary>
internal static class DataCommand
{
    public static Command Create() => new("data", "Where the data lie") { CreateMove() };

    private static Command CreateMove()
    {
        var to = new Option<string?>("--to") { Description = "Address of the empty PostgreSQL database, postgres://USER@HOST/DATABASE (default: the database setting, which can hold the password out of sight)", HelpName = "ADDRESS" };
        var replace = new Option<bool>("--replace") { Description = "Put U+FFFD in the place of characters that PostgreSQL cannot hold (NUL), instead of refusing them" };
        var command = new Command("move", "Carry the SQLite database of the data directory over into an empty PostgreSQL database; files stay where they are") { to, replace };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var options = new CoScientistOptions { DataDirectory = DataDirectory.Resolve(parsed.GetValue(CommandContext.Data)) };
            var address = DatabaseSetting.Resolve(parsed.GetValue(to) ?? parsed.GetValue(DatabaseSetting.Option));
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
            var rows = moved.Sum(table => table.Rows);
            CommandContext.Answer(parsed, new { from = options.DatabaseFile, to = DatabaseAddress.Describe(address), rows, tables = moved }, [
                .. moved.Where(table => table.Rows > 0).Select(table => string.Create(CultureInfo.InvariantCulture, $"{table.Rows,12:N0}  {table.Name}")),
                string.Create(CultureInfo.InvariantCulture, $"{rows:N0} rows are in the {DatabaseAddress.Describe(address)}, each read again and compared."),
                $"Runs, models, imports and keys stay in {options.DataDirectory}: go on with that directory and the address in {DatabaseSetting.Variable} or {DatabaseSetting.Key}.",
                $"{options.DatabaseFile} is as it was. Keep it as a backup, under another name, so that nobody goes on with it.",
            ]);
            return 0;
        });
        return command;
    }

    private static async Task<IReadOnlyList<MovedTable>> MoveAsync(string file, string address, bool replaces, CancellationToken cancellationToken)
    {
        await using var source = Open(file);
        await using var target = Open(address);
        if (await InstanceLink.OtherAsync(target, cancellationToken) is { } other)
        {
            throw new CommandException($"{other} works with the {DatabaseAddress.Describe(address)}. Move into an empty database that nobody works with.");
        }

        if (!(await target.Database.GetAppliedMigrationsAsync(cancellationToken)).Any())
        {
            await StorageSetup.MigrateAsync(target, cancellationToken);
        }

        using var bar = new PercentBar(Console.Error, bar: !Console.IsErrorRedirected, "data move");
        return await new DataMove(source, target, replaces).RunAsync(bar, cancellationToken);
    }

    private static CoScientistDb Open(string database)
    {
        var options = new DbContextOptionsBuilder<CoScientistDb>();
        options.UseDatabase(database);
        return new CoScientistDb(options.Options);
    }
}
