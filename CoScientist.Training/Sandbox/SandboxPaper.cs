using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using CoScientist.Core;
using CoScientist.Core.Papers;

namespace CoScientist.Training.Sandbox;

/// <summary>
/// Prints a goal of the world as a short paper: background and aims tell the situation, method and experiments the reference
/// plan, a sentence per requirement, so that extraction and leakage can be measured against what the paper is known to say.
/// </summary>
internal sealed class SandboxPaper
{
    /// <summary>Decisions told under "experiments"; the others are method.</summary>
    private static readonly HashSet<string> ExperimentFacets = ["split", "comparison", "outcome", "uncertainty", "robustness"];

    /// <summary>Whether a facet's decisions are told under "experiments".</summary>
    public static bool IsExperiment(string facet) => ExperimentFacets.Contains(facet);

    private readonly List<string> reference = [];
    private readonly List<SourcePassage> passages = [];

    /// <summary>Prints the paper in the wording that belongs to the goal's seed.</summary>
    public SandboxPaper(SandboxWorld world, SandboxGoal goal, DateTimeOffset importedAt)
    {
        var random = new SeededRandom(goal.WordingSeed, 2);
        var requirements = world.Requirements(goal);
        var topic = SandboxWords.Topics[goal.Domain][goal.Topic];
        List<string> troubles = [.. goal.Features.Select(feature => random.Pick(SandboxWords.TriggerNouns[feature]))];
        var aim = SandboxWorld.AimText(goal, random);

        var background = new StringBuilder(SandboxWorld.Fill("in {0}, many groups study {1}.", SandboxWords.DomainNames[goal.Domain], topic));
        foreach (var feature in goal.Features)
        {
            background.Append(' ').Append(SandboxWorld.Fill(random.Pick(SandboxWords.Joiners), random.Pick(SandboxWords.Features[feature])));
        }

        var method = new StringBuilder($"the study of {topic} is built as follows.");
        var experiments = new StringBuilder("what the study can show depends on its trials.");
        var results = new StringBuilder($"the study could {aim}.");
        foreach (var (requirement, sentence) in requirements.Zip(world.Writer.Reference(goal, random)))
        {
            var text = SandboxGrammar.Render(sentence, random);
            var facet = SandboxWords.Facets[requirement.Facet];
            var isExperiment = ExperimentFacets.Contains(facet.Name);
            var section = isExperiment ? experiments : method;
            reference.Add(text);
            passages.Add(new SourcePassage(isExperiment ? 3 : 2, section.Length + 1, text.Length));
            section.Append(' ').Append(text);
            results.Append(' ').Append(SandboxWorld.Fill("{0} withstood {1}.", random.Pick(facet.Nouns), random.Pick(SandboxWords.TriggerNouns[requirement.Trigger])));
        }

        var title = $"{topic} under {string.Join(" and ", troubles.Take(2))}";
        var source = string.Join("\n\n", goal.ToKey(), title, background, aim, method, experiments, results);
        var id = SandboxLibrary.DeriveId<PaperId>("paper", goal.ToKey());
        Paper = new Paper
        {
            Id = id,
            Title = string.Create(CultureInfo.InvariantCulture, $"{char.ToUpperInvariant(title[0])}{title[1..]}"),
            Authors = ["The sandbox"],
            Venue = "Sandbox",
            Licence = "MIT",
            Domain = goal.DomainName,
            Abstract = $"the aim is to {aim}. the study meets {string.Join(" and ", troubles)}.",
            Format = "sandbox",
            SourceName = goal.ToKey(),
            ContentHash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(source))),
            IsSandbox = true,
            ImportedAt = importedAt,
            Sections =
            [
                Section(0, SectionRole.Background, background.ToString()),
                Section(1, SectionRole.Aims, $"the aim is to {aim}."),
                Section(2, SectionRole.Method, method.ToString()),
                Section(3, SectionRole.Experiments, experiments.ToString()),
                Section(4, SectionRole.Results, results.ToString()),
            ],
        };

        PaperSection Section(int order, SectionRole role, string text) => new() { PaperId = id, Order = order, Heading = role.ToString(), Role = role, Text = text };
    }

    /// <summary>The paper with its sections.</summary>
    public Paper Paper { get; }

    /// <summary>The plan that method and experiments tell, in the order of the requirements.</summary>
    public string Reference => string.Join(' ', reference);

    /// <summary>Where the paper answers each requirement, in order.</summary>
    public IReadOnlyList<SourcePassage> Passages => passages;
}
