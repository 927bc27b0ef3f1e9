using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.WebSockets;
using CoScientist.Core.Studies;
using CoScientist.Tests.Shared;

namespace CoScientist.Tests.Load;

/// <summary>An answer that an expert saw taken: the next pair was on the screen.</summary>
/// <param name="Assignment">What was answered, as the page names it.</param>
/// <param name="Choice">The answer.</param>
/// <param name="Milliseconds">From the key to the next pair; null when a fault lay between.</param>
internal sealed record SeenAnswer(string Assignment, PreferenceChoice Choice, double? Milliseconds);

/// <summary>One expert at work: signs in, opens the study, and answers pair after pair by keys, whatever happens to network and server.</summary>
/// <param name="number">Which one.</param>
/// <param name="plan">How fast and how disturbed.</param>
/// <param name="server">Where the server is, asked anew each time: it may be killed, and another stand in its place.</param>
/// <param name="path">The page of the study.</param>
/// <param name="seat">What a proxy knows its browser by; null where there is none.</param>
internal sealed partial class SimulatedExpert(int number, LoadPlan plan, Func<Task<Uri>> server, string path, Cookie? seat = null) : IDisposable
{
    private const string Draft = "reason-";

    // Keys pressed again for one answer, with the page loaded anew between them: one who is still here then has found a fault.
    private const int MostAttempts = 20;

    // A person looks this long at a page that does not move: then presses the key again, then loads the page anew.
    private static readonly TimeSpan LongPatience = TimeSpan.FromSeconds(20);

    private readonly TimeSpan _patience = TimeSpan.FromSeconds(plan.IsAsked ? 3 : 1);
    private readonly CookieContainer _cookies = new();
    private readonly List<SeenAnswer> _answers = [];
    private HttpClient? _http;
    private CircuitPage? _page;
    private TaskCompletionSource _looked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string? _pair;
    private bool _done;
    private bool _refused;
    private bool _isCut;
    private long _shownAt;
    private string _doing = "comes";
    private long _since = Stopwatch.GetTimestamp();
    private string? _away;
    private volatile bool _goes;

    /// <summary>Name of an expert's account.</summary>
    public static string NameOf(int number) => FormattableString.Invariant($"expert{number}");

    /// <summary>What the expert saw taken.</summary>
    public IReadOnlyList<SeenAnswer> Answers
    {
        get
        {
            lock (_answers)
            {
                return [.. _answers];
            }
        }
    }

    /// <summary>Networks lost on purpose.</summary>
    public int Cuts { get; private set; }

    /// <summary>Times the same circuit was found again.</summary>
    public int Reconnects { get; private set; }

    /// <summary>Times the page had to be loaded again.</summary>
    public int Reloads { get; private set; }

    /// <summary>Keys pressed again because nothing happened.</summary>
    public int Again { get; private set; }

    /// <summary>Times the page was left and come back to, because it was asked to.</summary>
    public int Visits { get; private set; }

    /// <summary>Whether there is nothing left to answer.</summary>
    public bool IsDone => _done;

    /// <summary>What the server said went wrong.</summary>
    public List<string> Faults { get; } = [];

    /// <summary>What it is at, for the message of a test that waits too long.</summary>
    public string Standing => string.Create(CultureInfo.InvariantCulture, $"expert {number}: {_doing} since {Stopwatch.GetElapsedTime(_since).TotalSeconds:0.0} s, {Answers.Count} answers, pair {_pair ?? "none"}, {(_done ? "done, " : "")}{Reconnects} reconnects, {Reloads} reloads, {Again} keys again, {(_page is null ? "no page" : _page.Disconnected.IsCompleted ? "disconnected" : "connected")}, faults: {string.Join("; ", Faults.Append(_page?.Fault).Append(_away).Where(fault => fault is not null).TakeLast(3))}");

    private TimeSpan Lag => plan.Slow > 0 && number % plan.Slow == plan.Slow - 1 ? TimeSpan.FromMilliseconds(plan.IsAsked ? 400 : 20) : TimeSpan.Zero;

    /// <summary>Answers at a pace until it is time to stop; an answer begun is ended.</summary>
    /// <param name="first">When the first answer is due: experts do not answer in step.</param>
    /// <param name="pace">From one answer to the next.</param>
    /// <param name="most">How many answers at most.</param>
    /// <param name="stop">Ends it between two answers.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task WorkAsync(TimeSpan first, TimeSpan pace, int most, CancellationToken stop, CancellationToken cancellationToken)
    {
        var from = Stopwatch.GetTimestamp();
        var due = first;
        for (var answered = 0; answered < most && !_done && !stop.IsCancellationRequested; answered++)
        {
            var wait = due - Stopwatch.GetElapsedTime(from);
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (stop.IsCancellationRequested)
                {
                    return;
                }
            }

            await AnswerAsync(cancellationToken);
            // Who was held up does not hurry afterwards.
            due = TimeSpan.FromTicks(Math.Max((due + pace).Ticks, Stopwatch.GetElapsedTime(from).Ticks));
        }
    }

    /// <summary>Has it leave the page after the answer that it is at, and come back.</summary>
    public void GoAndComeBack() => _goes = true;

    /// <summary>Closes the page.</summary>
    public async Task LeaveAsync()
    {
        if (_page is not null)
        {
            await _page.DisposeAsync();
        }
    }

    public void Dispose() => _http?.Dispose();

    private async Task AnswerAsync(CancellationToken cancellationToken)
    {
        if (_goes)
        {
            await OpenAsync(cancellationToken);
            (_goes, Visits) = (false, Visits + 1);
            if (_done)
            {
                return;
            }
        }

        var (pair, choice, disturbed) = (_pair!, (PreferenceChoice)((number + _answers.Count) % 4), false);
        var key = choice switch { PreferenceChoice.A => "a", PreferenceChoice.B => "b", PreferenceChoice.Tie => "e", _ => "n" };
        var cut = plan.Cuts > 0 && (number + _answers.Count + 1) % plan.Cuts == 0;
        var pressedAt = Stopwatch.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                _refused = false;
                Does($"presses {key}, attempt {attempt}");
                await _page!.PressAsync(key);
                if (cut)
                {
                    (cut, disturbed, _isCut, Cuts) = (false, true, true, Cuts + 1);
                    _page.Cut();
                }

                if (await SeeAsync(() => Moved(pair) || _refused, disturbed ? _patience : LongPatience, cancellationToken) && Moved(pair))
                {
                    break;
                }
            }
            catch (WebSocketException)
            {
                // Below.
            }

            Assert.True(attempt < MostAttempts, $"An expert got no answer through. {Standing}");
            disturbed = true;
            if (_page!.Disconnected.IsCompleted ? await ComeBackAsync(pair, cancellationToken) : await LookAgainAsync(pair, attempt, cancellationToken))
            {
                break;
            }
        }

        lock (_answers)
        {
            _answers.Add(new SeenAnswer(pair, choice, disturbed ? null : Stopwatch.GetElapsedTime(pressedAt, _shownAt).TotalMilliseconds));
        }
    }

    private void Does(string what) => (_doing, _since) = (what, Stopwatch.GetTimestamp());

    private bool Moved(string pair) => _done || _pair != pair;

    /// <summary>When the page stands still: the key may have been lost, or the page hangs. True when the answer had been taken.</summary>
    private async Task<bool> LookAgainAsync(string pair, int attempt, CancellationToken cancellationToken)
    {
        if (_page!.Fault is null && !_refused && attempt < 2)
        {
            Again++;
            return Moved(pair);
        }

        if (_refused)
        {
            Faults.Add("The page showed a notice.");
        }

        await OpenAsync(cancellationToken);
        return Moved(pair);
    }

    /// <summary>Waits until something is on the screen; false when the connection ends or the time is up before.</summary>
    private async Task<bool> SeeAsync(Func<bool> condition, TimeSpan patience, CancellationToken cancellationToken)
    {
        var until = Task.Delay(patience, cancellationToken);
        while (true)
        {
            var looked = Volatile.Read(ref _looked);
            if (condition())
            {
                return true;
            }

            if (_page?.Fault is not null || await Task.WhenAny(looked.Task, until, _page?.Disconnected ?? Task.Delay(Timeout.Infinite, cancellationToken)) != looked.Task)
            {
                cancellationToken.ThrowIfCancellationRequested();
                return condition();
            }
        }
    }

    // Called for each batch of texts, one after the other.
    private void Look(IReadOnlyList<string> texts)
    {
        foreach (var text in texts)
        {
            if (text.StartsWith(Draft, StringComparison.Ordinal) && text[Draft.Length..] is var pair && pair != _pair && Guid.TryParse(pair, out _))
            {
                (_shownAt, _pair) = (Stopwatch.GetTimestamp(), pair);
            }
            else if (text.Contains("pairs answered. Thank you.", StringComparison.Ordinal) || text.Contains("Nothing is free just now", StringComparison.Ordinal))
            {
                (_shownAt, _done) = (Stopwatch.GetTimestamp(), true);
            }
            else if (text == "alert")
            {
                // A notice says what went wrong.
                _refused = true;
            }
        }

        Interlocked.Exchange(ref _looked, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }
}
