using System.Collections.Concurrent;
using System.Collections.Immutable;
using CoScientist.Core.Runs;

namespace CoScientist.Web.Runs;

/// <summary>What is known in memory of a run that this process has worked on; the whole history is in its folder.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Metrics">The last line of metrics; null before the first.</param>
/// <param name="Log">The last lines said, oldest first.</param>
/// <param name="First">Step and time of the first metrics that this process saw since it took up the run.</param>
/// <param name="Last">Step and time of the last.</param>
internal sealed record LiveRun(int Step, RunMetrics? Metrics, ImmutableList<RunLog> Log, (int Step, DateTimeOffset At) First, (int Step, DateTimeOffset At) Last)
{
    /// <summary>Nothing known yet.</summary>
    public static LiveRun None { get; } = new(0, null, [], default, default);

    /// <summary>When the last step should be done, by the pace so far with its evaluations; null before two steps are done.</summary>
    public DateTimeOffset? Expected(int totalSteps) =>
        Last.Step > First.Step ? Last.At + ((totalSteps - Last.Step) * ((Last.At - First.At) / (Last.Step - First.Step))) : null;
}

/// <summary>Carries what runs tell to whoever looks. Publishing never waits for a subscriber and never fails because of one.</summary>
internal sealed class RunEvents(TimeProvider time, ILogger<RunEvents> logger)
{
    private const int LogLines = 200;

    private readonly ConcurrentDictionary<RunId, LiveRun> live = new();
    private readonly ConcurrentDictionary<RunSubscription, RunId?> subscriptions = new();

    /// <summary>How long a subscriber is left alone after it was told something. Default: a quarter of a second.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>A run of this process has told something, or its row was changed here: others may want to know. Must return at once.</summary>
    public event Action<RunId>? Told;

    /// <summary>The latest of a run.</summary>
    public LiveRun Latest(RunId run) => live.GetValueOrDefault(run, LiveRun.None);

    /// <summary>Tells an event of a run.</summary>
    public void Publish(RunId run, RunEvent told)
    {
        var now = time.GetUtcNow();
        live.AddOrUpdate(run, _ => Add(LiveRun.None, told, now), (_, known) => Add(known, told, now));
        Changed(run);
    }

    /// <summary>A run is taken up: the pace is measured anew.</summary>
    public void Begin(RunId run)
    {
        live[run] = LiveRun.None;
        Changed(run);
    }

    /// <summary>Tells that the row of a run has changed.</summary>
    public void Changed(RunId run)
    {
        Notify(run);
        Told?.Invoke(run);
    }

    /// <summary>Another process tells of a run; its log is in its folder only.</summary>
    /// <param name="run">The run.</param>
    /// <param name="newest">What it measured last; null before the first.</param>
    public void Hear(RunId run, RunMetrics? newest)
    {
        var now = time.GetUtcNow();
        live.AddOrUpdate(run, _ => Follow(LiveRun.None), (_, known) => Follow(known));
        Notify(run);

        // The pace is measured anew where a run went back to what was saved.
        LiveRun Follow(LiveRun known) =>
            newest is null ? LiveRun.None
            : known.Metrics is null || newest.Step < known.Step ? new LiveRun(newest.Step, newest, [], (newest.Step, now), (newest.Step, now))
            : new LiveRun(newest.Step, newest, [], known.First, newest.Step > known.Step ? (newest.Step, now) : known.Last);
    }

    /// <summary>Any run of other processes may have changed.</summary>
    public void HearAll()
    {
        foreach (var subscription in subscriptions.Keys)
        {
            subscription.Notify();
        }
    }

    /// <summary>Calls back soon after something changed, at most once per interval and never twice at a time. Dispose to end it.</summary>
    /// <param name="run">The run; null for all.</param>
    /// <param name="changed">Called on a thread of the pool; what it throws is logged and forgotten.</param>
    public IDisposable Subscribe(RunId? run, Func<Task> changed)
    {
        var subscription = new RunSubscription(time, Interval, changed, logger, ended => subscriptions.TryRemove(ended, out _));
        subscriptions[subscription] = run;
        return subscription;
    }

    private void Notify(RunId run)
    {
        foreach (var (subscription, about) in subscriptions)
        {
            if (about is null || about == run)
            {
                subscription.Notify();
            }
        }
    }

    private static LiveRun Add(LiveRun known, RunEvent told, DateTimeOffset now)
    {
        var next = known with { Step = told.Step };
        return told switch
        {
            RunMetrics metrics => next with { Metrics = Join(known.Metrics, metrics), First = known.Metrics is null ? (told.Step, now) : known.First, Last = (told.Step, now) },
            RunLog line => next with { Log = (known.Log.Count < LogLines ? known.Log : known.Log.RemoveAt(0)).Add(line) },
            _ => next,
        };
    }

    /// <summary>A step's evaluation comes after its training as metrics of the same step.</summary>
    private static RunMetrics Join(RunMetrics? known, RunMetrics told) => known?.Step != told.Step
        ? told
        : told with { Values = new Dictionary<string, double>([.. known.Values.Where(value => !told.Values.ContainsKey(value.Key)), .. told.Values], StringComparer.Ordinal) };
}
