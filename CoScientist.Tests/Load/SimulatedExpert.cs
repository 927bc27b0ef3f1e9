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
internal sealed class SimulatedExpert(int number, LoadPlan plan, Func<Task<Uri>> server, string path) : IDisposable
{
    private const string Draft = "reason-";

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

    /// <summary>What the server said went wrong.</summary>
    public List<string> Faults { get; } = [];

    /// <summary>What it is at, for the message of a test that waits too long.</summary>
    public string Standing => string.Create(CultureInfo.InvariantCulture, $"expert {number}: {_doing} since {Stopwatch.GetElapsedTime(_since).TotalSeconds:0.0} s, {Answers.Count} answers, pair {_pair ?? "none"}, {(_done ? "done, " : "")}{Reconnects} reconnects, {Reloads} reloads, {Again} keys again, {(_page is null ? "no page" : _page.Disconnected.IsCompleted ? "disconnected" : "connected")}, faults: {string.Join("; ", Faults.Append(_page?.Fault).Append(_away).Where(fault => fault is not null).TakeLast(3))}");

    private TimeSpan Lag => plan.Slow > 0 && number % plan.Slow == plan.Slow - 1 ? TimeSpan.FromMilliseconds(plan.IsAsked ? 400 : 20) : TimeSpan.Zero;

    /// <summary>Signs in over the form and opens the study.</summary>
    public async Task ArriveAsync(CancellationToken cancellationToken)
    {
        _http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = _cookies }) { BaseAddress = await server() };
        while (true)
        {
            using var answer = await ServerFixture.PostFormAsync(_http, "/account/sign-in", new() { ["Input.Name"] = NameOf(number), ["Input.Password"] = ServerFixture.Password });
            if (answer.StatusCode == HttpStatusCode.TooManyRequests)
            {
                await Task.Delay(answer.Headers.RetryAfter?.Delta ?? _patience, cancellationToken);
                continue;
            }

            Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
            break;
        }

        await OpenAsync(cancellationToken);
    }

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

    /// <summary>After the connection was lost: the same circuit if the server still has it, else the page anew. True when the answer had been taken.</summary>
    private async Task<bool> ComeBackAsync(string pair, CancellationToken cancellationToken)
    {
        if (_isCut)
        {
            _isCut = false;
            await Task.Delay(TimeSpan.FromSeconds(plan.CutSeconds), cancellationToken);
        }

        var address = server();
        Does("comes back");
        try
        {
            // A server that was killed has another address and knows no circuit.
            if (address.IsCompleted && await address == _http!.BaseAddress && await _page!.ReconnectAsync(cancellationToken))
            {
                Reconnects++;
                return await SeeAsync(() => Moved(pair), _patience, cancellationToken);
            }
        }
        catch (WebSocketException)
        {
            // Not there any more.
        }

        await OpenAsync(cancellationToken);
        return Moved(pair);
    }

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

    /// <summary>Loads the page, again and again while the server is away.</summary>
    private async Task OpenAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (_page is not null)
            {
                Reloads++;
                if (_page.Fault is { } fault)
                {
                    Faults.Add(fault);
                }

                Does("leaves the page");
                await _page.DisposeAsync();
            }

            try
            {
                Does("waits for a server");
                var address = await server().WaitAsync(cancellationToken);
                if (address != _http!.BaseAddress)
                {
                    _http.Dispose();
                    _http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = _cookies }) { BaseAddress = address };
                }

                _pair = null;
                Does($"opens the page at {address}");
                _page = await CircuitPage.OpenAsync(_http, _cookies, new Uri(address, path), Lag, Look, cancellationToken);
                Does("looks at the page");
                if (await SeeAsync(() => _done || (_pair is not null && _page.HasKeys), LongPatience, cancellationToken))
                {
                    return;
                }
            }
            catch (Exception away) when (away is HttpRequestException or IOException or WebSocketException)
            {
                _away = away.Message;
                await Task.Delay(TimeSpan.FromMilliseconds(100), cancellationToken);
            }
        }
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
