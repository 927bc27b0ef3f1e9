using System.Net;
using CoScientist.Core.Storage;
using CoScientist.Web.Commands;

namespace CoScientist.Web.Operation;

/// <summary>What those need who keep the server running: health, logs, metrics, and an end in good time.</summary>
internal static class OperationSetup
{
    /// <summary>How long an end may take, a little less than what service managers wait for.</summary>
    private static readonly TimeSpan s_end = TimeSpan.FromSeconds(9);

    /// <summary>Adds the services, and the logs as <c>CoScientist:Logs</c> asks: <c>text</c> (the default) or <c>json</c>, one object a line.</summary>
    /// <exception cref="CommandException">The setting is neither.</exception>
    public static void AddOperation(this WebApplicationBuilder builder)
    {
        switch (builder.Configuration["CoScientist:Logs"]?.ToLowerInvariant())
        {
            case null or "" or "text":
                break;
            case "json":
                builder.Logging.ClearProviders();
                builder.Logging.AddJsonConsole(json =>
                {
                    json.UseUtcTimestamp = true;
                    json.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
                });
                break;
            case { } other:
                throw new CommandException($"CoScientist:Logs is \"{other}\": set it to text or json.");
        }

        builder.Services.Configure<HostOptions>(host =>
        {
            host.ShutdownTimeout = s_end;
            host.ServicesStopConcurrently = true;
        });
        builder.Services.AddSingleton<Health>();
        builder.Services.AddSingleton<OperationStatus>();
        builder.Services.AddSingleton<ApplicationMeters>();
        builder.Services.AddSingleton<MetricsText>();
        builder.Services.AddHostedService(services => services.GetRequiredService<MetricsText>());
    }

    /// <summary>Adds <c>/healthz</c>, <c>/readyz</c>, the file of the audit trail, and <c>/metrics</c>, which administrators may read, and whoever asks from an address in <c>CoScientist:Metrics:Addresses</c>.</summary>
    /// <exception cref="CommandException">An address of the setting is none.</exception>
    public static void MapOperation(this WebApplication app)
    {
        Health.Map(app);
        app.MapAudit();
        var allowed = Addresses(app.Configuration["CoScientist:Metrics:Addresses"]);
        app.MapGet("/metrics", async (HttpContext http, ApplicationMeters meters, MetricsText text, CancellationToken cancellationToken) =>
        {
            if (!http.User.IsInRole(Roles.Administrator) && !IsIn(http.Connection.RemoteIpAddress, allowed))
            {
                return Results.StatusCode(StatusCodes.Status403Forbidden);
            }

            http.Response.Headers.CacheControl = "no-store";
            await meters.ReadAsync(cancellationToken);
            return Results.Text(text.Write(), "text/plain; version=0.0.4; charset=utf-8");
        }).AllowAnonymous();
    }

    /// <summary>Networks of a setting: addresses and ranges like 10.0.0.0/8, separated by commas.</summary>
    /// <exception cref="CommandException">One is neither.</exception>
    internal static IReadOnlyList<IPNetwork> Addresses(string? setting) =>
        [.. (setting ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(part =>
            IPNetwork.TryParse(part, out var network) ? network
            : IPAddress.TryParse(part, out var address) ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
            : throw new CommandException($"CoScientist:Metrics:Addresses: \"{part}\" is no address: give addresses or ranges like 10.0.0.0/8, separated by commas."))];

    internal static bool IsIn(IPAddress? address, IReadOnlyList<IPNetwork> networks)
    {
        var plain = address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address;
        return plain is not null && networks.Any(network => network.BaseAddress.AddressFamily == plain.AddressFamily && network.Contains(plain));
    }
}
