using System.Text;
using Microsoft.Playwright;

namespace CoScientist.Tests.Browser;

/// <summary>What a page and its circuit say to each other, in the hands of a test: it can hold the circuit's start back, and cut the line.</summary>
internal sealed class CircuitConnection
{
    private static readonly byte[] s_takesOver = Encoding.UTF8.GetBytes("attachWebRendererInterop");

    private readonly Lock gate = new();
    private readonly List<Action> kept = [];
    private TaskCompletionSource? arrived;
    private IWebSocketRoute? socket;
    private bool holds;

    /// <summary>Takes the connections of a page that are made from now on.</summary>
    public static async Task<CircuitConnection> OfAsync(IPage page)
    {
        var connection = new CircuitConnection();
        await page.RouteWebSocketAsync("**/_blazor**", connection.Route);
        return connection;
    }

    /// <summary>From now on the page does not hear that its circuit takes over, nor anything after that.</summary>
    /// <returns>Done when the circuit has tried.</returns>
    public Task Hold()
    {
        lock (gate)
        {
            (arrived, holds) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), false);
            return arrived.Task;
        }
    }

    /// <summary>The page hears what was held back.</summary>
    public void Release()
    {
        lock (gate)
        {
            (arrived, holds) = (null, false);
            kept.ForEach(send => send());
            kept.Clear();
        }
    }

    /// <summary>The line breaks.</summary>
    public Task CutAsync() => socket!.CloseAsync();

    private void Route(IWebSocketRoute opened)
    {
        socket = opened;
        opened.ConnectToServer().OnMessage(message =>
        {
            lock (gate)
            {
                if (arrived is not null && message.Binary?.AsSpan().IndexOf(s_takesOver) >= 0)
                {
                    holds = true;
                    arrived.TrySetResult();
                }

                if (holds)
                {
                    kept.Add(() => Send(opened, message));
                }
                else
                {
                    Send(opened, message);
                }
            }
        });
    }

    private static void Send(IWebSocketRoute socket, IWebSocketFrame message)
    {
        if (message.Binary is { } bytes)
        {
            socket.Send(bytes);
        }
        else
        {
            socket.Send(message.Text!);
        }
    }
}
