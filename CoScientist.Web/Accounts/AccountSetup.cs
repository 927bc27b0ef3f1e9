using System.Security.Claims;
using CoScientist.Core.Storage;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server.Circuits;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;

namespace CoScientist.Web.Accounts;

/// <summary>Wiring of accounts: Identity over the one database, cookies, roles, and the two form posts that are not pages.</summary>
internal static class AccountSetup
{
    /// <summary>Name of the cookie that holds the chosen theme.</summary>
    public const string ThemeCookie = "theme";

    /// <summary>Adds what changes accounts, for pages and verbs alike.</summary>
    public static IServiceCollection AddAccountStore(this IServiceCollection services)
    {
        services.AddSingleton<AccountStore>();
        services.AddSingleton<Sessions>();
        services.AddIdentityCore<Account>(identity =>
            {
                // PasswordRules says what a password must be, in one sentence.
                identity.Password.RequiredLength = 1;
                identity.Password.RequiredUniqueChars = 1;
                identity.Password.RequireDigit = false;
                identity.Password.RequireLowercase = false;
                identity.Password.RequireUppercase = false;
                identity.Password.RequireNonAlphanumeric = false;
                identity.Lockout.MaxFailedAccessAttempts = 5;
                identity.Lockout.DefaultLockoutTimeSpan = TimeSpan.FromMinutes(10);
            })
            .AddRoles<IdentityRole>()
            .AddEntityFrameworkStores<CoScientistDb>()
            .AddUserStore<AccountRecords>()
            .AddClaimsPrincipalFactory<AccountClaims>()
            .AddPasswordValidator<PasswordRules>()
            .AddDefaultTokenProviders()
            .AddTokenProvider<OnceAuthenticator>(TokenOptions.DefaultAuthenticatorProvider);
        return services;
    }

    /// <summary>Adds sign-in by cookie; without an account nothing but the sign-in pages answers.</summary>
    public static void AddAccounts(this IServiceCollection services)
    {
        services.AddCascadingAuthenticationState();
        services.AddScoped<AuthenticationStateProvider, AccountRevalidation>();
        services.AddScoped<CircuitHandler, AccountRevalidation.Opening>();
        services.AddScoped<AccessGuard>();
        services.AddSingleton<SetupCode>();
        services.AddSingleton<AttemptLimits>();
        new IdentityBuilder(typeof(Account), typeof(IdentityRole), services).AddSignInManager<RecordedSignIn>();
        services.AddAuthentication(IdentityConstants.ApplicationScheme).AddIdentityCookies(cookies => cookies.ApplicationCookie!.Configure(cookie =>
        {
            cookie.LoginPath = "/account/sign-in";
            cookie.AccessDeniedPath = "/account/denied";
            cookie.ReturnUrlParameter = "returnUrl";
            cookie.Events.OnValidatePrincipal = ValidateAsync;
        }));
        services.AddAuthorizationBuilder().SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build());
    }

    /// <summary>Maps signing out and choosing the theme.</summary>
    public static void MapAccounts(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapPost("/account/sign-out", async (HttpContext http, SignInManager<Account> signIn, Sessions sessions, AuditTrail trail, [FromForm] string? returnUrl) =>
        {
            await signIn.SignOutAsync();
            if (http.User.FindFirstValue(ClaimTypes.NameIdentifier) is { } account)
            {
                await trail.RecordAsync(account, AuditKind.SignIn, http.User.Identity?.Name ?? "", "signed out", "admin", CancellationToken.None);
            }

            if (http.User.FindFirstValue(Sessions.SessionClaim) is { } session)
            {
                sessions.Announce(session);
            }

            return Results.LocalRedirect("/account/sign-in");
        });
        endpoints.MapPost("/account/theme", (HttpContext http, [FromForm] string? theme, [FromForm] string? returnUrl) =>
        {
            var cookie = new CookieOptions { MaxAge = TimeSpan.FromDays(365), HttpOnly = true, SameSite = SameSiteMode.Lax, IsEssential = true, Secure = http.Request.IsHttps };
            if (theme is "light" or "dark")
            {
                http.Response.Cookies.Append(ThemeCookie, theme, cookie);
            }
            else
            {
                http.Response.Cookies.Delete(ThemeCookie);
            }

            return Results.LocalRedirect(LocalAddress(returnUrl));
        }).AllowAnonymous();
    }

    /// <summary>The address when it is one of this server, else the start page: sign-in must not send people elsewhere.</summary>
    public static string LocalAddress(string? address) =>
        address is ['/', ..] && address is not ['/', '/' or '\\', ..] && !address.Any(char.IsControl) ? address : "/";

    // At every request, without writing the cookie anew: one that is renewed while somebody signs out would sign in again.
    private static async Task ValidateAsync(Microsoft.AspNetCore.Authentication.Cookies.CookieValidatePrincipalContext context)
    {
        var sessions = context.HttpContext.RequestServices.GetRequiredService<Sessions>();
        if (await sessions.CurrentAsync(context.Principal ?? Sessions.Nobody, context.HttpContext.RequestAborted) is { } now)
        {
            context.ReplacePrincipal(now);
        }
        else
        {
            context.RejectPrincipal();
            await context.HttpContext.SignOutAsync(IdentityConstants.ApplicationScheme);
        }
    }
}
