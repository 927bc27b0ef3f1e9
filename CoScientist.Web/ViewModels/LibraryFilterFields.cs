namespace CoScientist.Web.ViewModels;

/// <summary>
/// What stands in the fields of the filter form. The filter of the address comes back some time after it was sent, and people go
/// on choosing meanwhile: only what changed in the address is taken over, so that nothing chosen in the meantime is lost.
/// </summary>
internal sealed class LibraryFilterFields
{
    private LibraryFilterFields? taken;

    public string? Text { get; set; }

    public string? Domain { get; set; }

    public string? Source { get; set; }

    public string? Pipeline { get; set; }

    public string? Split { get; set; }

    public string? State { get; set; }

    public string? Data { get; set; }

    /// <summary>Takes over the fields in which the address differs from what it was the last time; all of them the first time.</summary>
    public void Take(LibraryFilter filter)
    {
        var now = new LibraryFilterFields
        {
            Text = filter.Text ?? "",
            Domain = filter.Domain ?? "",
            Source = filter.Source ?? "",
            Pipeline = filter.Pipeline ?? "",
            Split = filter.Split is { } split ? Words.For(split) : "",
            State = filter.State is { } state ? Words.For(state) : "",
            Data = filter.Sandbox ? "sandbox" : "",
        };
        Text = now.Text == taken?.Text ? Text : now.Text;
        Domain = now.Domain == taken?.Domain ? Domain : now.Domain;
        Source = now.Source == taken?.Source ? Source : now.Source;
        Pipeline = now.Pipeline == taken?.Pipeline ? Pipeline : now.Pipeline;
        Split = now.Split == taken?.Split ? Split : now.Split;
        State = now.State == taken?.State ? State : now.State;
        Data = now.Data == taken?.Data ? Data : now.Data;
        taken = now;
    }

    /// <summary>Empties every field but the kind of data, as the link to the whole list does with the address.</summary>
    public void Clear() => Text = Domain = Source = Pipeline = Split = State = "";

    /// <summary>The fields as values of an address; those that say nothing are taken out of it, and the list begins at its first page.</summary>
    public IReadOnlyDictionary<string, object?> Query => new Dictionary<string, object?>(StringComparer.Ordinal)
    {
        ["q"] = Given(Text),
        ["domain"] = Given(Domain),
        ["source"] = Given(Source),
        ["split"] = Given(Split),
        ["pipeline"] = Given(Pipeline),
        ["state"] = Given(State),
        ["data"] = Given(Data),
        ["page"] = null,
    };

    private static string? Given(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
}
