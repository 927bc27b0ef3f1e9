using CoScientist.Core;

namespace CoScientist.Training.Sandbox;

/// <summary>Writes plans as sentences of known meaning: what the base model imitates and what graders learn on.</summary>
/// <param name="world">The world whose goals are planned for.</param>
public sealed class SandboxWriter(SandboxWorld world)
{
    /// <summary>Most sentences of a plan.</summary>
    public const int MostSentences = 9;

    private const double StrayShare = 0.08;
    private const double SwapShare = 0.06;

    /// <summary>What goes wrong when something does.</summary>
    private enum Flaw
    {
        WrongWay,
        Vague,
        Reason,
        Costly,
        Unethical,
        Contradiction,
    }

    /// <summary>Writes a plan.</summary>
    /// <param name="goal">The goal.</param>
    /// <param name="random">Source of randomness.</param>
    /// <param name="quality">Probability, in 0–1, that an addressed requirement is answered without a flaw; null is the base writer, whose skill and favourite errors vary by requirement.</param>
    /// <param name="contradictions">Probability that an addressed requirement is contradicted besides, 0–1.</param>
    /// <returns>At most <see cref="MostSentences"/> sentences.</returns>
    public List<SandboxSentence> WritePlan(SandboxGoal goal, SeededRandom random, double? quality = null, double contradictions = 0)
    {
        ArgumentNullException.ThrowIfNull(random);
        var requirements = world.Requirements(goal);
        var plan = new List<SandboxSentence>();
        var extra = new List<SandboxSentence>();
        foreach (var requirement in requirements)
        {
            if (random.NextDouble() >= (quality is { } addressed ? 0.80 + (0.19 * addressed) : 0.92))
            {
                continue;
            }

            var sentence = Right(requirement, random);
            var flaw = random.NextDouble() < (quality ?? world.Rulebook.Skill(requirement)) ? (Flaw?)null : DrawFlaw(random);
            plan.Add(flaw is { } kind ? Flawed(sentence, kind) : sentence);
            if (flaw == Flaw.Contradiction || random.NextDouble() < contradictions)
            {
                extra.Add(Contradiction(plan[^1], random));
            }

            SandboxSentence Flawed(SandboxSentence right, Flaw kind) => kind switch
            {
                Flaw.WrongWay => right with { Way = WrongWay(requirement, goal.Domain, quality, random) },
                Flaw.Vague => right with { Way = null },
                Flaw.Reason => right with { Reason = random.Next(2) == 0 ? SandboxReason.Poor : SandboxReason.None },
                Flaw.Costly => right with { Suffix = SandboxSuffix.Costly },
                Flaw.Unethical => right with { Suffix = SandboxSuffix.Unethical },
                _ => right,
            };
        }

        AddStray(plan, requirements, random);
        Order(plan, random);
        foreach (var sentence in extra)
        {
            var first = Math.Min(2, plan.Count);
            plan.Insert(first + random.Next(plan.Count - first + 1), sentence);
        }

        while (plan.Count > MostSentences)
        {
            plan.RemoveAt(random.Next(plan.Count));
        }

        return plan;
    }

    /// <summary>What a writer makes of a goal who is shown part of its rubric: every requirement shown is satisfied, the rest is the base writer's.</summary>
    /// <param name="goal">The goal.</param>
    /// <param name="shown">Requirements that the rubric shows.</param>
    /// <param name="random">Source of randomness.</param>
    /// <returns>At most <see cref="MostSentences"/> sentences.</returns>
    public List<SandboxSentence> FollowRubric(SandboxGoal goal, IReadOnlyList<SandboxRequirement> shown, SeededRandom random)
    {
        ArgumentNullException.ThrowIfNull(shown);
        var plan = WritePlan(goal, random);
        plan.RemoveAll(sentence => shown.Any(requirement => requirement.Facet == sentence.Facet));
        while (plan.Count + shown.Count > MostSentences)
        {
            plan.RemoveAt(random.Next(plan.Count));
        }

        foreach (var requirement in shown)
        {
            var at = plan.FindIndex(sentence => sentence.Facet > requirement.Facet);
            plan.Insert(at < 0 ? plan.Count : at, Right(requirement, random));
        }

        return plan;
    }

    /// <summary>A plan that satisfies every requirement.</summary>
    public List<SandboxSentence> Reference(SandboxGoal goal, SeededRandom random) => [.. world.Requirements(goal).Select(requirement => Right(requirement, random))];

    /// <summary>
    /// A plan as authors of a paper would report theirs: sound, but theirs. One requirement in five is left out, one in five is met
    /// in another way than the rubric asks, and the rest stands in an order of its own.
    /// </summary>
    public List<SandboxSentence> RealisticReference(SandboxGoal goal, SeededRandom random)
    {
        ArgumentNullException.ThrowIfNull(random);
        var plan = new List<SandboxSentence>();
        foreach (var requirement in world.Requirements(goal))
        {
            var fate = random.NextDouble();
            if (fate >= 0.2)
            {
                plan.Add(fate < 0.4 ? Right(requirement, random) with { Way = WrongWay(requirement, goal.Domain, quality: 0, random) } : Right(requirement, random));
            }
        }

        random.Shuffle(plan);
        return plan;
    }

    private SandboxSentence Right(SandboxRequirement requirement, SeededRandom random) =>
        new() { Facet = requirement.Facet, Way = random.Pick(world.Rulebook.Ways(requirement.Facet, requirement.Virtue)) };

    private int WrongWay(SandboxRequirement requirement, int domain, double? quality, SeededRandom random) =>
        random.NextDouble() < (quality is null ? 0.75 : 0.35)
            ? world.Rulebook.Habit(requirement, domain)
            : random.Pick(world.Rulebook.WrongWays(requirement.Facet, requirement.Virtue));

    /// <summary>How often each flaw is the one: wrong way 60%, vague 14%, reason 12%, cost 6%, ethics 4%, contradiction 4%.</summary>
    private static Flaw DrawFlaw(SeededRandom random) => random.NextDouble() switch
    {
        < 0.60 => Flaw.WrongWay,
        < 0.74 => Flaw.Vague,
        < 0.86 => Flaw.Reason,
        < 0.92 => Flaw.Costly,
        < 0.96 => Flaw.Unethical,
        _ => Flaw.Contradiction,
    };

    private static SandboxSentence Contradiction(SandboxSentence sentence, SeededRandom random)
    {
        if (random.NextDouble() < 0.6)
        {
            return new SandboxSentence { Facet = sentence.Facet, Never = true, Reason = SandboxReason.None };
        }

        List<int> others = [.. Enumerable.Range(0, SandboxWords.WaysPerFacet).Where(way => way != sentence.Way)];
        return new SandboxSentence { Facet = sentence.Facet, Way = random.Pick(others) };
    }

    private static void AddStray(List<SandboxSentence> plan, IReadOnlyList<SandboxRequirement> requirements, SeededRandom random)
    {
        for (var facet = 0; facet < SandboxWords.Facets.Length; facet++)
        {
            if (requirements.All(requirement => requirement.Facet != facet) && random.NextDouble() < StrayShare)
            {
                plan.Add(new SandboxSentence { Facet = facet, Way = random.Next(SandboxWords.WaysPerFacet) });
            }
        }
    }

    /// <summary>By facet, with a neighbour swapped now and then.</summary>
    private static void Order(List<SandboxSentence> plan, SeededRandom random)
    {
        plan.Sort((a, b) => a.Facet.CompareTo(b.Facet));
        for (var i = 0; i + 1 < plan.Count; i++)
        {
            if (random.NextDouble() < SwapShare)
            {
                (plan[i], plan[i + 1]) = (plan[i + 1], plan[i]);
            }
        }
    }
}
