using System.Net;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace CoScientist.Web.Configuration;

/// <summary>What answers say to browsers, what is believed of proxies, and how much a request may bring.</summary>
internal static class Hardening
{
    /// <summary>Configuration of the proxies before the server: addresses, or networks such as 10.0.0.0/8.</summary>
    public const string ProxiesKey = "CoScientist:Proxies";

    /// <summary>Largest body of a request. Files come over the page's connection, with bounds of their own.</summary>
    private const long LargestBody = 4 << 20;

    /// <summary>
    /// Everything comes from this server, no script, style sheet or style attribute stands in a page, nobody frames a page. Places of
    /// marks in charts are attributes of SVG, or classes of places.css.
    /// </summary>
    private const string ContentPolicy = "default-src 'self'; script-src 'self'; script-src-attr 'none'; style-src 'self'; style-src-attr 'none'; img-src 'self' data:; "
        + "object-src 'none'; frame-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

    /// <summary>Devices that no page asks for.</summary>
    private const string Permissions = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), hid=(), midi=(), display-capture=(), browsing-topics=()";

    /// <summary>Adds it.</summary>
    /// <exception cref="InvalidDataException">A proxy is neither an address nor a network.</exception>
    public static void AddHardening(this WebApplicationBuilder builder)
    {
        var proxies = Proxies(builder.Configuration);

        // After all else, also after ASPNETCORE_FORWARDEDHEADERS_ENABLED, which would believe everybody.
        builder.Services.PostConfigure<ForwardedHeadersOptions>(forwarded =>
        {
            forwarded.KnownProxies.Clear();
            forwarded.KnownIPNetworks.Clear();
            forwarded.ForwardedHeaders = proxies.Count == 0 ? ForwardedHeaders.None : ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto;

            // As many as are known in a row.
            forwarded.ForwardLimit = null;
            foreach (var proxy in proxies)
            {
                forwarded.KnownIPNetworks.Add(proxy);
            }
        });
        builder.Services.AddHsts(hsts => hsts.MaxAge = TimeSpan.FromDays(365));
        builder.Services.AddAntiforgery(forms =>
        {
            forms.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;

            // The policy below says it, for all answers.
            forms.SuppressXFrameOptionsHeader = true;
        });
        builder.Services.Configure<KestrelServerOptions>(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = LargestBody;
        });
    }

    /// <summary>Uses it; first of all, since what comes after asks who calls and by which scheme.</summary>
    public static void UseForwarding(this WebApplication app)
    {
        app.UseForwardedHeaders();

        // Only over https, and never for localhost.
        app.UseHsts();
    }

    /// <summary>Adds the headers to every answer; after what handles faults, which clears them.</summary>
    public static void UseHeaders(this WebApplication app) => app.Use((http, next) =>
    {
        var headers = http.Response.Headers;
        headers.ContentSecurityPolicy = ContentPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "same-origin";
        headers["Permissions-Policy"] = Permissions;
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        return next(http);
    });

    private static List<System.Net.IPNetwork> Proxies(IConfiguration configuration)
    {
        var proxies = new List<System.Net.IPNetwork>();
        foreach (var proxy in configuration.GetSection(ProxiesKey).Get<string[]>() ?? [])
        {
            if (IPAddress.TryParse(proxy, out var address))
            {
                proxies.Add(new System.Net.IPNetwork(address, address.GetAddressBytes().Length * 8));
            }
            else if (System.Net.IPNetwork.TryParse(proxy, out var network))
            {
                proxies.Add(network);
            }
            else
            {
                throw new InvalidDataException($"{ProxiesKey} has '{proxy}', which is neither an address (10.0.0.1) nor a network (10.0.0.0/8). Correct it in appsettings.json or the environment.");
            }
        }

        return proxies;
    }
}
