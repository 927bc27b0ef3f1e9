using System.Text.Json;

namespace CoScientist.Web.Library;

/// <summary>What a job of the library was started with; kept with the job as JSON.</summary>
internal sealed record LibraryJobOptions
{
    /// <summary>Field of research for what an import brings in; null to guess it.</summary>
    public string? Domain { get; init; }

    /// <summary>Who extracts: a model server, or the drafter.</summary>
    public string? Extractor { get; init; }

    /// <summary>Pipeline of an extraction by a model; null is the leak-resistant one.</summary>
    public string? Pipeline { get; init; }

    /// <summary>Reads what <see cref="ToJson"/> gave.</summary>
    public static LibraryJobOptions Of(string json) => JsonSerializer.Deserialize<LibraryJobOptions>(json) ?? new();

    /// <summary>As kept.</summary>
    public string ToJson() => JsonSerializer.Serialize(this);
}
