using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.WebSockets;

namespace CoScientist.Tests.Load;

/// <summary>A connection to the hub of the circuits: a WebSocket, calls in both directions, and signs of life. It can be cut as a network does.</summary>
internal sealed class CircuitConnection : IAsyncDisposable
{
    private static readonly TimeSpan SignOfLife = TimeSpan.FromSeconds(10);

    // Nobody waits longer for a page.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ClientWebSocket _socket = new();
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly ConcurrentDictionary<string, TaskCompletionSource<object?>> _calls = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _end = new();
    private readonly Func<string, object?[], Task> _called;
    private Task _living = Task.CompletedTask;
    private int _lastCall;
    private int _disposed;

    private CircuitConnection(Func<string, object?[], Task> called) => _called = called;

    /// <summary>Ends, never with an error, when the connection does.</summary>
    public Task Ended { get; private set; } = Task.CompletedTask;

    /// <summary>Connects.</summary>
    /// <param name="server">Address of the server.</param>
    /// <param name="cookies">Who it is.</param>
    /// <param name="called">Called by the server, one call after the other: target and arguments.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="WebSocketException">The server does not answer.</exception>
    public static async Task<CircuitConnection> OpenAsync(Uri server, CookieContainer cookies, Func<string, object?[], Task> called, CancellationToken cancellationToken)
    {
        var connection = new CircuitConnection(called);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            connection._socket.Options.Cookies = cookies;
            await connection._socket.ConnectAsync(new UriBuilder(server) { Scheme = "ws", Path = "/_blazor" }.Uri, patience.Token);
            await connection._socket.SendAsync(BlazorPack.Handshake, WebSocketMessageType.Text, endOfMessage: true, patience.Token);
            var answer = new byte[256];
            var read = await connection._socket.ReceiveAsync(answer.AsMemory(), patience.Token);
            if (!answer.AsSpan(0, read.Count).SequenceEqual("{}\u001e"u8))
            {
                throw new WebSocketException("The hub refused: " + System.Text.Encoding.UTF8.GetString(answer, 0, read.Count));
            }

            connection.Ended = connection.ReceiveAsync();
            connection._living = connection.LiveAsync();
            return connection;
        }
        catch (OperationCanceledException late) when (!cancellationToken.IsCancellationRequested)
        {
            await connection.DisposeAsync();
            throw new WebSocketException("The server took too long to open a connection.", late);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Calls the server and waits for no answer.</summary>
    /// <exception cref="WebSocketException">The connection has ended.</exception>
    public Task SendAsync(string target, params ReadOnlySpan<object?> arguments) => SendAsync(BlazorPack.Call(id: null, target, arguments));

    /// <summary>Calls the server and returns its answer.</summary>
    /// <exception cref="WebSocketException">The connection ended before, or the server refused.</exception>
    public Task<object?> InvokeAsync(string target, params ReadOnlySpan<object?> arguments)
    {
        var id = Interlocked.Increment(ref _lastCall).ToString(CultureInfo.InvariantCulture);
        return AnswerAsync(id, target, BlazorPack.Call(id, target, arguments));
    }

    /// <summary>The network goes away: nothing more is sent or received, and nobody is told.</summary>
    public void Cut() => _socket.Abort();

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
        {
            return;
        }

        await _end.CancelAsync();
        _socket.Abort();
        await Ended;
        await _living;
        _socket.Dispose();
        _end.Dispose();
        _sending.Dispose();
    }

    private async Task<object?> AnswerAsync(string id, string target, ReadOnlyMemory<byte> call)
    {
        var answer = _calls[id] = new TaskCompletionSource<object?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await SendAsync(call);
        await Task.WhenAny(answer.Task, Ended, Task.Delay(Patience, _end.Token));
        return answer.Task.IsCompleted ? await answer.Task : throw new WebSocketException(Ended.IsCompleted ? "The connection ended before the answer came." : $"The server did not answer {target}.");
    }

    private async Task SendAsync(ReadOnlyMemory<byte> message)
    {
        try
        {
            await _sending.WaitAsync(_end.Token);
            try
            {
                await _socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, _end.Token);
            }
            finally
            {
                _sending.Release();
            }
        }
        catch (Exception gone) when (gone is OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            throw new WebSocketException("The connection has ended.", gone);
        }
    }

    private async Task LiveAsync()
    {
        try
        {
            using var timer = new PeriodicTimer(SignOfLife);
            while (!Ended.IsCompleted && await timer.WaitForNextTickAsync(_end.Token))
            {
                await SendAsync(BlazorPack.Ping);
            }
        }
        catch (Exception gone) when (gone is OperationCanceledException or WebSocketException)
        {
            // It has ended.
        }
    }

    private async Task ReceiveAsync()
    {
        var buffer = new byte[16 * 1024];
        var filled = 0;
        try
        {
            while (true)
            {
                if (filled == buffer.Length)
                {
                    Array.Resize(ref buffer, 2 * buffer.Length);
                }

                var read = await _socket.ReceiveAsync(buffer.AsMemory(filled), _end.Token);
                if (read.MessageType == WebSocketMessageType.Close)
                {
                    return;
                }

                filled += read.Count;
                var messages = Take(buffer, ref filled);
                foreach (var message in messages)
                {
                    if (message is [BlazorPack.Close, ..])
                    {
                        return;
                    }

                    await HandleAsync(message);
                }
            }
        }
        catch (Exception gone) when (gone is OperationCanceledException or WebSocketException or ObjectDisposedException or InvalidOperationException)
        {
            // Cut, or the server is dead.
        }
    }

    private static List<object?[]> Take(byte[] buffer, ref int filled)
    {
        ReadOnlySpan<byte> rest = buffer.AsSpan(0, filled);
        var messages = new List<object?[]>();
        while (BlazorPack.TryRead(ref rest, out var message))
        {
            messages.Add(message);
        }

        rest.CopyTo(buffer);
        filled = rest.Length;
        return messages;
    }

    private Task HandleAsync(object?[] message)
    {
        switch (message)
        {
            case [BlazorPack.Invocation, _, _, string target, object?[] arguments, ..]:
                return _called(target, arguments);
            case [BlazorPack.Completion, _, string id, long kind, .. var result] when _calls.TryRemove(id, out var call):
                // 1 is an error, 2 nothing, 3 a result.
                _ = kind == 1 ? call.TrySetException(new WebSocketException($"The server refused: {result[0]}")) : call.TrySetResult(result is [var value, ..] ? value : null);
                return Task.CompletedTask;
            default:
                return Task.CompletedTask;
        }
    }
}
