using System.Net;
using System.Net.Sockets;

namespace CoScientist.Tests.Load;

/// <summary>Ports for servers that must come back at the same address: below those that the system gives to outgoing connections, which could take them meanwhile.</summary>
internal static class LoopbackPort
{
    private const int First = 10_000;
    private const int Count = 20_000;
    private static int s_next = Environment.ProcessId * 61 % Count;

    /// <summary>One on which nobody listens; never the same twice.</summary>
    public static int Take()
    {
        while (true)
        {
            var port = First + (int)((uint)Interlocked.Increment(ref s_next) % Count);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Taken.
            }
        }
    }
}
