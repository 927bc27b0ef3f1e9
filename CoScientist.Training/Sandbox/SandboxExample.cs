using CoScientist.Core;
using CoScientist.Core.Goals;

namespace CoScientist.Training.Sandbox;

/// <summary>A goal with its rubric, a plan of the base writer's and the oracle's word on it: what the world looks like.</summary>
/// <param name="Key">Specification of the goal.</param>
/// <param name="Domain">Its domain.</param>
/// <param name="Split">The part of the data it belongs to.</param>
/// <param name="Goal">What the policy sees.</param>
/// <param name="Items">The rubric, in order.</param>
/// <param name="Plan">The plan.</param>
/// <param name="Verdicts">0 or the violated guideline, item by item.</param>
/// <param name="Score">Share of items satisfied, 0–1.</param>
/// <param name="Reference">A plan that satisfies every item.</param>
public sealed record SandboxExample(
    string Key,
    string Domain,
    GoalSplit Split,
    string Goal,
    IReadOnlyList<string> Items,
    string Plan,
    IReadOnlyList<int> Verdicts,
    double Score,
    string Reference)
{
    /// <summary>Draws examples; the same arguments give the same ones.</summary>
    /// <param name="world">The world.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="count">Number of examples.</param>
    /// <param name="split">Part of the data.</param>
    /// <param name="domains">Domains to draw from; null or empty means all.</param>
    /// <param name="quality">Quality of the plans, 0–1; null for the base writer.</param>
    public static IEnumerable<SandboxExample> Sample(SandboxWorld world, long seed, int count, GoalSplit split, IReadOnlyList<string>? domains = null, double? quality = null)
    {
        ArgumentNullException.ThrowIfNull(world);
        return Enumerable.Range(0, count).Select(index =>
        {
            var random = new SeededRandom(seed, index);
            var goal = world.SampleGoal(random, split, domains);
            var plan = SandboxGrammar.Render(world.Writer.WritePlan(goal, random, quality), random);
            var verdicts = world.Oracle.Judge(goal, plan);
            return new SandboxExample(
                goal.ToKey(),
                goal.DomainName,
                goal.Split,
                world.GoalText(goal),
                world.ItemTexts(goal),
                plan,
                [.. verdicts.Select(verdict => verdict.Guideline)],
                SandboxOracle.Score(verdicts),
                SandboxGrammar.Render(world.Writer.Reference(goal, random), random));
        });
    }
}
