using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace CoScientist.Tests.Shared;

/// <summary>A provider of single sign-on (OpenID Connect, code flow with PKCE) on a free loopback port, which lets everybody in as who <see cref="Person"/> says.</summary>
public sealed class StandInProvider : IAsyncDisposable
{
    public const string ClientId = "coscientist";

    private readonly WebApplication _app;
    private readonly RSA _key = RSA.Create(2048);
    private readonly ConcurrentDictionary<string, (string Nonce, string Challenge)> _codes = new(StringComparer.Ordinal);

    private StandInProvider(WebApplication app) => _app = app;

    /// <summary>Its address.</summary>
    public string Authority => _app.Urls.Single();

    /// <summary>Claims of who signs in next.</summary>
    public IReadOnlyList<Claim> Person { get; set; } = [];

    /// <summary>Whether the next token is for somebody else's application.</summary>
    public string Audience { get; set; } = ClientId;

    public static async Task<StandInProvider> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var provider = new StandInProvider(builder.Build());
        provider._app.MapGet("/.well-known/openid-configuration", provider.Describe);
        provider._app.MapGet("/keys", provider.Keys);
        provider._app.MapGet("/authorize", provider.Authorize);
        provider._app.MapPost("/token", (Delegate)provider.TokenAsync);
        await provider._app.StartAsync();
        return provider;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _key.Dispose();
    }

    private IResult Describe() => Results.Json(new Dictionary<string, object>(StringComparer.Ordinal)
    {
        ["issuer"] = Authority,
        ["authorization_endpoint"] = Authority + "/authorize",
        ["token_endpoint"] = Authority + "/token",
        ["jwks_uri"] = Authority + "/keys",
        ["response_types_supported"] = new[] { "code" },
        ["subject_types_supported"] = new[] { "public" },
        ["id_token_signing_alg_values_supported"] = new[] { "RS256" },
    });

    private IResult Keys()
    {
        var parameters = _key.ExportParameters(includePrivateParameters: false);
        return Results.Json(new { keys = new[] { new { kty = "RSA", use = "sig", alg = "RS256", kid = "one", n = WebEncoders.Base64UrlEncode(parameters.Modulus!), e = WebEncoders.Base64UrlEncode(parameters.Exponent!) } } });
    }

    private IResult Authorize(string client_id, string redirect_uri, string response_type, string scope, string state, string nonce, string code_challenge, string code_challenge_method)
    {
        if ((client_id, response_type, code_challenge_method) != (ClientId, "code", "S256") || !scope.Contains("openid", StringComparison.Ordinal))
        {
            return Results.BadRequest();
        }

        var code = Guid.NewGuid().ToString("N");
        _codes[code] = (nonce, code_challenge);
        return Results.Redirect(QueryHelpers.AddQueryString(redirect_uri, new Dictionary<string, string?>(StringComparer.Ordinal) { ["code"] = code, ["state"] = state }));
    }

    private async Task<IResult> TokenAsync(HttpContext http)
    {
        var form = await http.Request.ReadFormAsync();
        if (!_codes.TryRemove(form["code"].ToString(), out var asked) || WebEncoders.Base64UrlEncode(SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"].ToString()))) != asked.Challenge)
        {
            return Results.BadRequest(new { error = "invalid_grant" });
        }

        var token = new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
        {
            Issuer = Authority,
            Audience = Audience,
            Subject = new ClaimsIdentity([.. Person, new Claim("nonce", asked.Nonce)]),
            IssuedAt = DateTime.UtcNow,
            Expires = DateTime.UtcNow.AddMinutes(5),
            SigningCredentials = new SigningCredentials(new RsaSecurityKey(_key) { KeyId = "one" }, SecurityAlgorithms.RsaSha256),
        });
        return Results.Json(new Dictionary<string, object>(StringComparer.Ordinal) { ["access_token"] = "access", ["token_type"] = "Bearer", ["id_token"] = token, ["expires_in"] = 300.ToString(CultureInfo.InvariantCulture) });
    }
}
