using System.Globalization;
using System.Threading.Channels;
using CoScientist.Core.Storage;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;
using Npgsql;

namespace CoScientist.Web.Instances;

/// <summary>What a piece of news is about.</summary>
internal enum NewsTopic
{
    /// <summary>A run, by its id: its row, or what it tells.</summary>
    Run,

    /// <summary>An account or a session, by its id: pages of it look again.</summary>
    Account,

    /// <summary>Jobs of the library.</summary>
    Library,

    /// <summary>An attempt to sign in that failed, by the address it came from.</summary>
    Failure,
}

/// <summary>
/// Tells the other processes on the same PostgreSQL database what happens in this one (NOTIFY), so that their pages and workers look
/// again. The database itself says what is so; news that are lost cost time, not truth. Telling never waits and never fails.
/// </summary>
internal sealed class InstanceNews : IAsyncDisposable
{
    /// <summary>The channel of the database.</summary>
    public const string Channel = "coscientist";

    /// <summary>How long further news are gathered after some were sent: a run at work tells hundreds a second.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    private readonly string connectionString;
    private readonly ILogger<InstanceNews> logger;
    private readonly Channel<string> told = System.Threading.Channels.Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true });
    private readonly CancellationTokenSource ending = new();
    private readonly Task sending;
    private long failures;

    public InstanceNews(CoScientistOptions options, RunEvents runs, Sessions sessions, ILogger<InstanceNews> logger)
    {
        connectionString = DatabaseAddress.ConnectionString(options.Database);
        this.logger = logger;
        runs.Told += run => Tell(NewsTopic.Run, run.ToString());
        sessions.Announced += id => Tell(NewsTopic.Account, id);
        sending = SendAsync();
    }

    /// <summary>This process, as the first word of its news.</summary>
    public string Sender { get; } = Guid.NewGuid().ToString("N");

    /// <summary>Tells the others. The same again within a moment is told once.</summary>
    /// <param name="topic">What it is about.</param>
    /// <param name="about">Which.</param>
    public void Tell(NewsTopic topic, string about = "") => told.Writer.TryWrite($"{Sender} {topic} {about}");

    /// <summary>Tells of a failed attempt; each counts.</summary>
    public void TellFailure(string address) => Tell(NewsTopic.Failure, string.Create(CultureInfo.InvariantCulture, $"{address} {Interlocked.Increment(ref failures)}"));

    /// <summary>Sends what was told last.</summary>
    public async ValueTask DisposeAsync()
    {
        told.Writer.TryComplete();
        await ending.CancelAsync();
        await Task.WhenAny(sending, Task.Delay(s_patience));
    }

    private async Task SendAsync()
    {
        var batch = new HashSet<string>(StringComparer.Ordinal);
        while (await told.Reader.WaitToReadAsync())
        {
            while (told.Reader.TryRead(out var news))
            {
                batch.Add(news);
            }

            try
            {
                await using var connection = new NpgsqlConnection(connectionString);
                await connection.OpenAsync();
                await using var command = connection.CreateCommand();
                command.CommandText = "SELECT pg_notify($1, news) FROM unnest($2) AS news";
                command.Parameters.Add(new NpgsqlParameter { Value = Channel });
                command.Parameters.Add(new NpgsqlParameter { Value = batch.ToArray() });
                await command.ExecuteNonQueryAsync();
            }
            catch (Exception away) when (away is NpgsqlException or TimeoutException)
            {
                logger.LogWarning(away, "Other instances could not be told of changes; their pages show them when they are opened again.");
            }

            batch.Clear();
            await Task.Delay(s_pause, ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
