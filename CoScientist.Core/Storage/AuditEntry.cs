namespace CoScientist.Core.Storage;

/// <summary>What an entry of the audit trail is about.</summary>
public enum AuditKind
{
    /// <summary>Somebody signed in or out, or failed to.</summary>
    SignIn,

    /// <summary>Accounts, their roles, links, passwords and second steps.</summary>
    Account,

    /// <summary>Model servers, and who plays which role.</summary>
    ModelServer,

    /// <summary>Studies: who organised what.</summary>
    Study,

    /// <summary>Runs that were started, stopped or changed.</summary>
    Run,

    /// <summary>Checkpoints: imported, promoted, merged.</summary>
    Model,

    /// <summary>Imports and extractions.</summary>
    Library,

    /// <summary>Something was taken out: a download, an export.</summary>
    Export,

    /// <summary>Something was deleted.</summary>
    Deletion,

    /// <summary>A copy of all data was made, or one was put back.</summary>
    Backup,

    /// <summary>The server: starts, changes of the schema.</summary>
    Operation,
}

/// <summary>An entry of the audit trail, which only grows. Closing an account puts a pseudonym in the place of its name; nothing else is ever changed.</summary>
public sealed class AuditEntry
{
    /// <summary>Key, ascending.</summary>
    public long Id { get; init; }

    /// <summary>When (UTC).</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Name of who did it; empty for the server itself, or its command line.</summary>
    public required string By { get; init; }

    /// <summary>What kind of thing was done.</summary>
    public required AuditKind Kind { get; init; }

    /// <summary>Name of what it was done to: an account, a run, a model server; empty for the whole.</summary>
    public required string About { get; init; }

    /// <summary>What was done, as the end of a sentence.</summary>
    public required string What { get; init; }

    /// <summary>Address of that record inside the application, without a slash in front; null when it has none.</summary>
    public string? Link { get; init; }
}
