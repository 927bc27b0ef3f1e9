using System.Globalization;
using CoScientist.Core.Storage;
using CoScientist.Web.Commands;

namespace CoScientist.Web.Configuration;

/// <summary>
/// Makes one process the only one that writes to a data directory: <c>serve</c>, <c>train</c> and all verbs that write hold it for as
/// long as they live, verbs that only read go without. The operating system lets go of it when the process ends, however it ends.
/// </summary>
internal sealed class DataDirectoryLock : IDisposable
{
    private const string FileName = "coscientist.lock";
    private const string PrepareFileName = "coscientist.prepare.lock";
    private static readonly TimeSpan PrepareLimit = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan PreparePoll = TimeSpan.FromMilliseconds(100);

    private const int LookTries = 5;
    private static readonly TimeSpan s_lookPause = TimeSpan.FromMilliseconds(20);

    private readonly FileStream file;
    private readonly string? ownHolderFile;

    private DataDirectoryLock(FileStream file, string? holderFile = null)
    {
        this.file = file;
        ownHolderFile = holderFile;
    }

    /// <summary>Takes the directory, or where the database is a PostgreSQL server's, takes part in it.</summary>
    /// <exception cref="CommandException">Another process has it; the message names it.</exception>
    public static DataDirectoryLock Enter(CoScientistOptions options, string verb, TimeProvider time) =>
        options.UsesPostgres ? Share(options.DataDirectory, verb, time) : Acquire(options.DataDirectory, verb, time);

    /// <summary>Takes the directory, creating it when it is not there.</summary>
    /// <param name="directory">The data directory.</param>
    /// <param name="verb">What the process does with it, for the message that others get.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="CommandException">Another process has it; the message names it.</exception>
    public static DataDirectoryLock Acquire(string directory, string verb, TimeProvider time)
    {
        Directory.CreateDirectory(directory);
        var taken = TryTake(() => TryOpen(Path.Combine(directory, FileName)), directory);
        return new DataDirectoryLock(taken, Announce(directory, verb, time));
    }

    /// <summary>
    /// Takes part in the directory, which processes on one PostgreSQL database share: any number of them, and nobody who would own it. Its runs
    /// are theirs who have the worker's role in the database.
    /// </summary>
    /// <exception cref="CommandException">Another process owns it; the message names it.</exception>
    public static DataDirectoryLock Share(string directory, string verb, TimeProvider time)
    {
        Directory.CreateDirectory(directory);
        var taken = TryTake(() => TryOpen(Path.Combine(directory, FileName), FileAccess.Read, FileShare.Read), directory);
        Announce(directory, verb, time);
        return new DataDirectoryLock(taken);
    }

    /// <summary>The other process that writes to the directory, as it calls itself; null when there is none, or this one is it.</summary>
    /// <param name="directory">The data directory.</param>
    public static string? OtherHolder(string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
        {
            return null;
        }

        using (var free = TryOpen(path))
        {
            if (free is not null)
            {
                return null;
            }
        }

        var holder = Holder(directory);
        return holder.Contains(ThisProcess, StringComparison.Ordinal) ? null : holder;
    }

    /// <summary>Who writes to the directory, as it calls itself; null for nobody.</summary>
    public static string? HolderOf(string directory) => File.Exists(Path.Combine(directory, FileName + ".holder")) ? Holder(directory) : null;

    /// <summary>Waits for the right to prepare the directory: one process at a time creates the database and fills it.</summary>
    /// <exception cref="CommandException">Another process has been at it for a minute.</exception>
    public static async Task<DataDirectoryLock> AcquireForPreparingAsync(string directory, TimeProvider time, CancellationToken cancellationToken)
    {
        var start = time.GetTimestamp();
        while (true)
        {
            if (TryOpen(Path.Combine(directory, PrepareFileName)) is { } file)
            {
                return new DataDirectoryLock(file);
            }

            if (time.GetElapsedTime(start) > PrepareLimit)
            {
                throw new CommandException($"Another process has been preparing the data directory {directory} for over a minute. Wait for it or end it, then try again.");
            }

            await Task.Delay(PreparePoll, time, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (ownHolderFile is not null)
        {
            File.Delete(ownHolderFile);
        }

        file.Dispose();
    }

    private static FileStream TryTake(Func<FileStream?> tryOpen, string directory)
    {
        var taken = tryOpen();
        for (var tries = 1; taken is null && tries < LookTries; tries++)
        {
            // A verb that only looks who has it holds it for a moment.
            Thread.Sleep(s_lookPause);
            taken = tryOpen();
        }

        return taken ?? throw new CommandException($"The data directory {directory} is in use by {Holder(directory)}. Stop that process, or name another directory with --data.");
    }

    // A locked file cannot be read by others, so the holder's name stands beside it.
    private static string Announce(string directory, string verb, TimeProvider time)
    {
        var holderFile = Path.Combine(directory, FileName + ".holder");
        AtomicFile.WriteAllText(holderFile, string.Create(CultureInfo.InvariantCulture, $"'{verb}' ({ThisProcess}, since {time.GetUtcNow():yyyy-MM-dd HH:mm:ss} UTC)"));
        return holderFile;
    }

    private static string ThisProcess => string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}:{Environment.ProcessId}");

    private static string Holder(string directory)
    {
        try
        {
            return File.ReadAllText(Path.Combine(directory, FileName + ".holder"));
        }
        catch (FileNotFoundException)
        {
            return "another process"; // between taking the lock and writing its name
        }
    }

    private static FileStream? TryOpen(string path, FileAccess access = FileAccess.ReadWrite, FileShare share = FileShare.None)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, access, share);
        }
        catch (IOException e) when (e.GetType() == typeof(IOException))
        {
            return null; // derived types say that the path is at fault, the plain one that somebody has the file
        }
    }
}
