using System.Security.Claims;
using CoScientist.Core.Storage;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.AspNetCore.Identity;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;

namespace CoScientist.Web.Accounts;

/// <summary>Single sign-on by OpenID Connect, section <c>CoScientist:SingleSignOn</c> of the configuration; off while <see cref="Authority"/> is empty.</summary>
internal sealed record SingleSignOnOptions
{
    /// <summary>Address of the provider, as its tokens name it. Must be https, save on this machine.</summary>
    public string Authority { get; init; } = "";

    /// <summary>Name under which the provider knows this application.</summary>
    public string ClientId { get; init; } = "";

    /// <summary>Environment variable that holds the secret; empty for a public client. The secret itself is never written into a file.</summary>
    public string ClientSecretVariable { get; init; } = "";

    /// <summary>What the button on the sign-in page says.</summary>
    public string Label { get; init; } = "Sign in with single sign-on";

    /// <summary>Scopes to ask for besides openid and profile.</summary>
    public IReadOnlyList<string> Scopes { get; init; } = [];

    /// <summary>Claim that gives a new account its name. Default preferred_username.</summary>
    public string NameClaim { get; init; } = "preferred_username";

    /// <summary>Claim whose values <see cref="Roles"/> speaks of. Default roles.</summary>
    public string RoleClaim { get; init; } = "roles";

    /// <summary>For each role the values of the claim that give it. Where any is set, the roles follow the claim at every sign-in.</summary>
    public IReadOnlyDictionary<string, string[]> Roles { get; init; } = new Dictionary<string, string[]>(StringComparer.Ordinal);

    /// <summary>Roles of new accounts to whom the claim gives none. Default none: such people are refused.</summary>
    public IReadOnlyList<string> DefaultRoles { get; init; } = [];

    /// <summary>Whether it is configured.</summary>
    public bool IsOn => Authority.Length > 0;

    /// <summary>Roles by the values of the claim; null where the claim does not decide.</summary>
    public IReadOnlyCollection<string>? RolesOf(ClaimsPrincipal user) => Roles.Count == 0 ? null
        : [.. Core.Storage.Roles.All.Where(role => Roles.TryGetValue(role, out var values) && user.FindAll(RoleClaim).Any(claim => values.Contains(claim.Value, StringComparer.Ordinal)))];
}

/// <summary>Wiring of single sign-on.</summary>
internal static class SingleSignOn
{
    private const string Scheme = "SingleSignOn";
    private const string Done = "/account/single-sign-on/done";

    /// <summary>Adds it where it is configured.</summary>
    /// <exception cref="InvalidDataException">The configuration is incomplete or wrong.</exception>
    public static void AddSingleSignOn(this WebApplicationBuilder builder)
    {
        var options = builder.Configuration.GetSection("CoScientist:SingleSignOn").Get<SingleSignOnOptions>() ?? new SingleSignOnOptions();
        builder.Services.AddSingleton(options);
        if (!options.IsOn)
        {
            return;
        }

        var (authority, secret) = Check(options);
        builder.Services.AddAuthentication().AddOpenIdConnect(Scheme, connect =>
        {
            connect.Authority = options.Authority;
            connect.RequireHttpsMetadata = !authority.IsLoopback;
            connect.ClientId = options.ClientId;
            connect.ClientSecret = secret;
            connect.SignInScheme = IdentityConstants.ExternalScheme;
            connect.CallbackPath = "/account/single-sign-on/back";

            // The code comes back by a plain redirection, for which cookies need not be sent across sites.
            connect.ResponseType = OpenIdConnectResponseType.Code;
            connect.ResponseMode = OpenIdConnectResponseMode.Query;
            connect.UsePkce = true;
            connect.NonceCookie.SameSite = connect.CorrelationCookie.SameSite = SameSiteMode.Lax;
            connect.NonceCookie.SecurePolicy = connect.CorrelationCookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
            connect.MapInboundClaims = false;
            connect.SaveTokens = false;
            connect.DisableTelemetry = true;
            connect.BackchannelHttpHandler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false };
            connect.Scope.Clear();
            foreach (var scope in (string[])["openid", "profile", .. options.Scopes])
            {
                connect.Scope.Add(scope);
            }

            connect.Events.OnRemoteFailure = context =>
            {
                context.HandleResponse();
                context.Response.Redirect("/account/sign-in?fault=failed");
                return Task.CompletedTask;
            };
        });
    }

    /// <summary>Maps the way to the provider and the way back, where it is configured.</summary>
    public static void MapSingleSignOn(this IEndpointRouteBuilder endpoints)
    {
        var options = endpoints.ServiceProvider.GetRequiredService<SingleSignOnOptions>();
        if (!options.IsOn)
        {
            return;
        }

        endpoints.MapGet("/account/single-sign-on", (SignInManager<Account> signIn, string? returnUrl) => Results.Challenge(
            signIn.ConfigureExternalAuthenticationProperties(Scheme, $"{Done}?returnUrl={Uri.EscapeDataString(AccountSetup.LocalAddress(returnUrl))}"), [Scheme])).AllowAnonymous();
        endpoints.MapGet(Done, async (HttpContext http, SignInManager<Account> signIn, AccountStore accounts, string? returnUrl, CancellationToken cancellationToken) =>
        {
            if (await signIn.GetExternalLoginInfoAsync() is not { } info)
            {
                return Results.LocalRedirect("/account/sign-in?fault=failed");
            }

            var person = new ExternalPerson(options.Authority, info.ProviderKey, info.Principal.FindFirstValue(options.NameClaim) ?? info.ProviderKey, options.RolesOf(info.Principal), options.DefaultRoles);
            await http.SignOutAsync(IdentityConstants.ExternalScheme);
            try
            {
                await accounts.MeetAsync(person, cancellationToken);
            }
            catch (AccountException)
            {
                return Results.LocalRedirect("/account/sign-in?fault=refused");
            }

            var result = await signIn.ExternalLoginSignInAsync(person.Provider, person.Key, isPersistent: false, bypassTwoFactor: false);
            return Results.LocalRedirect(
                result.Succeeded ? AccountSetup.LocalAddress(returnUrl)
                : result.RequiresTwoFactor ? $"/account/code?returnUrl={Uri.EscapeDataString(AccountSetup.LocalAddress(returnUrl))}"
                : "/account/sign-in?fault=refused");
        }).AllowAnonymous();
    }

    private static (Uri Authority, string? Secret) Check(SingleSignOnOptions options)
    {
        if (!Uri.TryCreate(options.Authority, UriKind.Absolute, out var authority) || (authority.Scheme != Uri.UriSchemeHttps && !(authority.IsLoopback && authority.Scheme == Uri.UriSchemeHttp)))
        {
            throw new InvalidDataException($"CoScientist:SingleSignOn:Authority is '{options.Authority}'; it must be an https address.");
        }

        if (options.ClientId.Length == 0)
        {
            throw new InvalidDataException("CoScientist:SingleSignOn needs a ClientId: the name under which the provider knows this application.");
        }

        if (options.Roles.Keys.Concat(options.DefaultRoles).FirstOrDefault(role => !Roles.All.Contains(role)) is { } unknown)
        {
            throw new InvalidDataException($"CoScientist:SingleSignOn speaks of a role '{unknown}'; there are {string.Join(", ", Roles.All)}.");
        }

        return (authority, options.ClientSecretVariable.Length == 0 ? null : Environment.GetEnvironmentVariable(options.ClientSecretVariable)
            ?? throw new InvalidDataException($"CoScientist:SingleSignOn takes its secret from the environment variable {options.ClientSecretVariable}, which is not set. Set it and start again."));
    }
}
