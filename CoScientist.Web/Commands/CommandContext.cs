using System.CommandLine;
using System.CommandLine.Parsing;
using System.Data.Common;
using System.Text.Json;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Web.Configuration;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.Commands;

/// <summary>What every verb needs: options common to all, the services over a data directory, and one way to answer.</summary>
internal static class CommandContext
{
    /// <summary>The data directory, for every verb.</summary>
    public static Option<string?> Data { get; } = new("--data") { Description = "Data directory (default: data beside the solution)", Recursive = true };

    /// <summary>Whether to answer with one JSON document on standard output, for every verb.</summary>
    public static Option<bool> Json { get; } = new("--json") { Description = "One JSON document on standard output", Recursive = true };

    /// <summary>Whether model servers are asked even where the answer is known, for verbs that call them.</summary>
    public static Option<bool> Fresh { get; } = new("--fresh") { Description = "Ask model servers anew, even where the answer is known and costs nothing" };

    /// <summary>
    /// Opens the services over the data directory that the command line names; the database is created or migrated first. Who
    /// writes owns the directory until the services are disposed.
    /// </summary>
    /// <exception cref="CommandException">The verb writes, and another process owns the directory; the message names it.</exception>
    public static async Task<ServiceProvider> OpenAsync(ParseResult parsed, DataUse use, CancellationToken cancellationToken)
    {
        var options = DatabaseSetting.Options(parsed);
        var held = use == DataUse.Writes ? DataDirectoryLock.Enter(options, Verb(parsed), TimeProvider.System) : null;
        var collection = new ServiceCollection().AddLogging().AddCoScientist(options);
        if (held is not null)
        {
            // From a factory, so that it is disposed; made first, so that it is disposed last.
            collection.AddSingleton(_ => held);
        }

        var services = collection.BuildServiceProvider();
        services.GetService<DataDirectoryLock>();
        try
        {
            await DataDirectory.PrepareAsync(services, cancellationToken);
        }
        catch
        {
            await services.DisposeAsync();
            throw;
        }

        services.GetRequiredService<TextModels>().Fresh = parsed.GetValue(Fresh);
        return services;
    }

    /// <summary>
    /// Adds one line to the audit trail of a data directory, also beside a process that writes to it: what leaves the data is recorded
    /// by whoever takes it. Where that cannot be, for want of rights or of a trail in that version of the schema, it is said.
    /// </summary>
    public static async Task RecordAsync(ParseResult parsed, AuditKind kind, string about, string what)
    {
        try
        {
            await using var services = new ServiceCollection().AddLogging().AddCoScientist(DatabaseSetting.Options(parsed)).BuildServiceProvider();
            await services.GetRequiredService<AuditTrail>().RecordAsync(null, kind, about, what, null, CancellationToken.None);
        }
        catch (Exception fault) when (fault is DbException or DbUpdateException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"It is done, but does not stand in the audit trail: {fault.GetBaseException().Message}");
        }
    }

    /// <summary>What a verb does that also keeps the data up to date where it may: it writes when nobody else does.</summary>
    public static DataUse WritesIfFree(ParseResult parsed) =>
        DataDirectoryLock.OtherHolder(DataDirectory.Resolve(parsed.GetValue(Data))) is null ? DataUse.Writes : DataUse.Reads;

    /// <summary>The verb of a command line, such as "import papers".</summary>
    private static string Verb(ParseResult parsed)
    {
        var names = new Stack<string>();
        for (var command = parsed.CommandResult; command.Parent is CommandResult parent; command = parent)
        {
            names.Push(command.Command.Name);
        }

        return string.Join(' ', names);
    }

    /// <summary>Prints the answer of a verb: the document with <c>--json</c>, else the lines.</summary>
    public static void Answer(ParseResult parsed, object document, IEnumerable<string> lines)
    {
        if (parsed.GetValue(Json))
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(document, RunSpec.JsonOptions));
            return;
        }

        foreach (var line in lines)
        {
            Console.Out.WriteLine(line);
        }
    }
}

/// <summary>What a verb does to the data directory.</summary>
internal enum DataUse
{
    /// <summary>It reads, also beside a process that writes.</summary>
    Reads,

    /// <summary>It writes, and nobody else does meanwhile.</summary>
    Writes,

    /// <summary>It writes under the lock that it has taken itself.</summary>
    Owns,
}

/// <summary>A verb could not do its work: one sentence with the remedy, printed on standard error; exit code 1.</summary>
internal sealed class CommandException(string message, Exception? inner = null) : Exception(message, inner);
