using Microsoft.AspNetCore.Identity;

namespace CoScientist.Core.Storage;

/// <summary>A person who signs in.</summary>
public sealed class Account : IdentityUser
{
    /// <summary>Name shown to others; never shown to experts beside plans.</summary>
    public string DisplayName { get; set; } = "";
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
