using System.Diagnostics;
using System.Net;
using System.Net.WebSockets;
using CoScientist.Tests.Shared;

namespace CoScientist.Tests.Load;

/// <content>How it comes to the page, and comes back when the server was away.</content>
internal sealed partial class SimulatedExpert
{
    // A server that is killed and started again is there long before.
    private static readonly TimeSpan LongestAbsence = TimeSpan.FromSeconds(90);

    /// <summary>Signs in over the form and opens the study.</summary>
    public async Task ArriveAsync(CancellationToken cancellationToken)
    {
        _http = Browser(await server());
        if (seat is not null)
        {
            _cookies.Add(_http.BaseAddress!, new Cookie(seat.Name, seat.Value));
        }

        for (var attempt = 1; ; attempt++)
        {
            Does("signs in");
            using var answer = await ServerFixture.PostFormAsync(_http, "/account/sign-in", new() { ["Input.Name"] = NameOf(number), ["Input.Password"] = ServerFixture.Password });
            if (answer.StatusCode == HttpStatusCode.TooManyRequests && attempt < MostAttempts)
            {
                await Task.Delay(answer.Headers.RetryAfter?.Delta ?? _patience, cancellationToken);
                continue;
            }

            Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
            break;
        }

        await OpenAsync(cancellationToken);
    }

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

    /// <summary>Loads the page, again and again while the server is away.</summary>
    /// <exception cref="HttpRequestException">It stays away, or leads elsewhere.</exception>
    private async Task OpenAsync(CancellationToken cancellationToken)
    {
        Does("waits for a server");
        var address = await server().WaitAsync(cancellationToken);
        var from = Stopwatch.GetTimestamp();
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
                if (address != _http!.BaseAddress)
                {
                    _http.Dispose();
                    _http = Browser(address);
                }

                _pair = null;
                Does($"opens the page at {address}");
                _page = await CircuitPage.OpenAsync(_http, _cookies, new Uri(address, path), Lag, Look, cancellationToken);
                Does("looks at the page");
                if (await SeeAsync(() => _done || (_pair is not null && _page.HasKeys), LongPatience, cancellationToken))
                {
                    return;
                }

                _away = "It shows no pair.";
            }
            catch (HttpRequestException elsewhere) when (elsewhere.StatusCode is { } status && (int)status < 500)
            {
                // Who was signed in is no more, or may not see the study: waiting does not help.
                throw;
            }
            catch (Exception away) when (away is HttpRequestException or IOException or WebSocketException || (away is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                _away = away.Message;
                await Task.Delay(TimeSpan.FromMilliseconds(100), cancellationToken);
            }

            if (Stopwatch.GetElapsedTime(from) > LongestAbsence)
            {
                throw new HttpRequestException($"The page could not be opened. {Standing}");
            }

            address = await server().WaitAsync(cancellationToken);
        }
    }

    private HttpClient Browser(Uri address) => new(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = _cookies }) { BaseAddress = address, Timeout = TimeSpan.FromSeconds(60) };
}
