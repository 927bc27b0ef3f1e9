namespace CoScientist.Training.Sandbox.Leakage;

/// <summary>A decision of the world: a way of a facet.</summary>
/// <param name="Facet">The facet.</param>
/// <param name="Way">0 … 5.</param>
internal readonly record struct SandboxDecision(int Facet, int Way);

/// <summary>
/// What a text of the world says, in its own words or in others: which decisions it takes, and which circumstances it names.
/// This is the truth by which leakage is judged: an item leaks exactly when the goal says all that the item asks for, that is
/// all its decisions or, when it asks for none, all the circumstances it names.
/// </summary>
/// <param name="Decisions">Ways that are named.</param>
/// <param name="Circumstances">Features that are named.</param>
internal sealed record SandboxFacts(IReadOnlySet<SandboxDecision> Decisions, IReadOnlySet<int> Circumstances)
{
    private static readonly (string Phrase, SandboxDecision Decision)[] Phrases =
    [
        .. from facet in Enumerable.Range(0, SandboxWords.Facets.Length)
           from way in Enumerable.Range(0, SandboxWords.WaysPerFacet)
           from phrase in (string[])[SandboxWords.Facets[facet].Ways[way], SandboxParaphrases.Ways[facet][way]]
           select (phrase, new SandboxDecision(facet, way)),
    ];

    private static readonly (string Phrase, int Feature)[] FeaturePhrases =
    [
        .. from feature in Enumerable.Range(0, SandboxWords.Features.Length)
           from phrase in (string[])[.. SandboxWords.Features[feature], .. SandboxWords.TriggerNouns[feature]]
           select (phrase, feature),
    ];

    /// <summary>Reads a text, whatever its capitals.</summary>
    public static SandboxFacts Of(string text) => new(
        Phrases.Where(phrase => text.Contains(phrase.Phrase, StringComparison.OrdinalIgnoreCase)).Select(phrase => phrase.Decision).ToHashSet(),
        FeaturePhrases.Where(phrase => text.Contains(phrase.Phrase, StringComparison.OrdinalIgnoreCase)).Select(phrase => phrase.Feature).ToHashSet());

    /// <summary>Whether an item with these facts can be read off a goal with those.</summary>
    public bool LeakFrom(SandboxFacts goal) => Decisions.Count > 0
        ? Decisions.All(goal.Decisions.Contains)
        : Circumstances.All(goal.Circumstances.Contains);

    /// <summary>Whether a goal says in the item's own words what the item asks for.</summary>
    public static bool SaysVerbatim(string goal, string item)
    {
        List<string> asked = [.. Phrases.Select(phrase => phrase.Phrase).Where(Stands)];
        return (asked.Count > 0 ? asked : [.. FeaturePhrases.Select(phrase => phrase.Phrase).Where(Stands)]).TrueForAll(phrase => goal.Contains(phrase, StringComparison.OrdinalIgnoreCase));

        bool Stands(string phrase) => item.Contains(phrase, StringComparison.OrdinalIgnoreCase);
    }
}
