using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;
using CoScientist.Web.Instances;

namespace CoScientist.Web.Accounts;

/// <summary>
/// Bounds how often one address may guess: passwords, codes and secrets of links. Only what fails is counted, so that a whole
/// institute behind one address can sign in at once; single accounts lock besides.
/// </summary>
internal sealed class AttemptLimits : IDisposable
{
    /// <summary>Failures of one address within <see cref="Window"/>.</summary>
    public const int Failures = 20;

    /// <summary>How long failures count.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    /// <summary>What is said to who has used them up.</summary>
    public const string Refusal = "Too many attempts have failed from your address. Wait a minute, then try again.";

    private readonly PartitionedRateLimiter<string> _failures = PartitionedRateLimiter.Create<string, string>(address =>
        RateLimitPartition.GetFixedWindowLimiter(address, _ => new FixedWindowRateLimiterOptions { PermitLimit = Failures, Window = Window }));

    /// <summary>Whether the caller may try. Where it may not, the answer gets the status 429.</summary>
    public bool Allows(HttpContext http)
    {
        using var asked = _failures.AttemptAcquire(Address(http), 0);
        if (asked.IsAcquired)
        {
            return true;
        }

        http.Response.StatusCode = StatusCodes.Status429TooManyRequests;
        http.Response.Headers.RetryAfter = "60";
        return false;
    }

    /// <summary>Counts a failed attempt, in other instances too.</summary>
    public void CountFailure(HttpContext http)
    {
        _failures.AttemptAcquire(Address(http)).Dispose();
        http.RequestServices.GetService<InstanceNews>()?.TellFailure(Address(http));
    }

    /// <summary>Counts a failed attempt in another instance.</summary>
    public void Hear(string address) => _failures.AttemptAcquire(address).Dispose();

    public void Dispose() => _failures.Dispose();

    // A subscriber has a whole /64 of the newer addresses.
    private static string Address(HttpContext http) => http.Connection.RemoteIpAddress switch
    {
        null => "",
        { AddressFamily: AddressFamily.InterNetworkV6, IsIPv4MappedToIPv6: false } address => Convert.ToHexString(address.GetAddressBytes().AsSpan(0, 8)),
        { IsIPv4MappedToIPv6: true } address => address.MapToIPv4().ToString(),
        IPAddress address => address.ToString(),
    };
}
