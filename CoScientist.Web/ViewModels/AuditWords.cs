using System.Globalization;
using CoScientist.Core.Storage;

namespace CoScientist.Web.ViewModels;

/// <summary>Words of the audit trail, and what its addresses ask for.</summary>
internal static class AuditWords
{
    /// <summary>How addresses name the server itself, which has no name.</summary>
    public const string Server = "*";

    /// <summary>Who did it.</summary>
    public static string Who(string by) => by.Length > 0 ? by : "the server";

    /// <summary>The kind.</summary>
    public static string Kind(AuditKind kind) => kind switch
    {
        AuditKind.SignIn => "signing in",
        AuditKind.Account => "accounts",
        AuditKind.ModelServer => "model servers",
        AuditKind.Study => "studies",
        AuditKind.Run => "runs",
        AuditKind.Model => "models",
        AuditKind.Library => "library",
        AuditKind.Export => "downloads",
        AuditKind.Deletion => "deletions",
        AuditKind.Backup => "backups",
        _ => "operation",
    };

    /// <summary>The filter of an address; what cannot be read there does not count.</summary>
    /// <param name="text">Part of the text.</param>
    /// <param name="by">A name, or <see cref="Server"/>.</param>
    /// <param name="kind">Name of a kind.</param>
    /// <param name="from">First day, in UTC, as 2026-11-23.</param>
    /// <param name="to">Last day.</param>
    public static AuditFilter Filter(string? text, string? by, string? kind, string? from, string? to) => new(
        string.IsNullOrWhiteSpace(text) ? null : text,
        string.IsNullOrEmpty(by) ? null : by == Server ? "" : by,
        Enum.TryParse<AuditKind>(kind, out var known) && Enum.IsDefined(known) ? known : null,
        Day(from),
        Day(to)?.AddDays(1));

    private static DateTimeOffset? Day(string? day) =>
        DateTime.TryParseExact(day, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var parsed) && parsed.Year is > 1 and < 9999 ? new DateTimeOffset(parsed, TimeSpan.Zero) : null;
}
