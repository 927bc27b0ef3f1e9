using System.Data.Common;
using CoScientist.Core;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;
using CoScientist.Web.Library;
using CoScientist.Web.Runs;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace CoScientist.Web.Instances;

/// <summary>
/// The standing connection of a web instance to the PostgreSQL database that it shares with others. Over it the instance hears what
/// happens in the others (LISTEN), and competes for the worker's role: a lock of the database's that lives as long as the connection. The
/// server ends a connection that has been silent for <see cref="Silence"/>; the holder, which asks four times a second and gives an
/// answer <see cref="Patience"/>, knows before that and ends its work. So a killed instance is followed at once, and one that is cut
/// off within seconds. The last word has the lock in a run's folder (<see cref="RunLock"/>): whoever follows begins when it is free.
/// </summary>
internal sealed class InstanceLink(
    CoScientistOptions options,
    WorkerRole role,
    InstanceNews news,
    RunNews runs,
    RunWorker worker,
    LibraryWorker library,
    Sessions sessions,
    AttemptLimits limits,
    TimeProvider time,
    ILogger<InstanceLink> logger) : BackgroundService
{
    /// <summary>How instances are named in the database's list of connections, before their mark in the data folder, machine and process.</summary>
    public const string Application = "CoScientist instance";

    /// <summary>After how much silence the server ends the connection: 10 seconds.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(10);

    /// <summary>How long an answer of the server may take: 4 seconds.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    /// <summary>How far clocks may differ: 5 seconds.</summary>
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromSeconds(5);

    private const int TickMilliseconds = 250;
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);

    // Of all programs on the database's server, this one's: the worker's role.
    private const long Role = 0x436F5363_0001;

    private volatile bool isUp;

    /// <summary>Whether the connection stands.</summary>
    public bool IsUp => isUp;

    /// <summary>An instance that works with the database now, as "machine:process"; null when there is none.</summary>
    public static async Task<string?> OtherAsync(CoScientistDb db, CancellationToken cancellationToken)
    {
        var others = (await SharedFolder.OthersAsync(db, cancellationToken)).Select(other => other.Instance).Where(other => other != RunExecutor.Worker).ToList();
        return others.Count == 0 ? null : string.Join(", ", others);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        using var folder = SharedFolder.Mark(options.DataDirectory);
        while (true)
        {
            try
            {
                await HoldAsync(folder.Application(RunExecutor.Worker), stoppingToken);
            }
            catch (Exception fault) when (fault is DbException or IOException or TimeoutException or InvalidOperationException or OperationCanceledException)
            {
                if (!stoppingToken.IsCancellationRequested)
                {
                    logger.LogWarning(fault, "The connection to the other instances is lost; it is made anew.");
                }
            }

            isUp = false;
            role.Lose();
            await role.Idle;
            if (stoppingToken.IsCancellationRequested)
            {
                return;
            }

            await Task.Delay(s_retry, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task HoldAsync(string application, CancellationToken stoppingToken)
    {
        await using var connection = new NpgsqlConnection(ConnectionString(application));
        await connection.OpenAsync(stoppingToken);
        connection.Notification += (_, told) => Hear(told.Payload);
        await ExecuteAsync(connection, FormattableString.Invariant($"SET idle_session_timeout = {(int)Silence.TotalMilliseconds}; LISTEN {InstanceNews.Channel}"));
        isUp = true;
        await CompareClocksAsync(connection);

        // What happened while nobody listened.
        HearAll();
        while (!stoppingToken.IsCancellationRequested || !role.Idle.IsCompleted)
        {
            if (role.IsHere || stoppingToken.IsCancellationRequested)
            {
                await ExecuteAsync(connection, "SELECT true");
            }
            else if (await ExecuteAsync(connection, FormattableString.Invariant($"SELECT pg_try_advisory_lock({Role})")))
            {
                role.Gain();
            }

            // An instance that works keeps the role until its work has ended.
            await connection.WaitAsync(TickMilliseconds, role.IsHere ? CancellationToken.None : stoppingToken);
        }
    }

    /// <summary>What is said of a clock; null when it is right enough. Locks and reservations go by the database's clock, but what is written down goes by each machine's.</summary>
    /// <param name="ahead">How far this machine's clock is before the database's.</param>
    public static string? ClockWarning(TimeSpan ahead) => ahead.Duration() <= ClockTolerance ? null
        : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"The clock of this machine is {ahead.Duration().TotalSeconds:0} s {(ahead > TimeSpan.Zero ? "before" : "behind")} that of the database's. Set both by the same time server (NTP): times of answers, budgets and invitations are compared between servers.");

    private async Task CompareClocksAsync(NpgsqlConnection connection)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT clock_timestamp()";
        if (await command.ExecuteScalarAsync(CancellationToken.None) is DateTime there && ClockWarning(time.GetUtcNow().UtcDateTime - there) is { } warning)
        {
            logger.LogWarning("{Warning}", warning);
        }
    }

    private static async Task<bool> ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        return await command.ExecuteScalarAsync(CancellationToken.None) is true;
    }

    private string ConnectionString(string application) => new NpgsqlConnectionStringBuilder(DatabaseAddress.ConnectionString(options.Database))
    {
        ApplicationName = application,
        Pooling = false,
        Timeout = (int)Patience.TotalSeconds,
        CommandTimeout = (int)Patience.TotalSeconds,

        // A server that does not answer is not asked to cancel either.
        CancellationTimeout = -1,
    }.ToString();

    // On the connection's thread: nothing here waits.
    private void Hear(string payload)
    {
        if (payload.Split(' ') is not [var sender, var topic, var about, ..] || sender == news.Sender || !Enum.TryParse<NewsTopic>(topic, out var known))
        {
            return;
        }

        switch (known)
        {
            case NewsTopic.Run when TypedId.TryParse<RunId>(about, out var run):
                worker.Wake();
                runs.Hear(run);
                break;
            case NewsTopic.Account:
                sessions.Hear(about);
                break;
            case NewsTopic.Library:
                library.Hear();
                break;
            case NewsTopic.Failure:
                limits.Hear(about);
                break;
        }
    }

    private void HearAll()
    {
        worker.Wake();
        runs.HearAll();
        library.Hear();
    }
}
