using System.Globalization;
using CoScientist.Core;
using CoScientist.Core.Goals;

namespace CoScientist.Training.Sandbox;

/// <summary>How much a rubric item tells about its requirement.</summary>
public enum ItemStyle
{
    /// <summary>Names the facet and the trigger: the grader must remember which virtue is needed.</summary>
    Plain,

    /// <summary>Also names the needed virtue, still no way: the grader only has to match.</summary>
    NamesVirtue,
}

/// <summary>
/// A generated world of small research goals with rubrics, in controlled English. Its meaning is known exactly, so that an
/// <see cref="SandboxOracle"/> can play the independent judge. Immutable; safe to share between threads.
/// </summary>
public sealed class SandboxWorld
{
    /// <summary>Seed of the one rulebook that library, base model and reports share.</summary>
    private const long RulebookSeed = 7;

    private const int MostRequirements = 8;
    private const int FewestRequirements = 6;

    private readonly Dictionary<(int Domain, int Aim, int FeatureMask), IReadOnlyList<SandboxRequirement>> requirements;

    /// <summary>Builds the world.</summary>
    /// <param name="itemStyle">How rubric items are worded.</param>
    /// <param name="misread">
    /// Circumstances and aims, by trigger number, of which this world's people hold that they need the next virtue: goals, items and ways
    /// read the same as everywhere, and other ways are accepted. Default: none.
    /// </param>
    public SandboxWorld(ItemStyle itemStyle = ItemStyle.Plain, params IReadOnlyCollection<int> misread)
    {
        ItemStyle = itemStyle;
        Rulebook = new SandboxRulebook(RulebookSeed);
        requirements = AllMeanings.Where(goal => goal.Topic == 0).ToDictionary(goal => (goal.Domain, goal.Aim, goal.FeatureMask), goal => DrawRequirements(goal, misread));
        Writer = new SandboxWriter(this);
        Oracle = new SandboxOracle(this);
    }

    /// <summary>The world of the library and the shipped base model.</summary>
    public static SandboxWorld Default { get; } = new();

    /// <summary>Domain names, as in <see cref="Goal.Domain"/>.</summary>
    public static IReadOnlyList<string> Domains => SandboxWords.Domains;

    /// <summary>Every word and mark of goals, items and plans, ordinal order: what a tokenizer should know as a whole. Papers use some more.</summary>
    public static IReadOnlyList<string> AllWords { get; } =
        [.. SandboxWords.AllPhrases.SelectMany(SandboxWords.Tokens).Where(word => word[0] != '{').Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    /// <summary>How rubric items are worded.</summary>
    public ItemStyle ItemStyle { get; }

    /// <summary>Writes plans of any quality.</summary>
    public SandboxWriter Writer { get; }

    /// <summary>Judges plans exactly.</summary>
    public SandboxOracle Oracle { get; }

    internal SandboxRulebook Rulebook { get; }

    private static IEnumerable<SandboxGoal> AllMeanings =>
        from domain in Enumerable.Range(0, Domains.Count)
        from topic in Enumerable.Range(0, SandboxWords.Topics[0].Length)
        from aim in Enumerable.Range(0, SandboxWords.Aims.Length)
        from mask in Enumerable.Range(0, 1 << SandboxWords.Features.Length)
        where int.PopCount(mask) is 2 or 3
        select new SandboxGoal(domain, topic, aim, mask, 0);

    /// <summary>Draws a goal with at least six requirements: three circumstances (65%) or two, everything else uniform.</summary>
    /// <param name="random">Source of randomness.</param>
    /// <param name="split">Part of the data the goal must belong to.</param>
    /// <param name="domains">Domains to draw from; null or empty means all.</param>
    /// <exception cref="ArgumentException">A domain is unknown.</exception>
    public SandboxGoal SampleGoal(SeededRandom random, GoalSplit split, IReadOnlyList<string>? domains = null)
    {
        ArgumentNullException.ThrowIfNull(random);
        var from = domains is { Count: > 0 } ? [.. domains.Select(DomainIndex)] : Enumerable.Range(0, Domains.Count).ToList();
        while (true)
        {
            var goal = new SandboxGoal(
                random.Pick(from),
                random.Next(SandboxWords.Topics[0].Length),
                random.Next(SandboxWords.Aims.Length),
                SampleFeatures(random),
                random.Next(int.MaxValue));
            if (goal.Split == split && IsEligible(goal))
            {
                return goal;
            }
        }
    }

    /// <summary>Every meaning with at least six requirements, in a fixed order; wording seed 0.</summary>
    public IEnumerable<SandboxGoal> AllGoals() => AllMeanings.Where(IsEligible);

    /// <summary>The goal in the wording of the library, drawn from its own seed.</summary>
    public string GoalText(SandboxGoal goal)
    {
        ArgumentNullException.ThrowIfNull(goal);
        return GoalText(goal, new SeededRandom(goal.WordingSeed, 0));
    }

    /// <summary>The goal in a fresh wording, about 40 words: opening with aim, the circumstances in any order, an ending. Names no way.</summary>
    public string GoalText(SandboxGoal goal, SeededRandom random)
    {
        ArgumentNullException.ThrowIfNull(goal);
        ArgumentNullException.ThrowIfNull(random);
        var sentences = new List<string> { Fill(random.Pick(SandboxWords.Openings), SandboxWords.DomainNames[goal.Domain], AimText(goal, random)) };
        List<int> features = [.. goal.Features];
        random.Shuffle(features);
        sentences.AddRange(features.Select(feature => Fill(random.Pick(SandboxWords.Joiners), random.Pick(SandboxWords.Features[feature]))));
        var tail = random.Pick(SandboxWords.Tails);
        if (tail.Length > 0)
        {
            sentences.Add(tail);
        }

        return string.Join(' ', sentences);
    }

    /// <summary>What the goal requires, ordered by facet: one requirement per facet, at most eight; circumstances come before the aim, the aim before the domain.</summary>
    public IReadOnlyList<SandboxRequirement> Requirements(SandboxGoal goal)
    {
        ArgumentNullException.ThrowIfNull(goal);
        return requirements[(goal.Domain, goal.Aim, goal.FeatureMask)];
    }

    /// <summary>The rubric item of a requirement, 9 words (14 at most). Names no way.</summary>
    public string ItemText(SandboxRequirement requirement, SeededRandom random)
    {
        ArgumentNullException.ThrowIfNull(requirement);
        ArgumentNullException.ThrowIfNull(random);
        var noun = random.Pick(SandboxWords.Facets[requirement.Facet].Nouns);
        var trigger = random.Pick(SandboxWords.TriggerNouns[requirement.Trigger]);
        return ItemStyle == ItemStyle.Plain
            ? Fill(random.Pick(SandboxWords.Items), noun, trigger)
            : Fill(random.Pick(SandboxWords.VirtueItems), noun, trigger, random.Pick(SandboxWords.Virtues[requirement.Virtue]));
    }

    /// <summary>The goal's rubric in the wording of the library, one item per requirement in order.</summary>
    public IReadOnlyList<string> ItemTexts(SandboxGoal goal)
    {
        ArgumentNullException.ThrowIfNull(goal);
        var random = new SeededRandom(goal.WordingSeed, 1);
        return [.. Requirements(goal).Select(requirement => ItemText(requirement, random))];
    }

    /// <summary>Endless sample text for training a tokenizer: a training goal, a plan for it and its rubric items, a line each.</summary>
    public IEnumerable<string> Corpus(SeededRandom random)
    {
        while (true)
        {
            var goal = SampleGoal(random, GoalSplit.Train);
            yield return GoalText(goal, random);
            yield return SandboxGrammar.Render(Writer.WritePlan(goal, random, random.NextDouble()), random);
            foreach (var requirement in Requirements(goal))
            {
                yield return ItemText(requirement, random);
            }
        }
    }

    internal static string AimText(SandboxGoal goal, SeededRandom random) => Fill(random.Pick(SandboxWords.Aims[goal.Aim]), SandboxWords.Topics[goal.Domain][goal.Topic]);

    internal static string Fill(string template, params object?[] values) => string.Format(CultureInfo.InvariantCulture, template, values);

    private IReadOnlyList<SandboxRequirement> DrawRequirements(SandboxGoal goal, IReadOnlyCollection<int> misread)
    {
        int[] triggers = [.. goal.Features, SandboxRulebook.FirstAim + goal.Aim, SandboxRulebook.FirstDomain + goal.Domain];
        return
        [
            .. triggers.SelectMany(trigger => Rulebook.FacetsOfTrigger[trigger].Select(facet => new SandboxRequirement(trigger, facet, (Rulebook.Need(trigger, goal.Domain) + (misread.Contains(trigger) ? 1 : 0)) % SandboxRulebook.Virtues)))
                .DistinctBy(requirement => requirement.Facet)
                .Take(MostRequirements)
                .OrderBy(requirement => requirement.Facet),
        ];
    }

    private bool IsEligible(SandboxGoal goal) => Requirements(goal).Count >= FewestRequirements;

    private static int DomainIndex(string name)
    {
        var index = Array.IndexOf(SandboxWords.Domains, name);
        return index >= 0 ? index : throw new ArgumentException($"The sandbox has no domain '{name}'; it has {string.Join(", ", Domains)}.", nameof(name));
    }

    private static int SampleFeatures(SeededRandom random)
    {
        var count = random.NextDouble() < 0.65 ? 3 : 2;
        var mask = 0;
        while (int.PopCount(mask) < count)
        {
            mask |= 1 << random.Next(SandboxWords.Features.Length);
        }

        return mask;
    }
}
