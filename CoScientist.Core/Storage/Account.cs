using Microsoft.AspNetCore.Identity;

namespace CoScientist.Core.Storage;

/// <summary>A person who signs in.</summary>
public sealed class Account : IdentityUser
{
    /// <summary>Name shown to others; never shown to experts beside plans.</summary>
    public string DisplayName { get; set; } = "";

    /// <summary>When it was closed for good (UTC); null while it is somebody's.</summary>
    public DateTimeOffset? ClosedAt { get; set; }
}

/// <summary>A link that makes an account, or gives one a new password; it works once. Only the hash of its secret is kept.</summary>
public sealed class AccountLink
{
    /// <summary>SHA-256 of the secret, in hexadecimal; key.</summary>
    public required string SecretHash { get; init; }

    /// <summary>The account that gets a new password; null where the link makes an account.</summary>
    public string? AccountId { get; init; }

    /// <summary>Whom it is for: the account's name, or one that is proposed.</summary>
    public required string Name { get; init; }

    /// <summary>Roles of the account to make, separated by spaces; empty where it has some already.</summary>
    public string Roles { get; init; } = "";

    /// <summary>Id of the account that made it; empty for the command line.</summary>
    public required string CreatedBy { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it stops working.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>When it was used; null until then.</summary>
    public DateTimeOffset? UsedAt { get; set; }
}

/// <summary>The roles; an account can have several.</summary>
public static class Roles
{
    /// <summary>Compares plans.</summary>
    public const string Expert = "expert";

    /// <summary>Decides on rubric items.</summary>
    public const string Reviewer = "reviewer";

    /// <summary>Runs training, sets up studies, imports papers.</summary>
    public const string Researcher = "researcher";

    /// <summary>Everything, and accounts.</summary>
    public const string Administrator = "administrator";

    /// <summary>All roles.</summary>
    public static IReadOnlyList<string> All { get; } = [Expert, Reviewer, Researcher, Administrator];
}
