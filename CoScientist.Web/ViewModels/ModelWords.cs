using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;

namespace CoScientist.Web.ViewModels;

/// <summary>Words and addresses for models, the same on every page.</summary>
internal static class ModelWords
{
    /// <summary>Choices of the list, by the value in its address.</summary>
    public static IReadOnlyList<(string Value, string Words)> Kinds { get; } =
    [
        ("", "all"),
        ("promoted", "promoted"),
        ("best", "best of each run"),
        ("base", "made by no run"),
        ("deleted", "deleted"),
    ];

    /// <summary>Address of a checkpoint's page.</summary>
    public static string Address(string name) => "models/" + Uri.EscapeDataString(name);

    /// <summary>The first letters of a fingerprint, enough to tell a few apart.</summary>
    public static string Short(string fingerprint) => fingerprint.Length <= 8 ? fingerprint : fingerprint[..8];

    /// <summary>A size for people: "812 kB", "4.2 MB", "1.3 GB".</summary>
    public static string Size(long bytes) => bytes switch
    {
        < 1_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes} B"),
        < 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:0} kB"),
        < 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.0} GB"),
    };

    /// <summary>How a checkpoint is offered in a choice.</summary>
    public static string Choice(Checkpoint checkpoint) =>
        checkpoint.PromotedAt is null ? checkpoint.Name : $"{checkpoint.Name} (promoted)";
}
