using CoScientist.Core.Storage;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;

namespace CoScientist.Web.Accounts;

/// <summary>Wiring of accounts: Identity over the one database, cookies, roles, and the two form posts that are not pages.</summary>
internal static class AccountSetup
{
    /// <summary>Name of the cookie that holds the chosen theme.</summary>
    public const string ThemeCookie = "theme";

    /// <summary>Adds sign-in by cookie; without an account nothing but the sign-in pages answers.</summary>
    public static void AddAccounts(this IServiceCollection services)
    {
        services.AddCascadingAuthenticationState();
        services.AddScoped<AuthenticationStateProvider, AccountRevalidation>();
        services.AddScoped<AccessGuard>();
        services.AddSingleton<AccountStore>();
        services.AddSingleton<SetupCode>();
        services.AddAuthentication(IdentityConstants.ApplicationScheme).AddIdentityCookies(cookies => cookies.ApplicationCookie!.Configure(cookie =>
        {
            cookie.LoginPath = "/account/sign-in";
            cookie.AccessDeniedPath = "/account/denied";
            cookie.ReturnUrlParameter = "returnUrl";
        }));
        services.AddAuthorizationBuilder().SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build());
        services.Configure<SecurityStampValidatorOptions>(stamps => stamps.ValidationInterval = TimeSpan.FromMinutes(1));
        services.AddIdentityCore<Account>(identity =>
            {
                // Length and variety are what makes a password strong; forced character classes mostly make it forgotten.
                identity.Password.RequiredLength = 10;
                identity.Password.RequiredUniqueChars = 6;
                identity.Password.RequireDigit = false;
                identity.Password.RequireLowercase = false;
                identity.Password.RequireUppercase = false;
                identity.Password.RequireNonAlphanumeric = false;
                identity.Lockout.MaxFailedAccessAttempts = 5;
                identity.Lockout.DefaultLockoutTimeSpan = TimeSpan.FromMinutes(10);
            })
            .AddRoles<IdentityRole>()
            .AddEntityFrameworkStores<CoScientistDb>()
            .AddClaimsPrincipalFactory<AccountClaims>()
            .AddPasswordValidator<PasswordIsNotTheName>()
            .AddSignInManager()
            .AddDefaultTokenProviders();
    }

    /// <summary>Maps signing out and choosing the theme.</summary>
    public static void MapAccounts(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapPost("/account/sign-out", async (SignInManager<Account> signIn, [FromForm] string? returnUrl) =>
        {
            await signIn.SignOutAsync();
            return Results.LocalRedirect("/account/sign-in");
        });
        endpoints.MapPost("/account/theme", (HttpContext http, [FromForm] string? theme, [FromForm] string? returnUrl) =>
        {
            var cookie = new CookieOptions { MaxAge = TimeSpan.FromDays(365), HttpOnly = true, SameSite = SameSiteMode.Lax, IsEssential = true };
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

    private sealed class PasswordIsNotTheName : IPasswordValidator<Account>
    {
        public Task<IdentityResult> ValidateAsync(UserManager<Account> manager, Account user, string? password) =>
            Task.FromResult(password?.Contains(user.UserName ?? "\0", StringComparison.OrdinalIgnoreCase) == true
                ? IdentityResult.Failed(new IdentityError { Code = "PasswordHasName", Description = "The password must not contain the name." })
                : IdentityResult.Success);
    }
}
