using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace CoScientist.Tests.Shared;

/// <summary>A wire to a server that can be cut: connections break off, new ones are refused, until it is mended.</summary>
internal sealed class CutWire : IAsyncDisposable
{
    private readonly Uri _server;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<TcpClient> _ends = [];
    private readonly Task _accepting;
    private volatile bool _isCut;

    public CutWire(string server)
    {
        _server = new Uri(server);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Where the browser calls.</summary>
    public string Address => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    public void Cut()
    {
        _isCut = true;
        while (_ends.TryTake(out var end))
        {
            end.Dispose();
        }
    }

    public void Mend() => _isCut = false;

    public async ValueTask DisposeAsync()
    {
        Cut();
        _listener.Dispose();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = CarryAsync(await _listener.AcceptTcpClientAsync());
            }
        }
        catch (Exception closed) when (closed is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task CarryAsync(TcpClient browser)
    {
        using var server = new TcpClient();
        using (browser)
        {
            try
            {
                if (_isCut)
                {
                    return;
                }

                await server.ConnectAsync(_server.Host, _server.Port);
                _ends.Add(browser);
                _ends.Add(server);
                var (there, back) = (browser.GetStream(), server.GetStream());
                await Task.WhenAny(there.CopyToAsync(back), back.CopyToAsync(there));
            }
            catch (Exception broken) when (broken is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
            {
                // One end is gone, and the other with it.
            }
        }
    }
}
