using CoScientist.Core.Storage;
using CoScientist.Web.Commands;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.Instances;

/// <summary>
/// The data folder that instances on one database share. Each holds a mark in it, an exclusively opened file (a lock, which no backup copies), before it shows itself
/// in the database: who finds an instance there but its mark not held here has another folder, or one whose locks reach no other machine.
/// </summary>
internal sealed class SharedFolder : IDisposable
{
    private const string Folder = "instances";
    private const int Attempts = 5;
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(200);

    /// <summary>How long a dead instance may still stand in the database: until its silence is noticed, and a little more.</summary>
    private static readonly TimeSpan s_patience = InstanceLink.Silence + TimeSpan.FromSeconds(5);

    private readonly string name;
    private readonly FileStream mark;

    private SharedFolder(string name, FileStream mark) => (this.name, this.mark) = (name, mark);

    /// <summary>How the instance that holds the mark is named in the database, with a name for people after it.</summary>
    public string Application(string instance) => $"{InstanceLink.Application} {name} {instance}";

    /// <summary>Marks the folder.</summary>
    /// <param name="directory">The data directory.</param>
    public static SharedFolder Mark(string directory)
    {
        Directory.CreateDirectory(Path.Combine(directory, Folder));
        foreach (var old in Directory.EnumerateFiles(Path.Combine(directory, Folder)))
        {
            // Of the dead.
            TryTake(old, FileMode.Open, FileOptions.DeleteOnClose)?.Dispose();
        }

        for (var attempt = 1; ; attempt++)
        {
            // Between making a file and locking it, another that starts may take it for one of the dead.
            var drawn = Guid.NewGuid().ToString("N")[..8];
            if (TryTake(PathOf(directory, drawn), FileMode.CreateNew, FileOptions.DeleteOnClose) is { } mark)
            {
                return new SharedFolder(drawn, mark);
            }

            if (attempt == Attempts)
            {
                throw new IOException($"No file can be made and locked in {Path.Combine(directory, Folder)}. Look at the rights to this folder, and whether its disk is full.");
            }
        }
    }

    /// <summary>Looks whether all instances that work with the database have this folder.</summary>
    /// <param name="db">The database.</param>
    /// <param name="directory">The data directory.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="CommandException">One has another.</exception>
    public static async Task RequireAsync(CoScientistDb db, string directory, TimeProvider time, CancellationToken cancellationToken)
    {
        var from = time.GetTimestamp();
        while ((await OthersAsync(db, cancellationToken)).FirstOrDefault(other => other.Mark.Length > 0 && !IsHeld(PathOf(directory, other.Mark))) is { Mark: not null } stranger)
        {
            // One that was killed stands there for a moment; one whose machine was cut off, until its silence is noticed.
            if (time.GetElapsedTime(from) > s_patience)
            {
                throw new CommandException($"{stranger.Instance} works with this database over another data folder than {directory}: {PathOf(directory, stranger.Mark)} {(File.Exists(PathOf(directory, stranger.Mark)) ? "is not locked, so locks of files do not reach from its machine to this one" : "is not there")}. All servers on one database share one folder, with file locks: give this one the same with --data, then start again.");
            }

            await Task.Delay(s_look, time, cancellationToken);
        }
    }

    /// <summary>The instances that work with the database now: the marks that they hold, empty for those of earlier versions, and their names.</summary>
    public static async Task<IReadOnlyList<(string Mark, string Instance)>> OthersAsync(CoScientistDb db, CancellationToken cancellationToken)
    {
        var prefix = InstanceLink.Application + " ";
        var names = await db.Database.SqlQuery<string>($"SELECT application_name AS \"Value\" FROM pg_stat_activity WHERE datname = current_database() AND starts_with(application_name, {prefix})").ToListAsync(cancellationToken);
        return [.. names.Select(full => full[prefix.Length..]).Order(StringComparer.Ordinal).Select(rest => rest.Split(' ', 2) is [var mark, var instance] ? (mark, instance) : ("", rest))];
    }

    /// <summary>Lets go of the mark.</summary>
    public void Dispose() => mark.Dispose();

    private static string PathOf(string directory, string name) => Path.Combine(directory, Folder, name + ".lock");

    private static bool IsHeld(string path)
    {
        using var free = TryTake(path, FileMode.Open, FileOptions.None);
        return free is null && File.Exists(path);
    }

    private static FileStream? TryTake(string path, FileMode mode, FileOptions options)
    {
        try
        {
            return new FileStream(path, mode, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, options);
        }
        catch (IOException)
        {
            return null; // held, or not there
        }
    }
}
