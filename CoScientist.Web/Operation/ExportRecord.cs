using System.Security.Claims;
using CoScientist.Core.Storage;

namespace CoScientist.Web.Operation;

/// <summary>Writes downloads of data into the audit trail. Pictures of what pages show are none.</summary>
internal static class ExportRecord
{
    /// <summary>Records every answer of an endpoint that gives something out.</summary>
    public static TBuilder RecordsExports<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder => endpoint.AddEndpointFilter(async (context, next) =>
    {
        var result = await next(context);
        var http = context.HttpContext;
        var path = http.Request.Path.Value ?? "";
        if (result is not IStatusCodeHttpResult { StatusCode: >= 400 } && !path.EndsWith(".svg", StringComparison.OrdinalIgnoreCase))
        {
            var trail = http.RequestServices.GetRequiredService<AuditTrail>();
            await trail.RecordAsync(http.User.FindFirstValue(ClaimTypes.NameIdentifier), AuditKind.Export, path.TrimStart('/'), "downloaded it", path.TrimStart('/').Split('/') is [var area, var name, ..] ? $"{area}/{Uri.EscapeDataString(name)}" : null, CancellationToken.None);
        }

        return result;
    });
}
