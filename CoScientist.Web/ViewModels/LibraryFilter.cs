using CoScientist.Core.Goals;

namespace CoScientist.Web.ViewModels;

/// <summary>Which papers, goals or rubric items to list. What a list does not know (the state of a paper's items) it ignores.</summary>
/// <param name="Text">Words to look for, see <see cref="CoScientist.Core.Storage.SearchQuery"/>; null or empty means all.</param>
/// <param name="Domain">Only this field of research; null or empty means all.</param>
/// <param name="Sandbox">The sandbox's or the real ones; never both.</param>
public sealed record LibraryFilter(string? Text, string? Domain, bool Sandbox)
{
    /// <summary>Only this part of the data; null means all.</summary>
    public GoalSplit? Split { get; init; }

    /// <summary>Only rubric items in this state, or goals with one such item; null means all.</summary>
    public RubricItemState? State { get; init; }

    /// <summary>Only goals made in this way ("dataset", "drafter", "model"), or papers of this format; null or empty means all.</summary>
    public string? Source { get; init; }

    /// <summary>Only goals of this extraction pipeline; null or empty means all.</summary>
    public string? Pipeline { get; init; }

    /// <summary>Whether anything but the kind of data is chosen.</summary>
    public bool IsNarrow => !string.IsNullOrWhiteSpace(Text) || !string.IsNullOrEmpty(Domain) || Split is not null || State is not null || !string.IsNullOrEmpty(Source) || !string.IsNullOrEmpty(Pipeline);

    /// <summary>From the values of an address; what is no value of the filter means all.</summary>
    public static LibraryFilter Of(string? text, string? domain, string? data, string? split, string? state, string? source, string? pipeline = null) => new(text, domain, data == "sandbox")
    {
        Split = Enum.TryParse<GoalSplit>(split, ignoreCase: true, out var part) && Enum.IsDefined(part) ? part : null,
        State = Enum.TryParse<RubricItemState>(state, ignoreCase: true, out var place) && Enum.IsDefined(place) ? place : null,
        Source = source,
        Pipeline = pipeline,
    };
}
