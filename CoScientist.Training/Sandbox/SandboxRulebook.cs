using CoScientist.Core;

namespace CoScientist.Training.Sandbox;

/// <summary>
/// The hidden part of the world: which facets a circumstance calls on, and which ways answer it. Every way has one of three
/// virtues, every trigger needs one (some another in each domain); a way is accepted exactly when the two are equal.
/// </summary>
internal sealed class SandboxRulebook
{
    /// <summary>Number of virtues; each belongs to two ways of every facet.</summary>
    public const int Virtues = 3;

    /// <summary>Share of requirements whose right ways the base writer mostly misses.</summary>
    private const double MisconceivedShare = 0.65;

    private readonly int[][] virtueOfWay;
    private readonly int[,] needs;
    private readonly Dictionary<(int Trigger, int Facet), double> skill = [];
    private readonly Dictionary<(int Trigger, int Facet, int Domain), int> habits = [];

    /// <summary>Draws the rulebook.</summary>
    /// <param name="seed">Seed; the same seed is the same world everywhere.</param>
    public SandboxRulebook(long seed)
    {
        var random = new SeededRandom(seed);
        FacetsOfTrigger = DrawFacets(random);
        virtueOfWay = [.. SandboxWords.Facets.Select(_ => Shuffled(random, [0, 0, 1, 1, 2, 2]))];
        needs = DrawNeeds(random);
        DrawSkill(random);
    }

    /// <summary>Triggers are numbered: features, then aims, then domains.</summary>
    public static int FirstAim => SandboxWords.Features.Length;

    /// <summary>The trigger number of the first domain.</summary>
    public static int FirstDomain => FirstAim + SandboxWords.Aims.Length;

    /// <summary>Facets that each trigger calls on: two for features and aims, one for domains.</summary>
    public int[][] FacetsOfTrigger { get; }

    /// <summary>The virtue that a trigger needs in a domain.</summary>
    public int Need(int trigger, int domain) => needs[trigger, domain];

    /// <summary>The ways of a facet that have a virtue.</summary>
    public IReadOnlyList<int> Ways(int facet, int virtue) => [.. Enumerable.Range(0, SandboxWords.WaysPerFacet).Where(way => Accepts(facet, way, virtue))];

    /// <summary>The ways of a facet that lack a virtue.</summary>
    public IReadOnlyList<int> WrongWays(int facet, int virtue) => [.. Enumerable.Range(0, SandboxWords.WaysPerFacet).Where(way => !Accepts(facet, way, virtue))];

    /// <summary>Whether a way has a virtue; false for ways that do not exist.</summary>
    public bool Accepts(int facet, int way, int virtue) => way >= 0 && virtueOfWay[facet][way] == virtue;

    /// <summary>Probability that the base writer answers a requirement without a flaw.</summary>
    public double Skill(SandboxRequirement requirement) => skill[(requirement.Trigger, requirement.Facet)];

    /// <summary>The wrong way that the base writer likes best.</summary>
    public int Habit(SandboxRequirement requirement, int domain) => habits[(requirement.Trigger, requirement.Facet, domain)];

    /// <summary>Deals facets from shuffled decks, so that all are called on about equally often.</summary>
    private static int[][] DrawFacets(SeededRandom random)
    {
        var deck = new Stack<int>();
        return [.. Enumerable.Range(0, SandboxWords.TriggerNouns.Length).Select(trigger => Draw(trigger < FirstDomain ? 2 : 1))];

        int[] Draw(int count)
        {
            var drawn = new List<int>();
            while (drawn.Count < count)
            {
                if (deck.Count == 0)
                {
                    deck = new Stack<int>(Shuffled(random, Enumerable.Range(0, SandboxWords.Facets.Length)));
                }

                var facet = deck.Pop();
                if (!drawn.Contains(facet))
                {
                    drawn.Add(facet);
                }
            }

            return [.. drawn];
        }
    }

    /// <summary>Three features and two aims need another virtue in each domain; all other triggers the same one everywhere.</summary>
    private static int[,] DrawNeeds(SeededRandom random)
    {
        var drawn = new int[SandboxWords.TriggerNouns.Length, SandboxWords.Domains.Length];
        var common = Shuffled(random, [0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
        HashSet<int> changing =
        [
            .. Shuffled(random, Enumerable.Range(0, FirstAim)).Take(3),
            .. Shuffled(random, Enumerable.Range(FirstAim, SandboxWords.Aims.Length)).Take(2),
        ];
        for (var trigger = 0; trigger < drawn.GetLength(0); trigger++)
        {
            var byDomain = changing.Contains(trigger) ? Shuffled(random, [0, 1, 2]) : null;
            for (var domain = 0; domain < drawn.GetLength(1); domain++)
            {
                drawn[trigger, domain] = byDomain?[domain] ?? (trigger < FirstDomain ? common[trigger] : (trigger - FirstDomain + 1) % Virtues);
            }
        }

        return drawn;
    }

    private void DrawSkill(SeededRandom random)
    {
        List<(int Trigger, int Facet)> pairs = [.. FacetsOfTrigger.SelectMany((facets, trigger) => facets.Select(facet => (trigger, facet)))];
        var misconceived = (int)Math.Round(MisconceivedShare * pairs.Count);
        var ranks = Shuffled(random, Enumerable.Range(0, pairs.Count));
        for (var i = 0; i < pairs.Count; i++)
        {
            skill[pairs[i]] = ranks[i] < misconceived ? 0.28 : 0.82;
            for (var domain = 0; domain < SandboxWords.Domains.Length; domain++)
            {
                var (trigger, facet) = pairs[i];
                habits[(trigger, facet, domain)] = random.Pick(WrongWays(facet, Need(trigger, domain)));
            }
        }
    }

    private static int[] Shuffled(SeededRandom random, IEnumerable<int> values)
    {
        int[] shuffled = [.. values];
        random.Shuffle(shuffled);
        return shuffled;
    }
}
