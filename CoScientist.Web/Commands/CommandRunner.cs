using System.CommandLine;
using System.Runtime.InteropServices;
using CoScientist.Core.Papers;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;

namespace CoScientist.Web.Commands;

/// <summary>Runs the verb of a command line: faults become one sentence and exit code 1; the first Ctrl+C asks the verb to stop, the second ends the process.</summary>
internal static class CommandRunner
{
    private const int InterruptedExitCode = 130;

    /// <summary>Runs it.</summary>
    /// <param name="root">All verbs.</param>
    /// <param name="args">The command line.</param>
    /// <param name="error">Standard error.</param>
    /// <returns>The exit code: 0 only when the verb did its work.</returns>
    public static async Task<int> RunAsync(RootCommand root, string[] args, TextWriter error)
    {
        var presses = 0;
        using var signal = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ =>
        {
            if (Interlocked.Increment(ref presses) > 1)
            {
                Environment.Exit(InterruptedExitCode);
            }
        });
        var configuration = new InvocationConfiguration
        {
            Error = error,
            EnableDefaultExceptionHandler = false,

            // A verb that was asked to stop saves what it has first, however long its step is.
            ProcessTerminationTimeout = Timeout.InfiniteTimeSpan,
        };
        try
        {
            return await root.Parse(args).InvokeAsync(configuration);
        }
        catch (OperationCanceledException)
        {
            await error.WriteLineAsync("Stopped before the work was done.");
        }
        catch (UnauthorizedAccessException fault)
        {
            await error.WriteLineAsync($"{fault.Message} Give this account the right to write there, or name another folder.");
        }
        catch (Exception fault) when (fault is CommandException or RunSpecException or RunStateException or PaperFormatException or TextModelException or InvalidDataException or IOException)
        {
            await error.WriteLineAsync(fault.Message);
        }

        catch (Exception fault) when (StorageFaults.Describe(fault) is not null)
        {
            await error.WriteLineAsync(StorageFaults.Describe(fault));
        }

        return 1;
    }
}
