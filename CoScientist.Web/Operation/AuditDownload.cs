using System.Text;
using CoScientist.Core.Interchange;
using CoScientist.Core.Storage;
using CoScientist.Web.ViewModels;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.Features;

namespace CoScientist.Web.Operation;

/// <summary>The audit trail as a file: <c>/admin/audit.csv</c>, with the filter of the page.</summary>
internal static class AuditDownload
{
    private static readonly string[] s_columns = ["at", "by", "kind", "what", "about", "link"];

    /// <summary>Maps it for administrators.</summary>
    public static void MapAudit(this IEndpointRouteBuilder endpoints) =>
        endpoints.MapGet("/admin/audit.csv", (HttpContext http, AuditTrail trail, string? q, string? by, string? kind, string? from, string? to) =>
        {
            var filter = AuditWords.Filter(q, by, kind, from, to);

            // Written as it is read: a trail of years needs no memory.
            http.Features.Get<IHttpBodyControlFeature>()!.AllowSynchronousIO = true;
            return Results.Stream(
                target =>
                {
                    using var writer = new StreamWriter(target, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true);
                    SafeCsv.Write(writer, s_columns, trail.All(filter).Select(entry => (IReadOnlyList<object?>)[entry.At, entry.By, entry.Kind.ToString(), entry.What, entry.About, entry.Link]));
                    return Task.CompletedTask;
                },
                "text/csv; charset=utf-8",
                "audit.csv");
        }).RequireAuthorization(new AuthorizeAttribute { Roles = Roles.Administrator }).RecordsExports();
}
