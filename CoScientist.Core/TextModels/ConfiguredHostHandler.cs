namespace CoScientist.Core.TextModels;

/// <summary>A request and its answer, for people who look for a fault.</summary>
/// <param name="Address">Where it went.</param>
/// <param name="Request">Its body.</param>
/// <param name="Status">HTTP status; 0 when there was no answer.</param>
/// <param name="Answer">The answer's body; empty when there was none.</param>
public sealed record HttpExchange(string Address, string Request, int Status, string Answer);

/// <summary>Sends requests to the one host that a user has configured, and nowhere else: redirections are not followed. An answer is read whole, up to a bound.</summary>
/// <param name="endpoint">Address of the configured server.</param>
internal sealed class ConfiguredHostHandler(Uri endpoint) : DelegatingHandler(Shared)
{
    private const int LargestAnswer = 32 << 20;

    // One pool of connections for all servers; a name that moves to another machine is looked up again.
    private static readonly SocketsHttpHandler Shared = new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(15),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        MaxConnectionsPerServer = 256,
    };

    public HttpExchange? LastExchange { get; private set; }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (request.RequestUri is not { } address || address.GetLeftPart(UriPartial.Authority) != endpoint.GetLeftPart(UriPartial.Authority))
        {
            throw new InvalidOperationException($"A request to {request.RequestUri} was stopped: only {endpoint} is configured.");
        }

        var sent = request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken);
        LastExchange = new HttpExchange(address.ToString(), sent, 0, "");
        var response = await base.SendAsync(request, cancellationToken);
        try
        {
            await response.Content.LoadIntoBufferAsync(LargestAnswer, cancellationToken);
            LastExchange = LastExchange with { Status = (int)response.StatusCode, Answer = await response.Content.ReadAsStringAsync(cancellationToken) };
            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    // The handler behind is shared and outlives this one.
    protected override void Dispose(bool disposing)
    {
    }
}
