using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using CoScientist.Core.Runs;
using CoScientist.Web.Configuration;

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

    /// <summary>Verbs that write nothing, so that it does not matter to them who else does.</summary>
    private static readonly string[] s_readers = ["report", "export"];

    /// <summary>Opens the services over the data directory that the command line names; the database is created or migrated first.</summary>
    public static async Task<ServiceProvider> OpenAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var options = DatabaseSetting.Options(parsed);
        var services = new ServiceCollection().AddLogging().AddCoScientist(options).BuildServiceProvider();
        await DataDirectory.PrepareAsync(services, cancellationToken);
        if (!s_readers.Contains(Verb(parsed)) && DataDirectoryLock.OtherHolder(options.DataDirectory) is { } holder)
        {
            await Console.Error.WriteLineAsync($"{holder} works with {options.DataDirectory} too: both write to its database in turn, and pages show what this adds when they are opened again.");
        }

        services.GetRequiredService<TextModels>().Fresh = parsed.GetValue(Fresh);
        return services;
    }

    /// <summary>The first word of the command line's verb.</summary>
    private static string Verb(ParseResult parsed)
    {
        var command = parsed.CommandResult;
        while (command.Parent is CommandResult { Parent: not null } parent)
        {
            command = parent;
        }

        return command.Command.Name;
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

/// <summary>A verb could not do its work: one sentence with the remedy, printed on standard error; exit code 1.</summary>
internal sealed class CommandException(string message, Exception? inner = null) : Exception(message, inner);
